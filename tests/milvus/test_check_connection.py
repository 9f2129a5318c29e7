"""`semantic-router check-connection` against a real server: each thing that can be wrong has its own sentence."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from pymilvus import DataType, MilvusClient
from typer.testing import CliRunner, Result

from semantic_router_proxy.cli import app
from tests.control_plane.server import free_ports
from tests.milvus.conftest import ROOT_TOKEN
from tests.milvus.server import MilvusServer

pytestmark = pytest.mark.xdist_group("milvus-server")


def _check(folder: Path, connection: dict[str, Any], collection: str = "not_there", *options: str) -> Result:
    (folder / "milvus.yaml").write_text(yaml.safe_dump({"connection": connection, "collection": {"name": collection}}))
    cache = {"backend_type": "hybrid", "backend_config_path": "milvus.yaml"}
    config = {
        "providers": [{"name": "p", "base_url": "http://127.0.0.1:1/v1"}],
        "models": [{"name": "m", "provider": "p"}],
        "semantic_cache": cache,
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    return CliRunner().invoke(app, ["check-connection", "--config", str(folder / "config.yaml"), *options])


def _connection(server: MilvusServer, **changed: Any) -> dict[str, Any]:
    auth = {"enabled": True, "token": ROOT_TOKEN}
    return {"host": "127.0.0.1", "port": server.port, "auth": auth, **changed}


def test_the_whole_way(milvus_server: MilvusServer, tmp_path: Path) -> None:
    done = _check(tmp_path, _connection(milvus_server))
    assert done.exit_code == 0, done.output
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["name", "port", "login", "collection"]
    assert "there is no not_there yet; the router makes it" in done.stdout


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"host": "milvus.invalid"}, "name: the name milvus.invalid has no address"),
        ({"port": 0}, "port: 127.0.0.1:0 refuses connections"),
        ({"auth": {"enabled": True, "token": "root:wrong"}}, "login: Milvus at 127.0.0.1"),
        ({"tls": {"enabled": True}}, "does not speak TLS"),
    ],
)
def test_the_first_step_that_fails_is_told(
    milvus_server: MilvusServer, tmp_path: Path, changed: dict[str, Any], says: str
) -> None:
    if "port" in changed:
        (port,) = free_ports(1)
        changed, says = {"port": port}, says.replace(":0 ", f":{port} ")
    done = _check(tmp_path, _connection(milvus_server, **changed))
    assert done.exit_code == 1, done.output
    assert says in done.stderr
    assert "wrong" not in done.stderr.replace("wrong password", "")


def test_a_collection_of_somebody_else_is_told(milvus_server: MilvusServer, tmp_path: Path) -> None:
    client = MilvusClient(uri=f"http://127.0.0.1:{milvus_server.port}", token=ROOT_TOKEN, dedicated=True, timeout=20)
    schema = client.create_schema()
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("v", DataType.FLOAT_VECTOR, dim=8)
    client.create_collection("somebody_elses", schema=schema)
    client.close()
    done = _check(tmp_path, _connection(milvus_server), "somebody_elses")
    assert done.exit_code == 1
    assert "collection: somebody_elses was not made by this router" in done.stderr


def test_without_a_milvus_the_configuration_is_to_blame(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("semantic_cache: {backend_type: memory}\n")
    done = CliRunner().invoke(app, ["check-connection", "--config", str(tmp_path / "config.yaml")])
    assert done.exit_code == 2
    assert "has no Milvus" in done.stderr
