"""TLS to a real Milvus: one-way, mutual, and what a person reads when a certificate is wrong."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from semantic_router_operator.probes.milvus import Target, Tls, probe
from semantic_router_proxy.cache.milvus.reach import NotReachedError, reach
from semantic_router_proxy.cache.milvus.store import MilvusStore
from semantic_router_proxy.cache.store import StoreUnavailable
from semantic_router_proxy.config.milvus import MilvusConfig
from tests.milvus.certificates import SERVER_NAME, make_certificates
from tests.milvus.entries import entry
from tests.milvus.server import MilvusServer
from tests.unit.cache.conftest import WordEmbedder

pytestmark = pytest.mark.xdist_group("milvus-tls")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    make_certificates(folder)
    return folder


def _server(folder: Path, certificates: Path, mode: int) -> MilvusServer:
    files = {"server-pem": "server.crt", "server-key": "server.key", "ca-pem": "ca.crt"}
    options = [text for name, file in files.items() for text in (f"--{name}-path", str(certificates / file))]
    return MilvusServer(folder, "--tls-mode", str(mode), *options)


@pytest.fixture(scope="module")
def one_way(certificates: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    running = _server(tmp_path_factory.mktemp("one-way"), certificates, 1)
    running.start(secure=True, server_pem_path=str(certificates / "ca.crt"), server_name=SERVER_NAME)
    yield running.port
    running.kill()


@pytest.fixture(scope="module")
def mutual(certificates: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    running = _server(tmp_path_factory.mktemp("mutual"), certificates, 2)
    running.start(
        secure=True,
        ca_pem_path=str(certificates / "ca.crt"),
        client_pem_path=str(certificates / "client.crt"),
        client_key_path=str(certificates / "client.key"),
        server_name=SERVER_NAME,
    )
    yield running.port
    running.kill()


async def _write_and_read(port: int, **tls: Any) -> None:
    connection: dict[str, Any] = {"host": "127.0.0.1", "port": port, "timeout": 10}
    if tls:
        connection["tls"] = {"enabled": True, "server_name": SERVER_NAME, **tls}
    config = MilvusConfig.model_validate(
        {"connection": connection, "search": {"consistency_level": "Strong", "timeout": 10}}
    )
    store = MilvusStore(config, WordEmbedder.identity)
    try:
        await store.open()
        await store.put([entry(1)])
        assert await store.get("00000001") is not None
    finally:
        await store.close()


async def test_one_way(one_way: int, certificates: Path) -> None:
    await _write_and_read(one_way, ca_file=str(certificates / "ca.crt"))


async def test_mutual(mutual: int, certificates: Path) -> None:
    await _write_and_read(
        mutual,
        ca_file=str(certificates / "ca.crt"),
        cert_file=str(certificates / "client.crt"),
        key_file=str(certificates / "client.key"),
    )


@pytest.mark.parametrize(
    "tls",
    [{}, {"ca_file": "stranger.crt"}, {"ca_file": "ca.crt", "server_name": "another.test"}],
    ids=["plain", "another authority", "another name"],
)
async def test_a_server_that_is_not_who_it_should_be_gets_nothing(
    one_way: int, certificates: Path, tls: dict[str, str]
) -> None:
    files = {name: str(certificates / value) if name.endswith("_file") else value for name, value in tls.items()}
    words = "check the certificates" if tls else "cannot be reached"
    with pytest.raises(StoreUnavailable, match=words):
        await _write_and_read(one_way, **files)


async def test_a_server_that_wants_a_client_certificate_is_not_reached_without(mutual: int, certificates: Path) -> None:
    with pytest.raises(StoreUnavailable, match="check the certificates"):
        await _write_and_read(mutual, ca_file=str(certificates / "ca.crt"))


async def test_a_second_client_of_the_address_has_its_own_certificates(one_way: int, certificates: Path) -> None:
    """pymilvus would give it the first one's connection, with whatever that trusts."""
    await _write_and_read(one_way, ca_file=str(certificates / "ca.crt"))
    with pytest.raises(StoreUnavailable):
        await _write_and_read(one_way, ca_file=str(certificates / "stranger.crt"))


async def test_a_missing_file_is_named(one_way: int, certificates: Path) -> None:
    with pytest.raises(StoreUnavailable, match=r"no_such\.crt"):
        await _write_and_read(one_way, ca_file=str(certificates / "no_such.crt"))


def test_the_operators_probe_tells_certificates_apart(one_way: int, mutual: int, certificates: Path) -> None:
    def asked(port: int, tls: Tls | None) -> str:
        return probe(Target("127.0.0.1", port, tls=tls, seconds=20)).reason

    ca, stranger, certificate, key = (
        (certificates / name).read_bytes() for name in ("ca.crt", "stranger.crt", "client.crt", "client.key")
    )
    assert asked(one_way, Tls(ca, server_name=SERVER_NAME)) == ""
    assert asked(one_way, None) == "TLSRequired"
    assert asked(one_way, Tls(stranger, server_name=SERVER_NAME)) == "CertificateRefused"
    assert asked(one_way, Tls(ca)) == "CertificateRefused", "127.0.0.1 is not in the certificate"
    assert asked(mutual, Tls(ca, certificate, key, SERVER_NAME)) == ""
    assert asked(mutual, Tls(ca, server_name=SERVER_NAME)) == "CertificateRefused"
    assert asked(mutual, Tls(ca, certificate, b"not a key", SERVER_NAME)) == "CertificateUnusable"


def test_the_way_is_looked_at_step_by_step(one_way: int, certificates: Path) -> None:
    tls = {"enabled": True, "ca_file": str(certificates / "ca.crt"), "server_name": SERVER_NAME}
    connection: dict[str, Any] = {"host": "127.0.0.1", "port": one_way, "tls": tls}
    steps = list(reach(MilvusConfig.model_validate({"connection": connection}), 5))
    assert [step.name for step in steps] == ["name", "port", "tls", "login", "collection"]
    tls["ca_file"] = str(certificates / "stranger.crt")
    with pytest.raises(NotReachedError, match=r"the certificate is not good for milvus\.test"):
        list(reach(MilvusConfig.model_validate({"connection": connection}), 5))
