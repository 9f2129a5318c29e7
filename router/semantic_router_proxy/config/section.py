"""The base of every section of a configuration file."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A part of our own configuration: immutable, and a key that it does not know is an error.

    `populate_by_name` lets Python code use a field's name where the file uses a foreign spelling as alias.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, validate_default=True)
