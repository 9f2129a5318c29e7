"""`python -m e2e.clusters` says which cluster `make e2e` would run on, or what is missing where none can be had."""

import sys

from tests.control_plane.binaries import UnavailableError

from e2e.clusters.choice import choose

try:
    print(choose())
except UnavailableError as error:
    sys.exit(str(error))
