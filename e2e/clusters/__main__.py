"""`python -m e2e.clusters` says which cluster `make e2e` would run on; code 3 and what is missing: none can be had."""

import sys

from tests.control_plane.binaries import UnavailableError

from e2e.clusters.choice import choose

try:
    print(choose())
except UnavailableError as error:
    print(error, file=sys.stderr)
    sys.exit(3)
