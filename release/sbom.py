"""Writes a CycloneDX 1.6 bill of materials of the environment that runs it: Python packages, Debian packages, files.

Standard library only and one file, so that an image's build can run it with the very interpreter that it describes:
`python sbom.py NAME VERSION [FOLDER...]`. FOLDERs (the embedding model's, say) are listed file by file with SHA-256.
https://cyclonedx.org/docs/1.6/json/
"""

import hashlib
import importlib.metadata
import json
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

Component = dict[str, Any]
DPKG = Path("/var/lib/dpkg/status")


def python_packages() -> list[Component]:
    """Every distribution that this interpreter can import, by name."""
    found = {}
    for package in importlib.metadata.distributions():
        name = normalised(package.metadata["Name"])
        purl = f"pkg:pypi/{name}@{quote(package.version)}"
        found[name] = {"type": "library", "name": name, "version": package.version, "purl": purl, "bom-ref": purl}
        if licence := licence_of(package.metadata):
            # `expression` has to be SPDX; what older metadata says is only a name.
            choice = (
                {"expression": licence} if package.metadata["License-Expression"] else {"license": {"name": licence}}
            )
            found[name]["licenses"] = [choice]
    return [found[name] for name in sorted(found)]


def licence_of(metadata: "importlib.metadata.PackageMetadata") -> str:
    """The SPDX expression, else the trove classifiers, else a short `License` field; empty when it says nothing."""
    if expression := metadata["License-Expression"]:
        return str(expression)
    classifiers = [
        each.rpartition(" :: ")[2]
        for each in metadata.get_all("Classifier") or ()
        if each.startswith("License :: ") and each != "License :: OSI Approved"
    ]
    text = str(metadata["License"] or "").strip()
    # Some put the licence's whole text there.
    return " AND ".join(classifiers) or (text if "\n" not in text and text.upper() != "UNKNOWN" else "")


def normalised(name: str) -> str:
    """https://packaging.python.org/en/latest/specifications/name-normalization/"""
    return "-".join(filter(None, name.lower().replace("_", "-").replace(".", "-").split("-")))


def debian_packages(status: Path = DPKG) -> list[Component]:
    """Every installed package of the distribution; none where there is no dpkg."""
    if not status.exists():
        return []
    found = []
    for paragraph in status.read_text(encoding="utf-8").split("\n\n"):
        fields = dict(line.split(": ", 1) for line in paragraph.splitlines() if ": " in line and line[0] != " ")
        if fields.get("Status", "").endswith(" installed"):
            name, version, architecture = fields["Package"], fields["Version"], fields["Architecture"]
            purl = f"pkg:deb/debian/{name}@{quote(version, safe='')}?arch={architecture}"
            found.append({"type": "library", "name": name, "version": version, "purl": purl, "bom-ref": purl})
    return found


def files(folder: Path) -> list[Component]:
    """Every file below the folder, with its hash."""
    return [
        {
            "type": "file",
            "name": str(path),
            "bom-ref": f"file:{path}",
            "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(path.read_bytes()).hexdigest()}],
        }
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    ]


def bill(name: str, version: str, folders: list[Path]) -> dict[str, Any]:
    """The document; it names no time and no serial number, so that equal images have equal bills."""
    image = {"type": "container", "name": name, "version": version, "bom-ref": f"{name}@{version}"}
    listed = [each for folder in folders for each in files(folder)]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": image},
        "components": [*python_packages(), *debian_packages(), *listed],
    }


if __name__ == "__main__":
    print(json.dumps(bill(sys.argv[1], sys.argv[2], [Path(each) for each in sys.argv[3:]]), indent=1))
