"""When pods and Milvus are asked, and what that costs the API server."""

import base64
import socket

import pytest

from semantic_router_operator.handlers import probing
from semantic_router_operator.handlers.probing import Prober
from semantic_router_operator.plan.probed import MilvusState, PodState, Probed
from semantic_router_operator.render.milvus_address import MilvusAddress

KEY = ("a", "x")
POD = PodState("p", epoch="one", backend="hybrid")


class Secrets:
    """Counts what is read."""

    def __init__(self, **data: str) -> None:
        self.data = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
        self.reads = 0

    async def read(self, namespace: str, name: str) -> dict[str, str] | None:
        self.reads += 1
        return self.data or None


def _address(**more: str) -> MilvusAddress:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return MilvusAddress("127.0.0.1", unused.getsockname()[1], "default", "c", **more)  # type: ignore[arg-type]


async def _ask(prober: Prober, address: MilvusAddress, before: MilvusState | None = None) -> MilvusState:
    found = await prober._ask_milvus(probing._Store("a", address), before)
    assert found is not None
    return found


async def test_a_milvus_that_is_away_costs_its_secrets_once() -> None:
    secrets = Secrets(username="root", password="canary")
    prober, address = Prober(secrets.read, lambda key: None), _address(credentials_secret="milvus-auth")
    first = await _ask(prober, address)
    again = await _ask(prober, address, first)
    assert (first.reason, again.reason) == ("Unreachable", "Unreachable")
    assert secrets.reads == 1


@pytest.mark.parametrize(
    ("more", "reason"),
    [({"credentials_secret": "s"}, "CredentialsMissing"), ({"tls_secret": "s"}, "CertificateUnusable")],
)
async def test_a_secret_that_is_not_there_is_named(more: dict[str, str], reason: str) -> None:
    found = await _ask(Prober(Secrets().read, lambda key: None), _address(**more))
    assert found.reason == reason
    assert "Secret/s" in found.message


def test_a_milvus_that_is_well_costs_less_than_ten_requests_an_hour() -> None:
    """Two Secrets each time; the rest of an idle resource's twenty is the operator's own."""
    well = MilvusState(reachable=True, authenticated=True)
    assert 2 * 3600 / (0.8 * probing._milvus_pause(KEY, well, 0.0)) <= 10


@pytest.mark.parametrize(
    ("pod", "often"),
    [
        (POD, False),
        (PodState("p", epoch="zero"), True),
        (PodState("p", epoch="one", store_down=True), True),
        (PodState("p", epoch="one", reload_problem="no"), True),
        (PodState("p", epoch="one", restart_needed=("server",)), True),
        (PodState("p", answered=False), True),
    ],
)
async def test_pods_of_which_something_is_awaited_are_asked_often_for_a_while(pod: PodState, often: bool) -> None:
    prober = Prober(Secrets().read, lambda key: None)
    prober.watch_pods(KEY, (("p", "127.0.0.1"),), "one")
    assert (prober._pods_pause(KEY, (pod,), 0.0) < probing.POD_SECONDS) == often
    late = prober._pods_pause(KEY, (pod,), probing.AWAITED_FOR_SECONDS)
    assert late >= probing.POD_LATE_SECONDS


async def test_what_is_known_of_pods_and_of_none() -> None:
    prober = Prober(Secrets().read, lambda key: None)
    prober.watch_pods(KEY, (), "one")
    assert prober.found(KEY) == Probed(())
    prober.watch_pods(KEY, (("p", "127.0.0.1"),), "one")
    assert prober.found(KEY) == Probed(None)
    prober.forget(KEY)
    assert prober.found(KEY) == Probed(None)
