"""/v1/embeddings: the router's own embedder, or a configured model at its provider."""

import base64
from collections.abc import Mapping
from typing import Any

import orjson

from semantic_router_proxy.embedding.base import Embedder, EmbeddingError
from semantic_router_proxy.server.errors import ApiError, invalid
from semantic_router_proxy.server.failures import as_api_error, provider_error
from semantic_router_proxy.server.gateway import Gateway
from semantic_router_proxy.server.http import JSON, Header
from semantic_router_proxy.server.observe import RequestRecord
from semantic_router_proxy.server.passing import as_headers, to_client, to_upstream
from semantic_router_proxy.upstream.client import Call
from semantic_router_proxy.upstream.errors import UpstreamError
from semantic_router_proxy.upstream.provider import Target

_MOST_TEXTS = 256
_PATH = "/embeddings"


async def answer_embeddings(
    gateway: Gateway, body: dict[str, Any], headers: Mapping[str, str], record: RequestRecord
) -> tuple[tuple[Header, ...], bytes]:
    """Return the headers and the body of the answer. Raises ApiError."""
    model = body.get("model")
    if isinstance(model, str) and gateway.engine.known(model):
        return await _ask_provider(gateway, model, body, headers, record)
    return (JSON,), orjson.dumps(await _embed(gateway.embedder, body))


async def _ask_provider(
    gateway: Gateway, model: str, body: dict[str, Any], headers: Mapping[str, str], record: RequestRecord
) -> tuple[tuple[Header, ...], bytes]:
    record.model = model

    def call_for(target: Target) -> Call:
        try:
            return Call(_PATH, orjson.dumps({**body, "model": target.upstream_name}))
        except orjson.JSONEncodeError:
            raise invalid("The request body cannot be passed on as JSON.") from None

    sent = to_upstream(headers, record.request_id, credentials=gateway.engine.access is None)
    try:
        async with await gateway.client.open(gateway.engine.targets_of(model), call_for, sent) as exchange:
            answer = await exchange.read()
            passed = to_client(exchange.headers)
            if not 200 <= exchange.status < 300:
                raise provider_error(exchange, answer, passed)
            return (JSON, *as_headers(passed)), answer
    except UpstreamError as error:
        raise as_api_error(error) from None


async def _embed(embedder: Embedder | None, body: dict[str, Any]) -> dict[str, Any]:
    """Answer an embeddings request. Raises ApiError."""
    if embedder is None:
        raise ApiError(503, "This router has no embedding model loaded: neither its cache nor its routing needs one.")
    model = body.get("model")
    own = embedder.identity.model
    if model not in (None, "auto", own, own.rsplit("/", 1)[-1]):
        raise ApiError(
            404, f"The embedding model here is '{own}', not '{model}'.", param="model", code="model_not_found"
        )
    given = body.get("input")
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) and text for text in texts):
        raise invalid("'input' must be a string or an array of strings that are not empty.", param="input")
    if len(texts) > _MOST_TEXTS:
        raise invalid(f"'input' has {len(texts)} texts; the limit is {_MOST_TEXTS}.", param="input")
    form = body.get("encoding_format", "float")
    if form not in ("float", "base64"):
        raise invalid("'encoding_format' must be float or base64.", param="encoding_format")
    if body.get("dimensions") not in (None, embedder.identity.dimension):
        raise invalid(f"'{own}' gives {embedder.identity.dimension} dimensions only.", param="dimensions")
    try:
        vectors = await embedder.embed(texts)
    except EmbeddingError as error:
        raise ApiError(502, f"The embedding model failed: {error}.") from None
    data = [
        {
            "object": "embedding",
            "index": number,
            "embedding": vector.tolist()
            if form == "float"
            else base64.b64encode(vector.astype("<f4").tobytes()).decode("ascii"),
        }
        for number, vector in enumerate(vectors)
    ]
    tokens = sum(len(text.split()) for text in texts)
    return {"object": "list", "data": data, "model": own, "usage": {"prompt_tokens": tokens, "total_tokens": tokens}}
