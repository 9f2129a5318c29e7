"""What can go wrong between the operator and the API server, in words."""

_LONGEST_MESSAGE = 400


class ApiError(Exception):
    """An answer of the API server that is not a success, or none at all (`status` 0).

    `reason` is the Status object's machine-readable reason ("Conflict", "NotFound", ...), the text its message,
    `causes` what is wrong with which field, without the field's value.
    """

    def __init__(self, status: int, reason: str, message: str, causes: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message
        self.causes = causes

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
    def refusal(self) -> bool:
        """The API server has looked at the request and does not want it: to send it again at once is no use."""
        return self.status >= 400 and not (self.conflict or self.expired or self.status in (408, 429))

    def explained(self, what: str) -> str:
        """One sentence for the resource's status: that `what` could not be written, why, and what to do."""
        why = "; ".join(self.causes) or " ".join(self.message.split())[:_LONGEST_MESSAGE]
        if self.status == 403 and self.reason == "Forbidden" and "cannot" in self.message:
            advice = "Give the operator's role this right."
        elif "immutable" in why:
            advice = "Set the field back, or delete the object and let it be made anew."
        else:
            advice = "It is tried again."
        return f"{what} was refused by the API server: {why.rstrip('.')}. {advice}"


class UnknownKindError(Exception):
    """The cluster does not serve this kind: its CustomResourceDefinition is not installed (yet)."""

    def __init__(self, api_version: str, kind: str) -> None:
        super().__init__(f"The cluster does not know {kind} ({api_version}); install its CustomResourceDefinition.")
        self.api_version = api_version
        self.kind = kind
