"""Which model turns text into vectors."""

from typing import Literal

from pydantic import Field, model_validator

from semantic_router_proxy.config.section import Section

DEFAULT_MODEL = "sentence-transformers/all-MiniLM-L6-v2"


class EmbeddingConfig(Section):
    """`onnx` runs inside the router and needs nothing else; `openai` calls any endpoint with /v1/embeddings."""

    backend: Literal["onnx", "sentence-transformers", "openai"] = "onnx"
    model: str = Field(DEFAULT_MODEL, min_length=1)
    path: str | None = Field(None, description="Folder with the model's files; none: the model that is installed.")
    base_url: str | None = Field(None, description="Of an OpenAI-compatible endpoint, with its /v1.")
    revision: str = Field("", description="Part of the model's identity; a change separates old entries from new.")
    api_key_env: str | None = None
    api_key_file: str | None = None
    threads: int = Field(1, ge=1, le=64, description="Threads of one inference.")
    timeout_seconds: float = Field(10.0, gt=0, description="Of one call to a remote endpoint.")

    @model_validator(mode="after")
    def _endpoint_has_an_address(self) -> "EmbeddingConfig":
        if self.backend == "openai" and not self.base_url:
            raise ValueError("backend openai needs base_url")
        if self.backend != "openai" and self.base_url:
            raise ValueError(f"base_url belongs to backend openai, not to {self.backend}")
        return self
