"""POST /v1/messages/count_tokens: how long a message request is, counted by its provider or estimated."""

from collections.abc import Mapping
from typing import Any

import orjson

from semantic_router_proxy.routing.facts import estimated_tokens
from semantic_router_proxy.server.errors import ApiError
from semantic_router_proxy.server.failures import as_api_error, provider_error
from semantic_router_proxy.server.gateway import Gateway
from semantic_router_proxy.server.http import JSON, Header
from semantic_router_proxy.server.observe import RequestRecord
from semantic_router_proxy.server.passing import as_headers, to_client, to_upstream
from semantic_router_proxy.server.protocols.messages import check_conversation
from semantic_router_proxy.upstream.client import Call
from semantic_router_proxy.upstream.errors import UpstreamError
from semantic_router_proxy.upstream.provider import Target

PATH = "/v1/messages/count_tokens"
_ESTIMATED: Header = (b"x-vsr-estimated", b"true")


async def count_message_tokens(
    gateway: Gateway, body: dict[str, Any], headers: Mapping[str, str], record: RequestRecord
) -> tuple[tuple[Header, ...], bytes]:
    """Return the headers and the body of the answer. Raises ApiError.

    A provider of another protocol has no such call, and a model that is yet to be chosen no provider: for those the
    number is an estimate, four characters a token, and a header says so.
    """
    check_conversation(body)
    engine = gateway.engine
    model = body.get("model")
    targets = engine.targets.get(model, ()) if isinstance(model, str) else ()
    if not targets or targets[0].provider.config.messages_api == "translated":
        tokens = sum(estimated_tokens(body.get(key)) for key in ("system", "messages", "tools"))
        return (JSON, _ESTIMATED), orjson.dumps({"input_tokens": max(1, tokens)})
    record.model = str(model)

    def call_for(target: Target) -> Call:
        told = orjson.dumps({**body, "model": target.upstream_name})
        return Call("/messages/count_tokens", told, native=True)

    sent = to_upstream(headers, record.request_id, credentials=engine.access is None)
    try:
        async with await gateway.client.open(targets[:1], call_for, sent) as exchange:
            answer = await exchange.read()
            passed = to_client(exchange.headers)
            if exchange.status != 200:
                raise provider_error(exchange, answer, passed)
            return (JSON, *as_headers(passed)), answer
    except UpstreamError as error:
        raise as_api_error(error) from None
    except orjson.JSONEncodeError:
        raise ApiError(400, "The request body cannot be passed on as JSON.") from None
