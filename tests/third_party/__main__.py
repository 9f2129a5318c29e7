"""`python -m tests.third_party`: find the programs of others, build what is missing, say where they are."""

import sys

from tests.control_plane.binaries import UnavailableError
from tests.third_party.programs import PROGRAMS, find_or_build


def main() -> int:
    try:
        for name in PROGRAMS:
            folder = find_or_build(name, lambda line: print(line, file=sys.stderr, flush=True))
            print(f"{name:24} {folder / name}")
    except UnavailableError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


sys.exit(main())
