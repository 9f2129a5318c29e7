"""`python -m e2e.clusters.node up|down|load IMAGE...|run COMMAND...`."""

import subprocess
import sys

from tests.control_plane.binaries import UnavailableError

from e2e.clusters.node import machine


def main(arguments: list[str]) -> int:
    """Returns the exit code."""
    match arguments:
        case ["up"]:
            print(f"export KUBECONFIG={machine.up(lambda line: print(line, file=sys.stderr, flush=True))}")
        case ["down"]:
            machine.down()
        case ["load", *images] if images:
            for image in images:
                command = ["podman", "save", "--format", "docker-archive", image]
                with subprocess.Popen(command, stdout=subprocess.PIPE) as saved:
                    assert saved.stdout is not None
                    machine.load(saved.stdout)
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
