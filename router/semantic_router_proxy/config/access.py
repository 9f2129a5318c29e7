"""Who may ask."""

from pydantic import Field

from semantic_router_proxy.config.section import Section


class AccessConfig(Section):
    """Without `keys_file` everybody may ask, and credentials go on to providers that have no key of their own."""

    keys_file: str | None = Field(
        None,
        description="YAML: keys: a list of {name, sha256}, the digest being of the key's text in hexadecimal; an entry "
        "may have requests_per_minute and max_concurrency of its own. Read again when it changes.",
    )
    requests_per_minute: int | None = Field(
        None,
        ge=1,
        description="Of each caller: an API key, else a credential; those without share one count. 429 above.",
    )
    max_concurrency: int | None = Field(None, ge=1, description="Requests of one caller at a time; 429 above.")
