"""vLLM Semantic Router v0.1 as its command line writes it: `version`, `listeners`, `signals`, `decisions`,
`providers.models`. Pure."""

from typing import Any

from semantic_router_proxy.config.layouts.common import read_common, read_listeners
from semantic_router_proxy.config.layouts.decisions import Decisions
from semantic_router_proxy.config.layouts.foreign import Foreign
from semantic_router_proxy.config.layouts.models import Models, endpoint, no_key_in_text, pricing
from semantic_router_proxy.config.layouts.signals import read_signals


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
    endpoints = []
    for number, each in enumerate(entry.entries(endpoints_key)):
        made = own_key | endpoint(each, f"{name}-{number + 1}")
        # Which server it is, and the headers that every OpenAI-compatible one takes, need not be said.
        for known, usual in (("provider", None), ("auth_header", "Authorization"), ("auth_prefix", "Bearer")):
            said = each.text(known)
            if usual is not None and said not in ("", usual):
                each.notes.refuse(each.at(known), f"must be {usual!r}: keys are sent in no other way")
        if each.text("chat_path", "/chat/completions") != "/chat/completions":
            each.notes.refuse(each.at("chat_path"), "must be '/chat/completions'", "Put the rest into base_url.")
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
    if entry.text("api_format", "openai") != "openai":
        entry.notes.refuse(entry.at("api_format"), "must be openai: that is how providers are asked")
    for known in ("param_size", "external_model_ids", "description", "loras", "capabilities"):
        entry.take(known)
    entry.done()
    models.add(name, endpoints, **fields)
