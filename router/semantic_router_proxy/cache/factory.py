"""The cache that a configuration asks for."""

import structlog
from prometheus_client import CollectorRegistry

from semantic_router_proxy.cache.backend import CacheBackend
from semantic_router_proxy.cache.hybrid import HybridBackend
from semantic_router_proxy.cache.memory import MemoryBackend
from semantic_router_proxy.cache.metrics import CacheMetrics
from semantic_router_proxy.cache.store import StoreUnavailable
from semantic_router_proxy.config.load import LoadedConfig
from semantic_router_proxy.embedding.base import Embedder

_log = structlog.get_logger(__name__)


async def open_cache(loaded: LoadedConfig, embedder: Embedder, registry: CollectorRegistry) -> CacheBackend:
    """Return the configured backend, running.

    A Milvus that is down is waited for in the background; one whose collection does not fit raises StoreMismatch.
    """
    config = loaded.router.semantic_cache
    metrics = CacheMetrics(config.backend_type, registry)
    if loaded.milvus is None:
        return MemoryBackend(config, embedder, metrics)
    # pymilvus is slow to import, and backend memory has no use for it.
    from semantic_router_proxy.cache.milvus.store import MilvusStore

    store = MilvusStore(loaded.milvus, embedder.identity, lambda: metrics.count("read_row", "bad"))
    unavailable: StoreUnavailable | None = None
    try:
        await store.open()
    except StoreUnavailable as error:
        unavailable = error
        _log.warning("cache_store_unavailable", reason=str(error), consequence="answers are cached in memory only")
    else:
        _log.info("milvus_connected", address=store.address, collection=loaded.milvus.collection.name)
    backend = HybridBackend(config.backend_type, config, embedder, store, metrics)
    backend.start(unavailable)
    return backend
