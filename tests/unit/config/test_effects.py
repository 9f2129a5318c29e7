"""Every key of the cache's sections does something, and a test shows what; a new key without one fails here."""

import ast
import logging
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

import hnswlib
import numpy as np
import pytest
from pydantic import BaseModel, ValidationError
from tests.unit.cache.conftest import WordEmbedder
from tests.unit.cache.test_memory import _add, _backend

from semantic_router_proxy.cache.index.partitioned import PartitionedIndex
from semantic_router_proxy.cache.language import language_of
from semantic_router_proxy.cache.memory import graph_settings
from semantic_router_proxy.cache.milvus.client import Connection, client_arguments
from semantic_router_proxy.cache.milvus.rows import make_schema
from semantic_router_proxy.cache.policy import CallerHints, eligibility
from semantic_router_proxy.config.cache import GuardConfig, SemanticCacheConfig
from semantic_router_proxy.config.embedding import EmbeddingConfig
from semantic_router_proxy.config.milvus import CollectionConfig, ConnectionConfig, MilvusConfig

ROOT = Path(__file__).parents[3]
HERE = "unit/config/test_effects.py"
MEMORY, RULES, LIMITS = "unit/cache/test_memory.py", "unit/cache/test_rules.py", "unit/cache/test_limits.py"
QUALITY, HYBRID = "system/gateway/test_cache_quality.py", "milvus/test_hybrid.py"
COLLECTION, SERVER, TLS = "milvus/test_collection.py", "milvus/test_real_server.py", "milvus/test_real_server_tls.py"
KINDS, FILES = "milvus/test_real_server_kinds.py", "unit/config/test_milvus.py"
OPENAI, ONNX = "unit/embedding/test_openai.py", "unit/embedding/test_onnx.py"

# Key -> the test, under tests/, that fails where the key does nothing.
EFFECTS = {
    "semantic_cache.enabled": f"{QUALITY}::test_reports_need_a_cache",
    "semantic_cache.backend_type": f"{HYBRID}::test_backend_milvus_keeps_nothing_in_memory",
    "semantic_cache.backend_config_path": f"{FILES}::test_the_kubernetes_guide",
    "semantic_cache.similarity_threshold": f"{MEMORY}::test_a_new_threshold_and_guard_hold_at_once",
    "semantic_cache.verify_threshold": f"{QUALITY}::test_between_the_thresholds_a_yes_serves",
    "semantic_cache.verifier.model": f"{QUALITY}::test_between_the_thresholds_a_yes_serves",
    "semantic_cache.verifier.timeout_seconds": f"{QUALITY}::test_a_verifier_that_is_down_or_slow_is_a_miss",
    "semantic_cache.categories.type": f"{QUALITY}::test_thresholds_by_category_and_by_decision",
    "semantic_cache.categories.name": f"{QUALITY}::test_thresholds_by_category_and_by_decision",
    "semantic_cache.categories.enabled": (
        f"{LIMITS}::test_a_category_is_stricter_or_looser_and_the_strictest_of_several_holds"
    ),
    "semantic_cache.categories.similarity_threshold": f"{QUALITY}::test_thresholds_by_category_and_by_decision",
    "semantic_cache.categories.verify_threshold": f"{LIMITS}::test_the_verifier_decides_between_two_thresholds",
    "semantic_cache.categories.ttl_seconds": (
        f"{LIMITS}::test_a_category_is_stricter_or_looser_and_the_strictest_of_several_holds"
    ),
    "semantic_cache.shadow.share": f"{QUALITY}::test_shadow_mode_serves_no_semantic_hit_and_compares_answers",
    "semantic_cache.shadow.compare": f"{QUALITY}::test_shadow_mode_without_comparison_only_counts",
    "semantic_cache.shadow.agreement": f"{QUALITY}::test_a_false_hit_is_seen_in_shadow_mode",
    "semantic_cache.ttl_seconds": f"{MEMORY}::test_an_expired_entry_is_never_served",
    "semantic_cache.max_entries": f"{MEMORY}::test_the_oldest_leaves_when_there_is_no_room",
    "semantic_cache.max_memory_entries": f"{HYBRID}::test_what_memory_evicts_stays_in_milvus_and_is_found",
    "semantic_cache.local_cache_size": f"{HYBRID}::test_a_store_that_is_cut_off_is_a_miss_and_comes_back",
    "semantic_cache.hnsw_m": f"{HERE}::test_a_graph_is_made_and_searched_as_configured",
    "semantic_cache.hnsw_ef_construction": f"{HERE}::test_a_graph_is_made_and_searched_as_configured",
    "semantic_cache.hnsw_ef_search": f"{HERE}::test_a_graph_is_made_and_searched_as_configured",
    "semantic_cache.eviction_policy": f"{HERE}::test_who_leaves_hangs_on_the_policy",
    "semantic_cache.scope": f"{RULES}::test_rule_2_a_global_scope_is_a_choice",
    "semantic_cache.max_response_bytes": f"{MEMORY}::test_an_answer_that_is_too_large_is_not_stored",
    "semantic_cache.guard.enabled": f"{MEMORY}::test_the_guard_stands_behind_similarity",
    "semantic_cache.guard.languages": f"{HERE}::test_another_language_is_open_to_likeness_where_configured",
    "connection.host": f"{FILES}::test_the_kubernetes_guide",
    "connection.port": f"{HYBRID}::test_replicas_see_each_others_writes_and_deletions",
    "connection.uri": f"{HYBRID}::test_answers_survive_a_restart",
    "connection.database": f"{SERVER}::test_databases_are_apart_and_a_missing_one_is_named",
    "connection.timeout": f"{HERE}::test_a_connection_is_made_as_configured",
    "connection.auth.enabled": f"{HERE}::test_a_connection_is_made_as_configured",
    "connection.auth.username": f"{SERVER}::test_a_second_user_with_a_role_works_and_one_without_is_told",
    "connection.auth.password": f"{SERVER}::test_a_wrong_password_is_said_in_a_sentence",
    "connection.auth.token": f"{HERE}::test_a_connection_is_made_as_configured",
    "connection.tls.enabled": f"{TLS}::test_one_way",
    "connection.tls.ca_file": f"{TLS}::test_a_server_that_is_not_who_it_should_be_gets_nothing",
    "connection.tls.cert_file": f"{TLS}::test_mutual",
    "connection.tls.key_file": f"{TLS}::test_mutual",
    "connection.tls.server_name": f"{TLS}::test_a_server_that_is_not_who_it_should_be_gets_nothing",
    "collection.name": f"{COLLECTION}::test_the_name_is_an_alias_from_the_first_creation",
    "collection.description": f"{HERE}::test_a_collections_schema_is_the_configured_one",
    "collection.vector_field.name": "milvus/test_real_server_engine.py::"
    "test_an_archive_moves_a_cache_to_another_index_and_metric",
    "collection.vector_field.dimension": f"{FILES}::test_the_short_form_of_the_hybrid_cache",
    "collection.vector_field.metric_type": f"{HYBRID}::test_similarity_is_the_cosine_whatever_the_metric",
    "collection.index.type": f"{KINDS}::test_an_index_type",
    "collection.index.params": f"{KINDS}::test_an_index_type",
    "collection.partition_key": f"{HERE}::test_a_collections_schema_is_the_configured_one",
    "search.params": f"{FILES}::test_a_search_gets_the_parameters_of_its_index",
    "search.topk": "milvus/test_real_server_engine.py::test_as_many_like_questions_are_looked_at_as_configured",
    "search.timeout": f"{HYBRID}::test_a_store_that_stalls_costs_its_timeout_a_few_times_and_nothing_after",
    "search.consistency_level": f"{KINDS}::test_a_consistency_level",
    "logging.level": f"{HERE}::test_pymilvus_speaks_as_configured",
    "logging.enable_query_log": f"{COLLECTION}::test_requests_are_logged_where_asked_and_without_their_content",
    "development.drop_collection_on_startup": f"{COLLECTION}::test_drop_collection_on_startup_drops_once",
    "development.auto_create_collection": f"{COLLECTION}::test_without_auto_create_a_missing_collection_is_an_error",
    "development.verbose_errors": f"{COLLECTION}::test_errors_are_one_line_unless_verbose",
    "embedding.backend": "unit/embedding/test_sentence_transformers.py::test_the_error_names_the_extra",
    "embedding.model": f"{OPENAI}::test_rows_follow_the_texts_and_have_length_one",
    "embedding.path": f"{ONNX}::test_vectors_are_those_of_sentence_transformers",
    "embedding.base_url": f"{OPENAI}::test_a_dead_endpoint_is_named",
    "embedding.revision": f"{ONNX}::test_a_configured_revision_takes_their_place",
    "embedding.api_key_env": f"{OPENAI}::test_the_key_comes_from_the_environment_or_a_file",
    "embedding.api_key_file": f"{OPENAI}::test_the_key_comes_from_the_environment_or_a_file",
    "embedding.threads": f"{ONNX}::test_more_threads_give_the_same_vectors",
    "embedding.timeout_seconds": f"{OPENAI}::test_a_slow_endpoint_is_given_up",
}


def _keys(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        section = _section(field.annotation)
        if section is None:
            yield prefix + name
        else:
            yield from _keys(section, f"{prefix}{name}.")


def _section(annotation: Any) -> type[BaseModel] | None:
    """Return the section behind an annotation such as `Section | None` or `tuple[Section, ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in (Union, UnionType, tuple):
        return next((found for each in get_args(annotation) if (found := _section(each)) is not None), None)
    return None


@cache
def _tests(file: str) -> frozenset[str]:
    tree = ast.parse((ROOT / "tests" / file).read_text(encoding="utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def test_every_key_has_a_test_of_its_effect() -> None:
    keys = {*_keys(SemanticCacheConfig, "semantic_cache."), *_keys(MilvusConfig), *_keys(EmbeddingConfig, "embedding.")}
    assert keys == set(EFFECTS)


@pytest.mark.parametrize("test", sorted(set(EFFECTS.values())))
def test_the_tests_of_effects_are_there(test: str) -> None:
    file, _, name = test.partition("::")
    assert name in _tests(file)


async def test_a_graph_is_made_and_searched_as_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[hnswlib.Index] = []

    def noted(**named: Any) -> hnswlib.Index:
        made.append(hnswlib_index(**named))
        return made[-1]

    hnswlib_index = hnswlib.Index
    monkeypatch.setattr(hnswlib, "Index", noted)
    for construction in (60, 600):
        config = SemanticCacheConfig(hnsw_m=7, hnsw_ef_construction=construction, hnsw_ef_search=21)
        index = PartitionedIndex(8, graph_settings(config), exact_limit=2)
        for label, vector in enumerate(np.eye(8, dtype=np.float32)):
            index.add("p", label, vector)
        await index.settled()
        assert index.search("p", np.eye(8, dtype=np.float32)[3], 1)[0][0] == 3
        await index.close()
    assert {(graph.M, graph.ef) for graph in made} == {(7, 21)}
    assert made[0].ef_construction < made[-1].ef_construction


@pytest.mark.parametrize(("policy", "leaves"), [("fifo", "a"), ("lru", "b"), ("lfu", "c")])
async def test_who_leaves_hangs_on_the_policy(policy: str, leaves: str) -> None:
    cache_ = _backend(WordEmbedder(), max_entries=3, eviction_policy=policy)
    for key in ("a", "b", "c"):
        await _add(cache_, f"what is the letter {key}", exact_key=key)
    for used in ("b", "b", "c", "a", "a"):
        assert await cache_.find_exact(used) is not None
    await _add(cache_, "what is the letter d", exact_key="d")
    gone = [key for key in ("a", "b", "c") if await cache_.find_exact(key) is None]
    assert gone == [leaves]


def test_another_language_is_open_to_likeness_where_configured() -> None:
    question = "Was ist die Hauptstadt von Frankreich?"
    body = {"messages": [{"role": "user", "content": question}]}
    hints = CallerHints(no_store=False, no_cache=False, max_age=None, ttl_seconds=None, threshold=None)
    assert language_of(question) == "de"
    for languages, reason in ((("en",), "language"), (("en", "de"), ""), (("fr",), "language")):
        assert eligibility("chat", body, question, hints, languages).reason == reason
    with pytest.raises(ValidationError, match="languages"):
        GuardConfig.model_validate({"languages": ["ja"]})


def test_a_connection_is_made_as_configured() -> None:
    auth: dict[str, Any] = {"username": "u", "password": "p"}
    made = client_arguments(ConnectionConfig.model_validate({"timeout": 7, "auth": {**auth, "enabled": True}}))
    assert (made["timeout"], made["token"]) == (7, "u:p")
    made = client_arguments(ConnectionConfig.model_validate({"auth": {"enabled": True, "token": "t"}}))
    assert made["token"] == "t"
    assert "token" not in client_arguments(ConnectionConfig.model_validate({"auth": auth}))


def test_a_collections_schema_is_the_configured_one() -> None:
    schema = make_schema(CollectionConfig(description="answers of team a", partition_key=True), 8)
    assert schema.description == "answers of team a"
    assert [field.name for field in schema.fields if field.is_partition_key] == ["partition"]
    without = make_schema(CollectionConfig(partition_key=False), 8)
    assert not [field for field in without.fields if field.is_partition_key]


def test_pymilvus_speaks_as_configured() -> None:
    before = logging.getLogger("pymilvus").level
    try:
        Connection(MilvusConfig.model_validate({"logging": {"level": "warning"}}))
        assert logging.getLogger("pymilvus").level == logging.WARNING
    finally:
        logging.getLogger("pymilvus").setLevel(before)
