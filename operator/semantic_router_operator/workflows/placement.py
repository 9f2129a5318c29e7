"""Where answers are kept: the part of a resource that cannot change under running pods without losing the cache.

The pods' placement is a function of the resource and of `status.placement`, which remembers what was in force before
the resource asked for something else.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from pydantic import ValidationError

from semantic_router_operator.api.cache import Backend, Embedding
from semantic_router_operator.api.migration import ManagedStatus
from semantic_router_operator.api.milvus import Milvus
from semantic_router_operator.api.semantic_router import SemanticRouter
from semantic_router_operator.render import names

Json = dict[str, Any]
# The API server drops a null, and what comes back has to equal what was written.
_SAID: Any = {"exclude_unset": True, "exclude_none": True}

Mode = Literal["standalone", "cluster"]
_MODES: tuple[Mode, ...] = get_args(Mode)


@dataclass(frozen=True, slots=True)
class Managed:
    """A managed Milvus: its name, empty for that of the resource, and the mode that it was made in and keeps."""

    name: str
    mode: Mode


@dataclass(frozen=True)
class Placement:
    """Backend, Milvus and embedding model. `milvus` is None for memory where none has been asked for. `managed` is the
    managed Milvus in it, else the last one that there was: its data may have been retained under its name."""

    backend: Backend
    milvus: Milvus | None
    embedding: Embedding
    managed: Managed | None = None

    @classmethod
    def wanted(cls, resource: SemanticRouter, current: "Placement | None" = None) -> "Placement":
        """What the resource asks for, where pods run `current`."""
        return cls(resource.backend, resource.spec.milvus, resource.spec.cache.embedding, _managed(resource, current))

    @classmethod
    def stored(cls, data: object) -> "Placement | None":
        """What `status.placement` remembers; None where there is nothing usable."""
        if not isinstance(data, Mapping) or data.get("backend") not in ("memory", "milvus", "hybrid"):
            return None
        try:
            milvus = Milvus.model_validate(data["milvus"]) if data.get("milvus") else None
            managed = _first_managed(milvus)
            if data.get("managedMilvus"):
                said = ManagedStatus.model_validate(data["managedMilvus"])
                managed = Managed(said.name, said.mode)
            return cls(data["backend"], milvus, Embedding.model_validate(data.get("embedding") or {}), managed)
        except ValidationError:
            return None

    def dumped(self) -> Json:
        """As `status` holds it: references to Secrets, never their values."""
        result: Json = {"backend": self.backend}
        if self.milvus is not None:
            result["milvus"] = self.milvus.model_dump(mode="json", by_alias=True, **_SAID)
        if embedding := self.embedding.model_dump(mode="json", by_alias=True, **_SAID):
            result["embedding"] = embedding
        if self.managed is not None and self.managed != _first_managed(self.milvus):
            result["managedMilvus"] = {"name": self.managed.name, "mode": self.managed.mode}
        return result

    def found(self, modes: Mapping[str, str], name: str) -> "Placement":
        """Return the placement with the mode that its managed Milvus really has. `modes` are those of the Milvus
        resources that are there, by name; `name` is that of the first one."""
        if self.managed is None:
            return self
        there = modes.get(self.managed.name or name)
        mode = next((each for each in _MODES if each == there), self.managed.mode)
        return self if mode == self.managed.mode else replace(self, managed=replace(self.managed, mode=mode))

    @property
    def store(self) -> tuple[str, ...]:
        """Names the collection; two placements with the same one see the same answers. Empty: memory."""
        if self.backend == "memory" or self.milvus is None:
            return ()
        collection = self.milvus.collection.name
        if self.milvus.external is not None:
            return ("external", self.milvus.external.address, self.milvus.external.database, collection)
        if self.milvus.managed is not None:
            return ("managed", self.managed.name if self.managed is not None else "", collection)
        return ("embedded", collection)

    @property
    def model(self) -> tuple[str, ...]:
        """Names the embedding model of what is stored. Empty: memory, which a restart empties anyway."""
        if self.backend == "memory":
            return ()
        files = self.embedding.files
        claim, path = (files.claim_name or "", files.path or "") if files is not None else ("", "")
        return (self.embedding.backend, self.embedding.model or "", self.embedding.revision, claim, path)

    @property
    def identity(self) -> tuple[object, ...]:
        """Equal ones need no migration from one to the other."""
        return (self.backend, self.store, self.model)

    @property
    def embedded(self) -> bool:
        return self.store[:1] == ("embedded",)

    def __str__(self) -> str:
        if not self.store:
            return self.backend
        if self.embedded:
            return f"{self.backend} (Milvus Lite, collection {self.store[-1]})"
        model = f", model {self.embedding.model}" if self.embedding.model else ""
        where = f" {self.store[1]}" if self.store[1] else ""
        return f"{self.backend} ({self.store[0]} Milvus{where}, collection {self.store[-1]}{model})"


def placed(resource: SemanticRouter, placement: Placement) -> SemanticRouter:
    """Return the resource as it would be with this placement.

    Memory keeps the Milvus that is asked for: it is made ready before pods use it.
    """
    wanted, managed = Placement.wanted(resource, placement), placement.managed
    cache, milvus = resource.spec.cache, placement.milvus
    if milvus is None or placement.backend == "memory":
        milvus, managed = resource.spec.milvus, wanted.managed
    elif milvus.managed is not None and managed is not None and milvus.managed.mode != managed.mode:
        settled = milvus.managed.model_copy(update={"mode": managed.mode, "message_stream": None})
        milvus = milvus.model_copy(update={"managed": settled})
    name = managed.name if managed is not None else ""
    if (wanted.backend, wanted.embedding) != (placement.backend, placement.embedding):
        cache = cache.model_copy(update={"backend": placement.backend, "embedding": placement.embedding})
    if cache is resource.spec.cache and milvus == resource.spec.milvus and name == resource.milvus_name:
        return resource
    spec = resource.spec.model_copy(update={"cache": cache, "milvus": milvus})
    return resource.model_copy(update={"spec": spec, "milvus_name": name})


def _first_managed(milvus: Milvus | None) -> Managed | None:
    return Managed("", milvus.managed.mode) if milvus is not None and milvus.managed is not None else None


def _managed(resource: SemanticRouter, current: Placement | None) -> Managed | None:
    """Return the managed Milvus that the resource asks for.

    A Milvus keeps its mode: another one is made under a second name, and the next one under the first again. While pods
    use the memory it is not begun, for its entries could not be taken along.
    """
    first, there = _first_managed(resource.spec.milvus), current.managed if current is not None else None
    if first is None or there is None:
        return there or first
    idle = current is not None and current.backend == "memory" and _first_managed(current.milvus) is not None
    if first.mode == there.mode or idle:
        return there
    return Managed("" if there.name else names.second_milvus(resource, first.mode), first.mode)
