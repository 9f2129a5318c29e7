"""Why an upstream gave no answer."""


class UpstreamError(Exception):
    """No provider could be asked, or none answered. `timeout` tells a silent server from one that refused."""

    def __init__(self, message: str, *, timeout: bool = False, saturated: bool = False) -> None:
        super().__init__(message)
        self.timeout = timeout
        self.saturated = saturated
