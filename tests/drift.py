"""Generated files are what the code makes now: `python -m tests.drift` checks, `--write` writes them anew."""

import sys
from pathlib import Path

from semantic_router_operator.api.crd import CRD_NAME, semantic_router_crd
from semantic_router_operator.cli import to_yaml

ROOT = Path(__file__).parents[1]


def generated() -> dict[str, str]:
    """Return every generated file's text by its path from the project's root."""
    return {f"crds/{CRD_NAME}.yaml": to_yaml([semantic_router_crd()])}


def stale() -> list[str]:
    """Return the generated files that are missing or differ."""
    files = generated()
    kept = {
        name for name in files if (ROOT / name).is_file() and (ROOT / name).read_text(encoding="utf-8") == files[name]
    }
    return sorted(set(files) - kept)


def main() -> int:
    """Return the exit status."""
    if "--write" in sys.argv[1:]:
        for name, text in generated().items():
            (ROOT / name).parent.mkdir(parents=True, exist_ok=True)
            (ROOT / name).write_text(text, encoding="utf-8")
        return 0
    for name in stale():
        print(f"{name} is not what the code makes: run `make generate` and commit the difference", file=sys.stderr)
    return 1 if stale() else 0


if __name__ == "__main__":
    sys.exit(main())
