"""Providers (where models are served) and the models themselves."""

from typing import Literal

from pydantic import Field

from semantic_router_proxy.config.section import Section
from semantic_router_proxy.config.urls import HttpUrl

ReasoningFamily = Literal["none", "openai", "qwen3", "deepseek", "gpt-oss", "anthropic", "anthropic-budget"]


class HealthCheckConfig(Section):
    """Asks each endpoint again and again, so that a dead one is known before a request finds out.

    Any answer below 500 is a sign of life. Where no endpoint of a provider gives one, all are asked as if none had
    been checked: a wrong path must not take a provider away.
    """

    path: str = Field("/models", pattern="^/", description="Below base_url; asked with GET and the provider's key.")
    interval_seconds: float = Field(10.0, ge=0.1, description="Time between two checks of an endpoint.")
    timeout_seconds: float = Field(2.0, gt=0, description="Longest wait for an answer.")
    failures: int = Field(2, ge=1, description="Failed checks in a row after which an endpoint gets no calls.")


class ProviderConfig(Section):
    """A server with an OpenAI-compatible API. Its key is named, never written here."""

    name: str = Field(min_length=1)
    base_url: HttpUrl = Field(description="With its /v1.")
    endpoints: tuple[HttpUrl, ...] = Field(
        (), description="More addresses of the same service; a call goes to the one with the fewest running."
    )
    api_key_env: str | None = None
    api_key_file: str | None = None
    connect_timeout_seconds: float = Field(5.0, gt=0)
    read_timeout_seconds: float = Field(300.0, gt=0, description="Longest silence between two pieces of an answer.")
    total_timeout_seconds: float | None = Field(
        None, gt=0, description="Longest time from a call's beginning to the last byte of its answer. None: no limit."
    )
    retries: int = Field(2, ge=0, le=10, description="Further attempts before the first byte of an answer.")
    max_concurrency: int | None = Field(None, ge=1, description="Calls at a time; more are refused with 429.")
    breaker_failures: int = Field(5, ge=1, description="Failures in a row after which an endpoint is left alone.")
    breaker_pause_seconds: float = Field(10.0, gt=0)
    health_check: HealthCheckConfig | None = Field(None, description="None: only calls tell how an endpoint is.")
    messages_api: Literal["translated", "native", "only"] = Field(
        "translated",
        description="How /v1/messages reaches this provider: as chat completions, or untouched because it speaks "
        "Anthropic's protocol itself; its key then goes into x-api-key. only: it speaks nothing else, so chat "
        "completions and responses are translated into messages.",
    )
    responses_api: Literal["native", "translated"] = Field(
        "native",
        description="How /v1/responses reaches this provider: untouched, or as chat completions because it has no "
        "Responses API.",
    )
    stream_usage: bool = Field(True, description="Whether the server understands stream_options.include_usage.")


class PricingConfig(Section):
    """What a model's tokens cost, with the keys of vLLM Semantic Router."""

    prompt_per_1m: float = Field(ge=0, description="Price of a million prompt tokens.")
    completion_per_1m: float = Field(ge=0, description="Price of a million completion tokens.")
    currency: str = Field("USD", pattern="^[A-Z]{3}$")

    def cost(self, prompt: int, completion: int) -> float:
        return (prompt * self.prompt_per_1m + completion * self.completion_per_1m) / 1_000_000


class ModelConfig(Section):
    """A model that can be chosen. `upstream_name` is what the provider calls it, where that is another name."""

    name: str = Field(min_length=1)
    provider: str = Field(min_length=1)
    upstream_name: str | None = None
    reasoning_family: ReasoningFamily = "none"
    reasoning_effort: Literal["low", "medium", "high"] = "medium"
    pricing: PricingConfig | None = Field(None, description="None: what the cache saves is told in tokens only.")
    context_window: int | None = Field(
        None, ge=1, description="Tokens of question and answer together; longer requests go to another model."
    )
    capabilities: tuple[Literal["tools", "images", "structured_output"], ...] | None = Field(
        None, description="What it can do; requests that need more go to another model. None: everything."
    )
    default_max_tokens: int = Field(
        8192, ge=1, description="Longest answer where the request names no limit and the provider's protocol needs one."
    )
    fallbacks: tuple[str, ...] = Field((), description="Models that answer, in this order, when this one cannot.")
