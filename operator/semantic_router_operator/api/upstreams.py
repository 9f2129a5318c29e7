"""`spec.providers`, `spec.models` and `spec.access`."""

from typing import Annotated, Literal

from pydantic import Field

from semantic_router_operator.api.base import ApiModel, DnsLabel, HttpUrl, SecretKeyRef, ShortName


class HealthCheck(ApiModel):
    """Asks each endpoint again and again; any answer below 500 is a sign of life."""

    path: Annotated[str, Field(max_length=512, pattern=r"^/.*$")] = Field("/models", description="Below baseURL.")
    interval_seconds: int = Field(10, ge=1, le=3600, description="Between two checks of an endpoint.")
    timeout_seconds: int = Field(2, ge=1, le=300, description="Longest wait for an answer.")
    failures: int = Field(2, ge=1, le=100, description="In a row, after which an endpoint gets no calls.")


class Provider(ApiModel):
    """A server with an OpenAI-compatible API."""

    name: DnsLabel = Field(description="By which models name it.")
    base_url: HttpUrl = Field(description="With its /v1.")
    endpoints: tuple[HttpUrl, ...] = Field(
        (),
        max_length=32,
        description="More addresses of the same service; the one with the fewest calls gets the next.",
    )
    api_key_secret_ref: SecretKeyRef | None = Field(None, description="None: the caller's key is passed on.")
    connect_timeout_seconds: int = Field(5, ge=1, le=300, description="Longest wait for a connection.")
    read_timeout_seconds: int = Field(
        300, ge=1, le=3600, description="Longest silence between two pieces of an answer."
    )
    total_timeout_seconds: int | None = Field(
        None, ge=1, le=86_400, description="Longest time to the last byte of an answer; None: no limit."
    )
    retries: int = Field(2, ge=0, le=10, description="Further attempts before the first byte of an answer.")
    max_concurrency: int | None = Field(None, ge=1, le=100_000, description="Calls at a time for each pod; 429 above.")
    breaker_failures: int = Field(5, ge=1, le=1000, description="In a row, after which an endpoint is left alone.")
    breaker_pause_seconds: int = Field(10, ge=1, le=3600, description="How long it is left alone.")
    health_check: HealthCheck | None = Field(None, description="None: only calls tell how an endpoint is.")
    messages_api: Literal["translated", "native", "only"] = Field(
        "translated",
        description="How /v1/messages reaches this provider: as chat completions, or as it is, because the provider "
        "speaks Anthropic's protocol. only: it speaks nothing else; chats and responses become messages.",
    )
    responses_api: Literal["native", "translated"] = Field(
        "native", description="How /v1/responses reaches this provider: as it is, or as chat completions."
    )
    stream_usage: bool = Field(True, description="Whether the server understands stream_options.include_usage.")


class Pricing(ApiModel):
    """What a model's tokens cost; the dashboard then tells what the cache saves."""

    prompt_per_1m: float = Field(ge=0, description="Price of a million prompt tokens.")
    completion_per_1m: float = Field(ge=0, description="Price of a million completion tokens.")
    currency: Annotated[str, Field(min_length=3, max_length=3, pattern=r"^[A-Z]{3}$")] = Field(
        "USD", description="ISO 4217, such as USD."
    )


class Model(ApiModel):
    """A model that can be chosen."""

    name: ShortName = Field(description="As clients and decisions call it.")
    provider: DnsLabel = Field(description="One of spec.providers.")
    upstream_name: Annotated[str, Field(min_length=1, max_length=256)] | None = Field(
        None, description="What the provider calls it, where that is another name."
    )
    reasoning_family: Literal["none", "openai", "qwen3", "deepseek", "gpt-oss", "anthropic", "anthropic-budget"] = (
        Field("none", description="How this model is told to reason, where a decision asks for it.")
    )
    reasoning_effort: Literal["low", "medium", "high"] = Field("medium", description="How much, where it reasons.")
    pricing: Pricing | None = Field(None, description="None: what the cache saves is told in tokens only.")
    context_window: int | None = Field(
        None, ge=1, le=100_000_000, description="Tokens of question and answer; longer requests go to another model."
    )
    capabilities: tuple[Literal["tools", "images", "structured_output"], ...] | None = Field(
        None, max_length=3, description="What it can do; requests that need more go elsewhere. None: everything."
    )
    default_max_tokens: int = Field(
        8192,
        ge=1,
        le=100_000_000,
        description="Longest answer where the request names no limit and the provider's protocol needs one.",
    )
    fallbacks: tuple[ShortName, ...] = Field(
        (), max_length=16, description="Models that answer, in this order, when this one cannot."
    )


class Access(ApiModel):
    """Who may ask, and how much."""

    keys_secret_ref: SecretKeyRef | None = Field(
        None,
        description="A YAML text with `keys`, a list of {name, sha256}: the digest of each accepted API key. An entry "
        "may have requests_per_minute and max_concurrency of its own. A change needs no restart. None: everybody may "
        "ask.",
    )
    requests_per_minute: int | None = Field(
        None, ge=1, le=1_000_000, description="Of each caller at one pod; 429 above."
    )
    max_concurrency: int | None = Field(
        None, ge=1, le=100_000, description="Requests of one caller at a time at one pod; 429 above."
    )
