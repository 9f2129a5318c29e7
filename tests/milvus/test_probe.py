"""The operator's probe against a real Milvus with authorization: what is there, and a reason for each refusal."""

import secrets
import socket
from dataclasses import replace

import pytest
from pymilvus import MilvusClient

from semantic_router_operator.plan.probed import CollectionState, MilvusState
from semantic_router_operator.probes.milvus import MilvusError, Target, Tls, away, connect, probe
from semantic_router_proxy.cache.milvus.store import MilvusStore
from tests.milvus.conftest import ROOT_TOKEN, milvus_config
from tests.milvus.server import MilvusServer
from tests.unit.cache.conftest import WordEmbedder

pytestmark = pytest.mark.xdist_group("milvus-server")


@pytest.fixture
def target(milvus_server: MilvusServer) -> Target:
    return Target("127.0.0.1", milvus_server.port, username="root", password="Milvus", seconds=20)


def _closed_port() -> int:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return int(unused.getsockname()[1])


def test_a_collection_is_described_once_it_is_there(target: Target) -> None:
    nothing = probe(target, "never_made")
    assert nothing == MilvusState(reachable=True, authenticated=True, version=nothing.version)
    assert "2.3.5" in nothing.version


async def test_a_routers_collection(target: Target, milvus_server: MilvusServer) -> None:
    name = "probed"
    store = MilvusStore(milvus_config(milvus_server, collection={"name": name}), WordEmbedder.identity)
    await store.open()
    await store.close()
    found = probe(target, name).collection
    assert found == CollectionState(f"{name}_v1", index_type="HNSW", metric_type="IP", loaded=True)
    assert found is not None
    assert found.rows == 0


def test_a_user_who_may_see_little_is_no_failure(target: Target, milvus_server: MilvusServer) -> None:
    name, password = f"u{secrets.token_hex(4)}", secrets.token_hex(8)
    root = MilvusClient(uri=f"http://127.0.0.1:{milvus_server.port}", token=ROOT_TOKEN, dedicated=True, timeout=20)
    root.create_user(name, password)
    state = probe(replace(target, username=name, password=password), "never_made")
    assert (state.reachable, state.authenticated, state.reason) == (True, True, "")


def test_each_refusal_has_its_reason(target: Target) -> None:
    cases = {
        "CredentialsRefused": replace(target, password="canary-password"),
        "CredentialsMissing": replace(target, username="", password=""),
        "DatabaseMissing": replace(target, database="nowhere"),
        "Unreachable": replace(target, port=_closed_port()),
        "AddressUnknown": replace(target, host="milvus.invalid"),
        "TLSNotSpoken": replace(target, tls=Tls()),
        "CertificateUnusable": replace(target, tls=Tls(ca=b"not a certificate")),
    }
    for reason, wrong in cases.items():
        state = probe(wrong, "semantic_cache")
        assert state.reason == reason, state
        assert wrong.host in state.message or reason == "CertificateUnusable"
        assert "canary" not in repr(state)
        assert "canary" not in repr(wrong)
        assert state.authenticated == (reason == "DatabaseMissing")


def test_a_port_is_looked_at_without_credentials(target: Target) -> None:
    assert away(replace(target, username="", password="")) is None
    gone = away(replace(target, port=_closed_port()))
    assert gone is not None
    assert (gone.reachable, gone.reason) == (False, "Unreachable")


def test_an_error_inside_a_connection_is_explained(target: Target) -> None:
    with pytest.raises(MilvusError) as failed, connect(target) as client:
        client.load_collection("never_made", timeout=20)
    assert failed.value.reason == "Failing"
    assert "never_made" in failed.value.message


def test_a_server_that_never_answers_costs_its_time_limit(target: Target) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        state = probe(replace(target, port=silent.getsockname()[1], seconds=0.5))
    assert not state.authenticated
    assert state.reason in ("NoAnswer", "Failing")
