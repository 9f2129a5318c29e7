"""/v1/embeddings: the router's own embedder."""

import base64
from typing import Any

from semantic_router_proxy.embedding.base import Embedder, EmbeddingError
from semantic_router_proxy.server.errors import ApiError, invalid

_MOST_TEXTS = 256


async def embed(embedder: Embedder | None, body: dict[str, Any]) -> dict[str, Any]:
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
