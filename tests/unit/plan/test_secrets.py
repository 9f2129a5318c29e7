"""What is wrong with a Secret, never what is in it."""

import base64

import pytest

from semantic_router_operator.cluster.secrets import slim, state_of
from semantic_router_operator.plan.secrets import SecretState, malformed, secret_problems

CANARY = "canary-value"


def test_missing_secret_and_missing_key_are_named() -> None:
    needed = {"keys": frozenset({"one", "two"}), "milvus-auth": frozenset({"password"})}
    found = {"keys": SecretState("1", frozenset({"one"}))}
    problems = secret_problems(needed, found)
    assert "Secret/keys has no key two" in problems[0]
    assert "Secret/milvus-auth does not exist; create it with the keys password" in problems[1]
    assert len(problems) == 2


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("one", b"", "is empty"),
        ("one", b" \n", "is empty"),
        ("one", b"a\nb", "holds more than one line"),
        ("one", "ключ".encode(), "holds characters that no HTTP header may have"),
        ("ca.crt", b"nonsense", "is not PEM"),
        ("client.key", b"-----BEGIN CERTIFICATE-----\n", "is not PEM"),
    ],
)
def test_malformed(key: str, value: bytes, says: str) -> None:
    assert malformed(key, value) == says


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("one", b"sk-123"),
        ("one", b"sk-123\n"),
        ("password", "пароль\nüber".encode()),
        ("ca.crt", b"-----BEGIN CERTIFICATE-----\n"),
        ("client.key", b"-----BEGIN RSA PRIVATE KEY-----\n"),
    ],
)
def test_usable(key: str, value: bytes) -> None:
    assert malformed(key, value) is None


def test_nothing_of_a_value_is_kept() -> None:
    encoded = base64.b64encode(f"{CANARY}\n{CANARY}".encode()).decode()
    raw = {
        "metadata": {
            "name": "keys",
            "namespace": "a",
            "uid": "u",
            "resourceVersion": "7",
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": encoded},
        },
        "data": {"one": encoded, "two": "***"},
    }
    state = state_of(raw)
    needed = {"keys": frozenset({"one", "two", "three"})}
    shown = repr(state) + repr(slim(raw)) + repr(secret_problems(needed, {"keys": state}))
    assert CANARY not in shown
    assert encoded not in shown
    assert state.version == "7"
    assert state.malformed["two"] == "is not base64"
