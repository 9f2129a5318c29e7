"""The Milvus client's file: the seeds' texts as they stand, wrong values by name, foreign and unknown keys."""

import shutil
from pathlib import Path

import pytest

from semantic_router_proxy.config.load import LoadedConfig, load_config, load_milvus_config
from semantic_router_proxy.config.milvus import MilvusConfig
from semantic_router_proxy.config.problems import ConfigError

SEEDS = Path(__file__).parents[2] / "fixtures" / "seeds"


def _warned(loaded: LoadedConfig) -> set[str]:
    return {problem.key for problem in loaded.warnings}


def _load_seed(name: str, folder: Path, path: str) -> LoadedConfig:
    """Load a seed's two texts, unmodified, from where they say that they are."""
    shutil.copy(SEEDS / name / "config.yaml", folder / "config.yaml")
    (folder / path).parent.mkdir(parents=True)
    shutil.copy(SEEDS / name / "milvus.yaml", folder / path)
    return load_config(folder / "config.yaml", {})


def _problems(folder: Path, text: str) -> str:
    file = folder / "milvus.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError) as error:
        load_milvus_config(file, {})
    return str(error.value)


def test_the_kubernetes_guide(tmp_path: Path) -> None:
    loaded = _load_seed("guide", tmp_path, "config/semantic-cache/milvus.yaml")
    assert loaded.milvus is not None
    connection, collection, search = loaded.milvus.connection, loaded.milvus.collection, loaded.milvus.search
    assert connection.host == "milvus-semantic-cache.vllm-semantic-router-system.svc.cluster.local"
    assert (connection.port, connection.timeout, connection.database) == (19530, 60, "default")
    assert (collection.name, collection.index.params) == ("semantic_cache", {"M": 16, "efConstruction": 64})
    assert (search.params, search.topk, search.consistency_level) == ({"ef": 64}, 10, "Session")
    assert loaded.milvus.development.verbose_errors
    assert _warned(loaded) == {"collection.vector_field.dimension"}


def test_the_tutorial_warns_of_max_entries(tmp_path: Path) -> None:
    loaded = _load_seed("tutorial", tmp_path, "config/cache/milvus.yaml")
    assert loaded.milvus is not None
    assert loaded.milvus.connection.host == "192.168.7.xxx"
    assert (loaded.router.semantic_cache.similarity_threshold, loaded.milvus.connection.tls.enabled) == (0.8, False)
    assert _warned(loaded) == {
        "semantic_cache.max_entries",
        "semantic_cache.eviction_policy",
        "collection.vector_field.dimension",
    }


def test_the_short_form_of_the_hybrid_cache(tmp_path: Path) -> None:
    loaded = _load_seed("hybrid", tmp_path, "config/semantic-cache/milvus.yaml")
    assert loaded.milvus is not None
    assert (loaded.milvus.connection.host, loaded.milvus.connection.port) == ("localhost", 19530)
    assert loaded.milvus.collection.index.params == {"M": 16, "efConstruction": 200}
    assert _warned(loaded) == {"milvus.dimension"}


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("connection: {port: 70000}", ("connection.port", "70000")),
        ("connection: {timeout: 0}", ("connection.timeout",)),
        ("search: {consistency_level: Sometimes}", ("search.consistency_level", "Session")),
        ("collection: {vector_field: {metric_type: JACCARD}}", ("collection.vector_field.metric_type", "COSINE")),
        ("collection: {index: {type: HNSWX}}", ("collection.index.type", "IVF_FLAT")),
        ("collection: {name: semantic-cache}", ("collection.name", "semantic-cache")),
        ("collection: {index: {params: {m: 16}}}", ("collection.index", "m", "efConstruction")),
        ("collection: {index: {type: IVF_FLAT, params: {M: 16}}}", ("collection.index", "nlist")),
        ("connection: {auth: {enabled: true}}", ("connection.auth", "MILVUS_USERNAME")),
        ("connection: {tls: {enabled: true, cert_file: a}}", ("connection.tls", "key_file")),
        ("connection: {hots: a}", ("connection.hots", "Did you mean host?")),
        ("milvus: {adress: a}", ("milvus", "adress")),
        ("milvus: {address: nowhere}", ("milvus", "host:port")),
    ],
)
def test_a_wrong_value_is_refused_by_name(tmp_path: Path, text: str, named: tuple[str, ...]) -> None:
    message = _problems(tmp_path, text)
    for word in named:
        assert word in message


def test_a_password_is_never_shown(tmp_path: Path) -> None:
    assert "s3cret" not in _problems(tmp_path, "connection: {auth: {enabled: true, password: s3cret}}")


def test_foreign_keys_are_named_in_a_warning(tmp_path: Path) -> None:
    file = tmp_path / "milvus.yaml"
    file.write_text("performance: {connection_pool: {max_connections: 10}}\ndata_management: {ttl: {enabled: true}}\n")
    _, warnings = load_milvus_config(file, {})
    assert {problem.key for problem in warnings} == {"performance", "data_management"}


def _keys_without_effect(folder: Path, text: str) -> set[str]:
    file = folder / "milvus.yaml"
    file.write_text(text)
    _, warnings = load_milvus_config(file, {})
    assert all("has no effect" in problem.message for problem in warnings)
    return {problem.key for problem in warnings}


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("collection: {index: {type: FLAT}}\nsearch: {params: {ef: 64}}", {"search.params.ef"}),
        ("collection: {index: {type: IVF_FLAT}}\nsearch: {params: {nprobe: 8}}", set()),
        ("connection: {uri: 'http://a:1', host: b, port: 2}", {"connection.host", "connection.port"}),
        ("connection: {uri: a.db, database: b}", {"connection.database"}),
        ("connection: {uri: a.db, auth: {enabled: true, token: t}}", {"connection.auth"}),
        ("connection: {uri: a.db, tls: {enabled: true}}", {"connection.tls"}),
        ("connection: {uri: a.db}\nsearch: {consistency_level: Bounded}", {"search.consistency_level"}),
        ("connection: {uri: a.db}\nsearch: {consistency_level: Strong}", set()),
        ("logging: {level: info, enable_query_log: true}", set()),
    ],
)
def test_a_key_without_effect_is_named(tmp_path: Path, text: str, keys: set[str]) -> None:
    assert _keys_without_effect(tmp_path, text) == keys


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("search: {params: {eff: 64}}", ("search", "eff", "nprobe")),
        ("search: {params: {ef: 0}}", ("search", "ef", "at least 1")),
        ("connection: {uri: a.db}\ncollection: {index: {type: SCANN}}", ("SCANN", "Milvus Lite", "IVF_FLAT")),
    ],
)
def test_what_a_search_or_milvus_lite_does_not_take_is_refused(
    tmp_path: Path, text: str, named: tuple[str, ...]
) -> None:
    message = _problems(tmp_path, text)
    for word in named:
        assert word in message


def test_a_search_gets_the_parameters_of_its_index() -> None:
    for index, given, expected in (
        ("HNSW", {}, {"ef": 64}),
        ("HNSW", {"ef": 200}, {"ef": 200}),
        ("IVF_FLAT", {"ef": 200}, {"nprobe": 16}),
        ("FLAT", {"ef": 200}, {}),
    ):
        config = MilvusConfig.model_validate({"collection": {"index": {"type": index}}, "search": {"params": given}})
        assert config.search_params == expected
