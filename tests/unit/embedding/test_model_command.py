"""`semantic-router model`, as a Dockerfile calls it."""

from pathlib import Path

from tests.unit.embedding.conftest import SmallModel
from typer.testing import CliRunner

from semantic_router_proxy.commands.model import app


def test_build_makes_what_verify_finds(small_model: SmallModel, model_cache: Path) -> None:
    path = ["--path", str(small_model.folder)]
    before = CliRunner().invoke(app, ["verify", *path])
    assert before.exit_code == 1
    assert "run semantic-router model build" in before.output
    built = CliRunner().invoke(app, ["build", *path])
    assert built.exit_code == 0
    assert str(model_cache) in built.output
    assert CliRunner().invoke(app, ["verify", *path]).output == built.output


def test_errors_are_sentences(small_model: SmallModel, tmp_path: Path) -> None:
    for command in ("build", "verify"):
        result = CliRunner().invoke(app, [command, "--path", str(tmp_path / "nowhere")])
        assert result.exit_code == 2
        assert "nowhere has no config.json" in result.output
