"""`python -m e2e.clusters.node up|down|load IMAGE...|run COMMAND...`."""

import sys

from tests.control_plane.binaries import UnavailableError

from e2e.clusters.node import machine
from e2e.images.engine import find_engine


def main(arguments: list[str]) -> int:
    """Returns the exit code."""
    match arguments:
        case ["up"]:
            print(f"export KUBECONFIG={machine.up(lambda line: print(line, file=sys.stderr, flush=True))}")
        case ["down"]:
            machine.down()
        case ["load", *images] if images:
            engine = find_engine()
            for image in images:
                with engine.saved(image) as archive:
                    machine.load(archive)
        case ["run", *command] if command:
            done = machine.inside(*command)
            sys.stdout.buffer.write(done.stdout)
            sys.stderr.buffer.write(done.stderr)
            return done.returncode
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


try:
    sys.exit(main(sys.argv[1:]))
except (machine.NodeError, UnavailableError) as error:
    sys.exit(str(error))
