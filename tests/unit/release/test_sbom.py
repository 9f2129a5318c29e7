"""The bill of materials: what is installed is in it, once, with version, place and licence."""

import hashlib
import importlib.metadata
import json
import subprocess
import sys
from pathlib import Path

import pytest
from release import sbom

STATUS = """\
Package: libc6
Status: install ok installed
Architecture: amd64
Version: 2.36-9+deb12u14
Description: GNU C Library: Shared libraries
 Contains: the standard libraries

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1
"""


def test_every_installed_distribution_is_listed_once() -> None:
    installed = {sbom.normalised(each.metadata["Name"]) for each in importlib.metadata.distributions()}
    listed = sbom.python_packages()
    assert [each["name"] for each in listed] == sorted(installed)
    pydantic = next(each for each in listed if each["name"] == "pydantic")
    assert pydantic["purl"] == f"pkg:pypi/pydantic@{importlib.metadata.version('pydantic')}"
    assert pydantic["licenses"] == [{"expression": "MIT"}]


def test_debian_s_packages_are_those_that_are_installed(tmp_path: Path) -> None:
    status = tmp_path / "status"
    status.write_text(STATUS)
    (only,) = sbom.debian_packages(status)
    assert only["purl"] == "pkg:deb/debian/libc6@2.36-9%2Bdeb12u14?arch=amd64"
    assert sbom.debian_packages(tmp_path / "none") == []


def test_files_are_listed_with_their_hash(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"weights")
    (only,) = sbom.files(tmp_path)
    assert only["hashes"] == [{"alg": "SHA-256", "content": hashlib.sha256(b"weights").hexdigest()}]


@pytest.mark.parametrize(
    ("name", "same"), [("Typing_Extensions", "typing-extensions"), ("a..b__c", "a-b-c"), ("jinja2", "jinja2")]
)
def test_names_are_normalised(name: str, same: str) -> None:
    assert sbom.normalised(name) == same


def test_it_runs_as_one_file_and_says_the_same_each_time() -> None:
    command = [sys.executable, sbom.__file__, "semantic-router", "1.2.3"]
    first, second = (subprocess.run(command, capture_output=True, check=True).stdout for _ in range(2))
    assert first == second
    bill = json.loads(first)
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    references = [each["bom-ref"] for each in bill["components"]]
    assert len(references) == len(set(references))
