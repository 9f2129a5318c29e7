"""Puts the stand-in where a container would have copied the real executable to."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


class StandIn:
    """An executable `milvus-backup` in a folder; it can be told to fail."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._fault = folder / "fault"
        self.executable = folder / "milvus-backup"
        self.executable.write_text(
            f"#!/bin/sh\nSTANDIN_FAULT={self._fault} PYTHONPATH={ROOT} exec {sys.executable} -m tests.milvus_backup "
            '"$@"\n'
        )
        self.executable.chmod(0o755)

    def fail(self, how: str) -> None:
        """`abort`: end in the middle; `panic`; `hang`; `silent`: success without a description."""
        self._fault.write_text(how)

    def heal(self) -> None:
        self._fault.unlink(missing_ok=True)
