"""`python -m tests.control_plane`: find the control plane's programs, build what is missing, say where they are."""

import sys

from tests.control_plane.binaries import UnavailableError, find_or_build


def main() -> int:
    try:
        programs = find_or_build(lambda line: print(line, file=sys.stderr, flush=True))
    except UnavailableError as error:
        print(error, file=sys.stderr)
        return 1
    for name, path in programs.items():
        print(f"{name:24} {path}")
    return 0


sys.exit(main())
