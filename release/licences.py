"""The licences of what ships in the images: `python -m release.licences [--write]` checks or writes docs/licences.md.

What is asked is the installed metadata of the very versions that constraints/ pins. A licence that nobody has looked
at, or one that would bind whoever uses the images (GPL and its kin), is refused.
"""

import importlib.metadata
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from packaging.markers import default_environment
from packaging.requirements import Requirement

from release.sbom import licence_of

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "licences.md"
IMAGES = {"router": ("router", "model"), "operator": ("operator",)}
ALLOWED = {
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "PSF-2.0",
    "Zlib",
}
# Names that older metadata uses, and what the licence files beside them say.
SPDX = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache Software License": "Apache-2.0",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
# Their metadata says nothing, or only "BSD"; this is what the licence files beside it say.
READ_BY_HAND = {
    "cronsim": "BSD-3-Clause",
    "google-re2": "BSD-3-Clause",
    "hnswlib": "Apache-2.0",
    "jinja2": "BSD-3-Clause",
    "python-dateutil": "Apache-2.0 AND BSD-3-Clause",
    "requests-oauthlib": "ISC",
}
_HEAD = """# Licences

What ships in the images, beside the base image's own packages. Written by `python -m release.licences --write` from the
packages' metadata; `make release-check` refuses a licence that is not in its list, GPL and its kin among them. Every
image carries a CycloneDX bill of materials as `/usr/share/sbom/NAME.cdx.json`.

| Package | Licence | In |
|---|---|---|
"""


class LicenceError(Exception):
    """Packages that may not ship, a line each."""


@dataclass(frozen=True)
class Package:
    """A package, its SPDX expression and the images that hold it."""

    name: str
    licence: str
    images: tuple[str, ...]


def packages() -> list[Package]:
    """Everything that ships, by name. Raises LicenceError."""
    holders: dict[str, list[str]] = {}
    for image, files in IMAGES.items():
        for file in files:
            for name in pinned(ROOT / "constraints" / f"{file}.txt"):
                holders.setdefault(name, []).append(image)
    found, problems = [], []
    for name, images in sorted(holders.items()):
        licence = spdx(name)
        if unknown := sorted(words(licence) - ALLOWED) if licence else ["no licence"]:
            problems.append(f"{name}: {' and '.join(unknown)} is not among the licences that may ship")
        found.append(Package(name, licence, tuple(dict.fromkeys(images))))
    if problems:
        raise LicenceError("\n".join(problems))
    return found


def pinned(file: Path) -> list[str]:
    """Names that a constraints file pins for the images: Linux, this Python."""
    environment = {**default_environment(), "sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"}
    lines = [line.split(" \\")[0].strip() for line in file.read_text(encoding="utf-8").splitlines()]
    requirements = [Requirement(line) for line in lines if re.match(r"[A-Za-z0-9]", line)]
    return [each.name for each in requirements if each.marker is None or each.marker.evaluate(environment)]


def spdx(name: str) -> str:
    """The SPDX expression of an installed package, empty where it says nothing. Raises LicenceError."""
    if name in READ_BY_HAND:
        return READ_BY_HAND[name]
    try:
        said = licence_of(importlib.metadata.metadata(name))
    except importlib.metadata.PackageNotFoundError:
        raise LicenceError(f"{name} is pinned but not installed: run `make setup`") from None
    for old, new in SPDX.items():
        said = said.replace(old, new)
    return said


def words(expression: str) -> set[str]:
    """The licences that an SPDX expression names."""
    return {word for word in re.split(r"[\s()]+", expression) if word and word not in {"AND", "OR", "WITH"}}


def page() -> str:
    """docs/licences.md. Raises LicenceError."""
    rows = [f"| {each.name} | {each.licence} | {', '.join(each.images)} |" for each in packages()]
    return _HEAD + "\n".join(rows) + "\n"


def main(arguments: list[str]) -> int:
    """Returns the exit status."""
    try:
        text = page()
    except LicenceError as error:
        print(error, file=sys.stderr)
        return 1
    if "--write" in arguments:
        PAGE.write_text(text, encoding="utf-8")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text:
        print("docs/licences.md is not what is installed: run `python -m release.licences --write`", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
