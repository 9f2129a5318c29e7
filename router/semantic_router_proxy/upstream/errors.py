"""Why an upstream gave no answer."""


class UpstreamError(Exception):
    """No provider could be asked, or none answered. `timeout` tells a silent server from one that refused.

    `retry_seconds` is set where nobody was asked because every endpoint is left alone: until one is tried again.
    """

    def __init__(
        self, message: str, *, timeout: bool = False, saturated: bool = False, retry_seconds: float | None = None
    ) -> None:
        super().__init__(message)
        self.retry_seconds = retry_seconds
        self.timeout = timeout
        self.saturated = saturated
