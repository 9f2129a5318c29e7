"""`python -m benchmarks.cache [SECTION...]` measures the cache; prints tables, writes benchmarks/out/cache.json.

Figures of sections that were not asked for stay in the file as they were.
"""

import argparse
import importlib
import json
from pathlib import Path

from benchmarks.cache.report import Section
from rich.console import Console

import semantic_router_proxy  # noqa: F401 - before numpy: it says how many threads that may use

OUT = Path("benchmarks/out/cache.json")
# Name of the section -> module of benchmarks.cache whose `measure` it is; a module is imported only to be run.
SECTIONS = {
    "quality": "quality",
    "decisions": "decisions",
    "recall": "recall",
    "lookup": "lookup",
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cache", description=__doc__)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"{', '.join(SECTIONS)}; all without")
    asked = parser.parse_args().sections or list(SECTIONS)
    if unknown := set(asked) - set(SECTIONS):
        parser.error(f"no section {', '.join(sorted(unknown))}; there are {', '.join(SECTIONS)}")
    console = Console(width=110)
    figures: dict[str, float] = json.loads(OUT.read_text()) if OUT.exists() else {}
    for name in asked:
        measure: Section = importlib.import_module(f"benchmarks.cache.{SECTIONS[name]}").measure
        report = measure()
        for shown in report.tables:
            console.print(shown)
        figures |= report.figures
        OUT.parent.mkdir(parents=True, exist_ok=True)
        OUT.write_text(json.dumps(figures, indent=2, sort_keys=True) + "\n")
    console.print(f"Written to {OUT}")


if __name__ == "__main__":
    main()
