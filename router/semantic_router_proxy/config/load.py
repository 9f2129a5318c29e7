"""Read a router's configuration and the files that it names."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from semantic_router_proxy.config.layouts import to_native
from semantic_router_proxy.config.milvus import FOREIGN_SECTIONS, MilvusConfig, long_form
from semantic_router_proxy.config.problems import ConfigError, Problem
from semantic_router_proxy.config.root import RouterConfig
from semantic_router_proxy.config.text import FileState, file_state, parse_yaml, read_text, substitute
from semantic_router_proxy.config.validate import validate


@dataclass(frozen=True, slots=True)
class LoadedConfig:
    """A configuration as it is in force.

    `milvus` is None where the backend is memory; `warnings` name keys that stand in a file and do nothing; `state` is
    the file's from before it was read, so that a change since then shows.
    """

    file: Path
    state: FileState
    router: RouterConfig
    milvus: MilvusConfig | None
    milvus_file: Path | None
    warnings: tuple[Problem, ...]


def load_config(file: Path, environment: Mapping[str, str] | None = None) -> LoadedConfig:
    """Load `config.yaml` and, where the backend needs it, the Milvus client's file.

    Raises ConfigError with every problem of the first file that has any.
    """
    variables = os.environ if environment is None else environment
    state = file_state(file)
    data = substitute(parse_yaml(read_text(file), file), variables, file)
    native, warnings = to_native(data, file)
    router = validate(RouterConfig, native, file)
    warnings += _keys_without_effect(native, router, file)
    cache = router.semantic_cache
    if not cache.enabled or cache.backend_type == "memory" or not cache.backend_config_path:
        return LoadedConfig(file, state, router, None, None, tuple(warnings))
    milvus_file = resolve(cache.backend_config_path, file)
    milvus, milvus_warnings = load_milvus_config(milvus_file, variables)
    return LoadedConfig(file, state, router, milvus, milvus_file, (*warnings, *milvus_warnings))


def load_milvus_config(
    file: Path, environment: Mapping[str, str] | None = None
) -> tuple[MilvusConfig, tuple[Problem, ...]]:
    """Load a Milvus client's file in either form. Raises ConfigError."""
    variables = os.environ if environment is None else environment
    data = substitute(parse_yaml(read_text(file), file), variables, file)
    warnings: list[Problem] = []
    dimension_key = "collection.vector_field.dimension"
    if "milvus" in data:
        dimension_key = "milvus.dimension"
        others = sorted(set(data) - {"milvus"})
        if others:
            raise ConfigError([Problem(file, others[0], "stands beside milvus:, but the two forms do not mix")])
        if not isinstance(data["milvus"], dict):
            raise ConfigError([Problem(file, "milvus", "must be a mapping")])
        try:
            data = long_form(data["milvus"])
        except ValueError as error:
            raise ConfigError([Problem(file, "milvus", str(error))]) from None
    warnings += [
        Problem(file, section, "has no effect: a section of vLLM Semantic Router without use here")
        for section in sorted(FOREIGN_SECTIONS & set(data))
    ]
    config = validate(MilvusConfig, {key: data[key] for key in data if key not in FOREIGN_SECTIONS}, file)
    warnings += [
        Problem(file, key, f"has no effect {reason}") for key, reason in sorted(config.keys_without_effect().items())
    ]
    if config.collection.vector_field.dimension is not None:
        dimension = str(config.collection.vector_field.dimension)
        warnings.append(
            Problem(file, dimension_key, "has no effect", value=dimension, advice="The embedding model decides")
        )
    return config, tuple(warnings)


def resolve(path: str, named_in: Path) -> Path:
    """Return where a path of a configuration file leads: beside that file first, then in the working folder."""
    beside = named_in.parent / path
    return beside if beside.exists() or not Path(path).exists() else Path(path)


_ONLY_FOR: dict[str, frozenset[str]] = {
    "max_entries": frozenset({"memory"}),
    "max_memory_entries": frozenset({"hybrid"}),
    "local_cache_size": frozenset({"hybrid"}),
    "hnsw_m": frozenset({"memory", "hybrid"}),
    "hnsw_ef_construction": frozenset({"memory", "hybrid"}),
    "hnsw_ef_search": frozenset({"memory", "hybrid"}),
    "eviction_policy": frozenset({"memory", "hybrid"}),
    "backend_config_path": frozenset({"milvus", "hybrid"}),
}


def _keys_without_effect(data: dict[str, Any], router: RouterConfig, file: Path) -> list[Problem]:
    """Name each key of `semantic_cache` that stands in the file but does not apply to its backend."""
    backend = router.semantic_cache.backend_type
    section = data.get("semantic_cache")
    present = section if isinstance(section, dict) else {}
    return [
        Problem(file, f"semantic_cache.{key}", f"has no effect with backend_type {backend}")
        for key, backends in _ONLY_FOR.items()
        if key in present and backend not in backends
    ]
