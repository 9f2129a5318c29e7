"""Endpoints, models and reasoning families of vLLM Semantic Router as providers and models. Pure."""

import ipaddress
from collections.abc import Mapping
from typing import Any

from semantic_router_proxy.config.layouts.foreign import Foreign, Notes

_KNOWN_FAMILIES = {"qwen3": "qwen3", "deepseek": "deepseek", "gpt-oss": "gpt-oss", "gpt": "openai", "openai": "openai"}
_EFFORTS = ("low", "medium", "high")


class Models:
    """Collects models and makes one provider for each set of endpoints that serve the same ones."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self.families: dict[str, str] = dict(_KNOWN_FAMILIES)
        self.effort: str | None = None
        self._providers: dict[tuple[str, ...], dict[str, Any]] = {}
        self._models: dict[str, dict[str, Any]] = {}

    def add(
        self, name: str, endpoints: list[dict[str, Any]], settings: Mapping[str, Any] | None = None, **fields: Any
    ) -> None:
        """Add a model. An endpoint has `name`, `base_url` and perhaps `api_key_env`; `settings` are its provider's."""
        if not name or not endpoints:
            self._notes.refuse(name or "models", "has no endpoint that serves it")
            return
        settings = dict(settings or {})
        addresses = [endpoint["base_url"] for endpoint in endpoints]
        key = (*addresses, repr(settings))
        if key not in self._providers:
            taken = {provider["name"] for provider in self._providers.values()}
            label = "+".join(endpoint["name"] for endpoint in endpoints)
            provider = {
                "name": label if label not in taken else f"{label}-{len(taken)}",
                "base_url": addresses[0],
                **settings,
            }
            if len(addresses) > 1:
                provider["endpoints"] = addresses[1:]
            keys = {endpoint["api_key_env"] for endpoint in endpoints if endpoint.get("api_key_env")}
            if len(keys) > 1:
                self._notes.refuse(name, "has endpoints with different keys", "Give each a model of its own.")
            self._providers[key] = provider | ({"api_key_env": keys.pop()} if keys else {})
        model = {"name": name, "provider": self._providers[key]["name"], **fields}
        if self.effort is not None:
            model.setdefault("reasoning_effort", self.effort)
        self._models[name] = model

    def adapter(self, name: str, base: str) -> None:
        """Add a LoRA adapter, which its server offers as a model beside the base model."""
        if name not in self._models and base in self._models:
            self._models[name] = {**self._models[base], "name": name}
            self._models[name].pop("upstream_name", None)

    def known(self, name: str) -> bool:
        return name in self._models

    def update(self, name: str, **fields: Any) -> None:
        if name in self._models:
            self._models[name] |= fields

    def family(self, name: str, key: str) -> str:
        """Return our name of a reasoning family."""
        if not name:
            return "none"
        if name not in self.families:
            self._notes.warn(key, f"has no effect: the reasoning family {name!r} is not described")
        return self.families.get(name, "none")

    def read_families(self, families: Foreign) -> None:
        """Take `reasoning_families`: how each is told to reason."""
        for name, family in families.sections():
            kind, parameter = family.text("type"), family.text("parameter")
            if kind == "chat_template_kwargs" and parameter in ("enable_thinking", "thinking"):
                self.families[name] = "qwen3" if parameter == "enable_thinking" else "deepseek"
            elif kind == "reasoning_effort":
                self.families[name] = "gpt-oss" if name == "gpt-oss" else "openai"
            else:
                self.families[name] = "none"
                families.notes.warn(family.path, "has no effect: this way to switch reasoning on is not known here")
            family.done()

    def read_effort(self, effort: str, key: str) -> None:
        if effort in _EFFORTS:
            self.effort = effort
        elif effort:
            self._notes.warn(key, f"has no effect: the efforts are {', '.join(_EFFORTS)}")

    def native(self) -> dict[str, Any]:
        return {"providers": list(self._providers.values()), "models": list(self._models.values())}


def pricing(model: Foreign) -> dict[str, Any]:
    """Take a model's prices."""
    if "pricing" not in model:
        return {}
    price = model.section("pricing")
    taken = price.chosen("prompt_per_1m", "completion_per_1m", "currency")
    price.without_effect(("cached_input_per_1m", "cache_write_per_1m"), "cached tokens are priced as any other")
    price.done()
    complete = "prompt_per_1m" in taken and "completion_per_1m" in taken
    return {"pricing": taken} if complete else {}


def endpoint(entry: Foreign, fallback_name: str) -> dict[str, Any]:
    """Take one endpoint: `base_url`, or `endpoint` (host, port and path), or `address` and `port`."""
    no_key_in_text(entry)
    name = entry.text("name") or fallback_name
    protocol = entry.text("protocol") or "http"
    base_url, address = entry.text("base_url"), entry.text("endpoint") or entry.text("address")
    port = entry.text("port")
    if not base_url and address:
        host = f"[{address}]" if _is_ipv6(address) else address
        base_url = f"{protocol}://{host}{f':{port}' if port else ''}"
    if not base_url:
        entry.notes.refuse(entry.path, "has no address")
        base_url = "http://unknown"
    # As there, the API begins at /v1 unless the address has a path of its own.
    if "/" not in base_url.split("://", 1)[-1].rstrip("/"):
        base_url = base_url.rstrip("/") + "/v1"
    key = entry.text("api_key_env")
    made = {"name": name, "base_url": base_url} | ({"api_key_env": key} if key else {})
    if entry.take("weight") not in (None, 1, 100):
        entry.notes.warn(entry.at("weight"), "has no effect: calls go to the endpoint with the fewest running")
    return made


def no_key_in_text(entry: Foreign) -> None:
    for key in ("access_key", "api_key"):
        if entry.take(key):
            advice = "Name the environment variable that holds it: api_key_env"
            entry.notes.refuse(entry.at(key), "a key does not belong into a configuration", advice)


def _is_ipv6(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).version == 6
    except ValueError:
        return False
