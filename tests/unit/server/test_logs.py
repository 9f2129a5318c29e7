"""What a failure leaves in the log: where it happened, never what the variables held."""

import subprocess
import sys

import pytest

CODE = """
import structlog
from semantic_router_proxy.config.server import LogConfig
from semantic_router_proxy.server.logs import set_up_logs

def fail(key):
    raise ValueError("it broke")

set_up_logs(LogConfig(format="FORM"))
try:
    fail("canary" + "-81723")
except ValueError:
    structlog.get_logger("test").exception("request_failed")
"""


@pytest.mark.parametrize("form", ["json", "console"])
def test_an_exceptions_local_variables_are_not_logged(form: str) -> None:
    told = subprocess.run(
        [sys.executable, "-c", CODE.replace("FORM", form)], capture_output=True, text=True, check=True
    ).stderr
    assert "it broke" in told
    assert "canary-81723" not in told
