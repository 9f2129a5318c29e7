"""`spec.providers` and `spec.models`."""

from typing import Annotated, Literal

from pydantic import Field

from semantic_router_operator.api.base import ApiModel, DnsLabel, HttpUrl, SecretKeyRef, ShortName


class Provider(ApiModel):
    """A server with an OpenAI-compatible API."""

    name: DnsLabel
    base_url: HttpUrl = Field(description="With its /v1.")
    api_key_secret_ref: SecretKeyRef | None = Field(None, description="None: the caller's key is passed on.")
    connect_timeout_seconds: int = Field(5, ge=1, le=300)
    read_timeout_seconds: int = Field(300, ge=1, le=3600)


class Model(ApiModel):
    """A model that can be chosen."""

    name: ShortName
    provider: DnsLabel
    upstream_name: Annotated[str, Field(min_length=1, max_length=256)] | None = Field(
        None, description="What the provider calls it, where that is another name."
    )
    reasoning_family: Literal["none", "openai", "qwen3", "deepseek", "gpt-oss"] = "none"
