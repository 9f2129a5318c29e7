"""A provider's API key: read from a file at every use (it may be rotated) or from the environment. Never logged."""

import os
from pathlib import Path

from semantic_router_proxy.config.upstreams import ProviderConfig


class KeySource:
    """Where one provider's key comes from."""

    def __init__(self, config: ProviderConfig, base: Path | None = None) -> None:
        self._variable = config.api_key_env
        self._file = None if config.api_key_file is None else (base or Path()) / config.api_key_file
        self._seen: tuple[int, int] | None = None
        self._key = ""

    @property
    def configured(self) -> bool:
        return self._variable is not None or self._file is not None

    def read(self) -> str:
        """Return the key, empty where there is none. A file is read again when it was replaced."""
        if self._file is not None:
            try:
                status = self._file.stat()
                seen = (status.st_mtime_ns, status.st_ino)
                if seen != self._seen:
                    self._key = self._file.read_text(encoding="utf-8").strip()
                    self._seen = seen
            except OSError:
                self._key, self._seen = "", None
            return self._key
        return os.environ.get(self._variable, "") if self._variable else ""
