"""What is inside the images, asked by their own programs: nothing writable, no network, no compiler, what is listed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from e2e.images.build import Images, inside, inspect
from semantic_router_proxy.version import __version__

_INSTALLED = """
import importlib.metadata, json, os, shutil
tools = ("gcc", "g++", "cc", "clang", "ld", "make", "curl", "wget", "git")
found = {each.metadata["Name"].lower().replace("_", "-").replace(".", "-"): each.version
         for each in importlib.metadata.distributions()}
print(json.dumps({"uid": os.getuid(), "tools": [each for each in tools if shutil.which(each)], "packages": found}))
"""


@pytest.fixture(params=["router", "operator"])
def image(request: pytest.FixtureRequest, built: Images) -> tuple[str, str]:
    """Name in the registry, and the tag that was built."""
    name = {"router": "semantic-router", "operator": "semantic-router-operator"}[request.param]
    return name, str(getattr(built, request.param))


def test_it_holds_what_its_bill_of_materials_lists_and_no_tools(
    built: Images, image: tuple[str, str], remark: Callable[[str], None]
) -> None:
    name, tag = image
    told: dict[str, Any] = json.loads(inside(built, tag, "python3", "-c", _INSTALLED))
    assert told["uid"] == 65532
    assert told["tools"] == []
    bill = json.loads(inside(built, tag, "cat", f"/usr/share/sbom/{name}.cdx.json"))
    listed = {
        each["name"]: each["version"] for each in bill["components"] if each.get("purl", "").startswith("pkg:pypi/")
    }
    assert listed == told["packages"]
    assert listed["semantic-router"] == bill["metadata"]["component"]["version"] == __version__
    debian = {each["name"] for each in bill["components"] if each.get("purl", "").startswith("pkg:deb/")}
    assert {"libc6", "base-files"} <= debian
    assert not {"gcc", "g++", "python3-dev"} & debian
    remark(
        f"{tag}: {inspect(built, tag)['Size'] / 1e6:.0f} MB unpacked,"
        f" {len(listed)} Python and {len(debian)} Debian packages"
    )


def test_its_labels_say_what_it_is(built: Images, image: tuple[str, str]) -> None:
    name, tag = image
    told = inspect(built, tag)
    labels = {key.rpartition(".")[2]: value for key, value in told["Config"]["Labels"].items()}
    assert labels["title"] == name
    assert labels["version"] == __version__
    assert labels["licenses"] == "Apache-2.0"
    assert len(labels["revision"]) == 40
    assert told["Config"]["User"] == "65532:65532"


def test_the_model_in_the_router_s_image_is_the_verified_one(built: Images) -> None:
    assert "/opt/models" in inside(built, built.router, "semantic-router", "model", "verify")
    bill = json.loads(inside(built, built.router, "cat", "/usr/share/sbom/semantic-router.cdx.json"))
    files = [each for each in bill["components"] if each["type"] == "file"]
    assert any(Path(each["name"]).suffix == ".onnx" and each["hashes"][0]["alg"] == "SHA-256" for each in files)


def test_its_commands_answer_without_anything_writable(built: Images) -> None:
    assert inside(built, built.router, "semantic-router", "--version").strip() == __version__
    assert "SemanticRouter" in inside(built, built.operator, "semantic-router-operator", "crd")
