"""What can go wrong between the operator and the API server, in words."""


class ApiError(Exception):
    """An answer of the API server that is not a success, or none at all (`status` 0).

    `reason` is the Status object's machine-readable reason ("Conflict", "NotFound", ...), the text its message.
    """

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message

    @property
    def not_found(self) -> bool:
        return self.status == 404

    @property
    def conflict(self) -> bool:
        return self.status == 409

    @property
    def expired(self) -> bool:
        """The resourceVersion that a watch or list asked for is no longer stored."""
        return self.status == 410

    @property
    def transient(self) -> bool:
        """A later attempt may succeed without anybody changing anything."""
        return self.status in (0, 408, 409, 410, 429) or self.status >= 500


class UnknownKindError(Exception):
    """The cluster does not serve this kind: its CustomResourceDefinition is not installed (yet)."""

    def __init__(self, api_version: str, kind: str) -> None:
        super().__init__(f"The cluster does not know {kind} ({api_version}); install its CustomResourceDefinition.")
        self.api_version = api_version
        self.kind = kind
