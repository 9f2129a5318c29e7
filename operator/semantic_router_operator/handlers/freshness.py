"""Does kopf's watch still bring news? What it told is compared with what the API server lists."""

from collections.abc import Mapping

Key = tuple[str, str]
KIND = "SemanticRouter"


class Freshness:
    """A watch can freeze without an error (kopf issue 1145): the connection stands, and nothing comes any more."""

    def __init__(self) -> None:
        self._told: dict[Key, int] = {}
        self._behind: frozenset[Key] = frozenset()
        self.frozen = False

    def told(self, key: Key, version: int | None) -> None:
        """The watch has brought the resource in this resourceVersion; None: it has been deleted."""
        if version is None:
            self._told.pop(key, None)
        else:
            self._told[key] = version

    def compare(self, listed: Mapping[Key, int]) -> frozenset[Key]:
        """Resources of a list whose version the watch has not told. Behind in two lists in a row means frozen."""
        behind = frozenset(key for key, version in listed.items() if self._told.get(key, -1) < version)
        self.frozen = bool(behind & self._behind)
        self._behind = behind
        return behind
