"""vLLM Semantic Router v0.1 as its command line writes it: `version`, `listeners`, `signals`, `decisions`,
`providers.models`. Pure."""

from typing import Any

from semantic_router_proxy.config.layouts.common import read_common, read_listeners
from semantic_router_proxy.config.layouts.decisions import Decisions
from semantic_router_proxy.config.layouts.foreign import Foreign
from semantic_router_proxy.config.layouts.models import Models, endpoint, no_key_in_text, pricing
from semantic_router_proxy.config.layouts.signals import read_signals

_BEARER = {"auth_header": "Authorization", "auth_prefix": "Bearer"}


def from_cli(data: Foreign) -> dict[str, Any]:
    """Return the file in our own layout."""
    native = read_common(data)
    native = read_listeners(data) | native
    providers = data.section("providers")
    models = Models(data.notes)
    models.read_families(providers.section("reasoning_families"))
    effort = "default_reasoning_effort"
    models.read_effort(providers.text(effort), providers.at(effort))
    default = providers.text("default_model")
    for entry in providers.entries("models"):
        read_model(entry, models, "endpoints")
    providers.without_effect(("external_models",), "other models than those that answer are not needed here")
    providers.done()
    signals = read_signals(data.section("signals"), None)
    decisions = Decisions(signals, models, data.notes, None).read(data.entries("decisions"))
    native |= models.native() | {"signals": signals, "decisions": decisions}
    data.done()
    return native | ({"default_model": default} if default else {})


def read_model(entry: Foreign, models: Models, endpoints_key: str) -> None:
    """Take one model with its endpoints."""
    no_key_in_text(entry)
    name = entry.text("name")
    key = entry.text("api_key_env")
    own_key = {"api_key_env": key} if key else {}
    api = entry.text("api_format", "openai")
    anthropic = api == "anthropic"
    if api not in ("openai", "anthropic"):
        entry.notes.refuse(entry.at("api_format"), "must be openai or anthropic: that is how providers are asked")
    headers = {"auth_header": "x-api-key", "auth_prefix": ""} if anthropic else _BEARER
    chat_path = "/messages" if anthropic else "/chat/completions"
    endpoints = []
    for number, each in enumerate(entry.entries(endpoints_key)):
        made = own_key | endpoint(each, f"{name}-{number + 1}")
        # Which server it is, and the headers that every OpenAI-compatible one takes, need not be said.
        each.take("provider")
        for known, usual in headers.items():
            if each.text(known, usual).lower() not in ("", usual.lower()):
                each.notes.refuse(each.at(known), f"must be {usual!r}: keys are sent in no other way")
        if each.text("chat_path", chat_path) not in (chat_path, f"/v1{chat_path}"):
            each.notes.refuse(each.at("chat_path"), f"must be {chat_path!r}", "Put the rest into base_url.")
        if each.take("extra_headers"):
            each.notes.warn(each.at("extra_headers"), "has no effect: only the caller's headers are passed on")
        each.done()
        endpoints.append(made)
    reasoning = entry.section("reasoning")
    family = entry.text("reasoning_family") or reasoning.text("family")
    reasoning.done()
    fields = {"reasoning_family": models.family(family, entry.at("reasoning_family"))} | pricing(entry)
    upstream = entry.text("provider_model_id")
    if upstream and upstream != name:
        fields["upstream_name"] = upstream
    for known in ("param_size", "external_model_ids", "description", "loras", "capabilities"):
        entry.take(known)
    provider: dict[str, Any] = {"messages_api": "only"} if anthropic else {}
    provider |= _reliability(entry.section("reliability"))
    entry.done()
    models.add(name, endpoints, provider, **fields)


def _reliability(given: Foreign) -> dict[str, Any]:
    """Take `reliability`, which there is Envoy's, as what it is of a provider here."""
    taken: dict[str, Any] = {
        "retries": given.number("retry_count"),
        "breaker_failures": given.number("consecutive_5xx"),
        "breaker_pause_seconds": _seconds(given, "base_ejection_time"),
    }
    path = given.text("health_check_path")
    times = {f"{name}_seconds": _seconds(given, f"health_check_{name}") for name in ("interval", "timeout")}
    if path:
        # Below base_url here, which ends in /v1 mostly: any answer below 500 is a sign of life.
        taken["health_check"] = {key: value for key, value in times.items() if value}
    given.without_effect(("lb_policy",), "calls go to the endpoint with the fewest running")
    given.without_effect(("retry_on",), "refused connections and 500, 502, 503, 504 are tried again")
    given.without_effect(("max_ejection_percent",), "where no endpoint is well, all are asked")
    given.done()
    return {key: value for key, value in taken.items() if value is not None}


def _seconds(given: Foreign, key: str) -> float | None:
    """Take a time such as 30s or 500ms; None where there is none."""
    text = given.text(key)
    if not text:
        return None
    for unit, size in (("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3600.0)):
        number = text.removesuffix(unit)
        if number != text and number.replace(".", "", 1).isdigit():
            return float(number) * size
    given.notes.refuse(given.at(key), "must be a time such as 30s")
    return None
