"""Addresses in a configuration."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator


def _is_http_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be an http:// or https:// address")
    if parts.username or parts.password:
        raise ValueError("must not carry credentials; use api_key_env or api_key_file")
    return value.rstrip("/")


HttpUrl = Annotated[str, AfterValidator(_is_http_url)]
