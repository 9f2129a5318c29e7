"""Where answers are kept: the part of a resource that cannot change under running pods without losing the cache.

The pods' placement is a function of the resource and of `status.placement`, which remembers what was in force before
the resource asked for something else.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from semantic_router_operator.api.cache import Backend, Embedding
from semantic_router_operator.api.milvus import Milvus
from semantic_router_operator.api.semantic_router import SemanticRouter

Json = dict[str, Any]
# The API server drops a null, and what comes back has to equal what was written.
_SAID: Any = {"exclude_unset": True, "exclude_none": True}


@dataclass(frozen=True)
class Placement:
    """Backend, Milvus and embedding model. `milvus` is None for memory where none has been asked for."""

    backend: Backend
    milvus: Milvus | None
    embedding: Embedding

    @classmethod
    def wanted(cls, resource: SemanticRouter) -> "Placement":
        """What the resource asks for."""
        return cls(resource.backend, resource.spec.milvus, resource.spec.cache.embedding)

    @classmethod
    def stored(cls, data: object) -> "Placement | None":
        """What `status.placement` remembers; None where there is nothing usable."""
        if not isinstance(data, Mapping) or data.get("backend") not in ("memory", "milvus", "hybrid"):
            return None
        try:
            milvus = Milvus.model_validate(data["milvus"]) if data.get("milvus") else None
            return cls(data["backend"], milvus, Embedding.model_validate(data.get("embedding") or {}))
        except ValidationError:
            return None

    def dumped(self) -> Json:
        """As `status` holds it: references to Secrets, never their values."""
        result: Json = {"backend": self.backend}
        if self.milvus is not None:
            result["milvus"] = self.milvus.model_dump(mode="json", by_alias=True, **_SAID)
        embedding = self.embedding.model_dump(mode="json", by_alias=True, **_SAID)
        return result | ({"embedding": embedding} if embedding else {})

    @property
    def store(self) -> tuple[str, ...]:
        """Names the collection; two placements with the same one see the same answers. Empty: memory."""
        if self.backend == "memory" or self.milvus is None:
            return ()
        collection = self.milvus.collection.name
        if self.milvus.external is not None:
            return ("external", self.milvus.external.address, self.milvus.external.database, collection)
        if self.milvus.managed is not None:
            return ("managed", collection)
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
        where = f" {self.store[1]}" if self.store[0] == "external" else ""
        return f"{self.backend} ({self.store[0]} Milvus{where}, collection {self.store[-1]}{model})"


def placed(resource: SemanticRouter, placement: Placement) -> SemanticRouter:
    """Return the resource as it would be with this placement.

    Memory keeps the Milvus that is asked for: it is made ready before pods use it.
    """
    if Placement.wanted(resource) == placement:
        return resource
    cache = resource.spec.cache.model_copy(update={"backend": placement.backend, "embedding": placement.embedding})
    milvus = placement.milvus
    if milvus is None or placement.backend == "memory":
        milvus = resource.spec.milvus
    return resource.model_copy(update={"spec": resource.spec.model_copy(update={"cache": cache, "milvus": milvus})})
