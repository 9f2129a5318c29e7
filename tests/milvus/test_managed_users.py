"""The users that the operator makes in a Milvus of its own, on a real server."""

from typing import Any

import pytest
from pymilvus import MilvusClient

from semantic_router_operator.plan.credentials import Login, new_login
from semantic_router_operator.probes.milvus import Target, probe
from semantic_router_operator.probes.milvus_users import drop_other_users, provide_users
from semantic_router_proxy.cache.milvus.store import MilvusStore
from tests.milvus.conftest import ROOT_TOKEN, milvus_config
from tests.milvus.entries import entry
from tests.milvus.server import MilvusServer
from tests.unit.cache.conftest import WordEmbedder

pytestmark = pytest.mark.xdist_group("milvus-server")
ROOT_PASSWORD = ROOT_TOKEN.partition(":")[2]


@pytest.fixture
def target(milvus_server: MilvusServer) -> Target:
    return Target("127.0.0.1", milvus_server.port)


def _reason(target: Target, login: Login) -> str:
    return probe(Target(target.host, target.port, username=login.username, password=login.password)).reason


async def test_the_router_does_its_work_and_nothing_else(milvus_server: MilvusServer, target: Target) -> None:
    login = new_login()
    provide_users(target, ROOT_PASSWORD, login)
    connection: dict[str, Any] = {"auth": {"enabled": True, "username": login.username, "password": login.password}}
    collection = {"name": "of_the_router"}
    store = MilvusStore(
        milvus_config(milvus_server, connection=connection, collection=collection), WordEmbedder.identity
    )
    await store.open()
    assert await store.put([entry(1, "how tall is a giraffe")]) == {"00000001"}
    assert await store.get("00000001") is not None
    await store.close()

    client = MilvusClient(
        uri=f"http://127.0.0.1:{milvus_server.port}",
        token=f"{login.username}:{login.password}",
        dedicated=True,
        timeout=20,
    )
    for forbidden in (
        lambda: client.create_user("intruder", "1ntruder-Secret"),
        lambda: client.create_database("elsewhere"),
        lambda: client.grant_role(login.username, "admin"),
    ):
        with pytest.raises(Exception, match=r"(?i)permission|privilege"):
            forbidden()
    client.close()


def test_a_password_that_was_made_anew_takes_the_place_of_the_lost_one(target: Target) -> None:
    lost, found = Login("semantic_router_1", "Lost-password-1"), Login("semantic_router_1", "Found-password-1")
    provide_users(target, ROOT_PASSWORD, lost)
    provide_users(target, ROOT_PASSWORD, found)
    assert (_reason(target, lost), _reason(target, found)) == ("CredentialsRefused", "")


def test_after_a_rotation_both_are_good_until_the_first_is_dropped(target: Target) -> None:
    first = new_login()
    second = new_login(first.username)
    for login in (first, second):
        provide_users(target, ROOT_PASSWORD, login)
    assert (_reason(target, first), _reason(target, second)) == ("", "")
    assert drop_other_users(target, ROOT_PASSWORD, second) == [first.username]
    assert (_reason(target, first), _reason(target, second)) == ("CredentialsRefused", "")
    assert drop_other_users(target, ROOT_PASSWORD, second) == []
