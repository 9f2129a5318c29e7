"""Who may ask."""

from pydantic import Field

from semantic_router_proxy.config.section import Section


class AccessConfig(Section):
    """Without `keys_file` everybody may ask, and credentials go on to providers that have no key of their own."""

    keys_file: str | None = Field(
        None,
        description="YAML: keys: a list of {name, sha256}, the digest being of the key's text in hexadecimal. "
        "Read again when it changes.",
    )
