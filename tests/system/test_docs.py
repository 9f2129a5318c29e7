"""The documents' commands, run as they stand there."""

import json
import subprocess
import sys
from pathlib import Path

from tests.documents import ROOT, commands


def test_commands_of_the_documents_work(tmp_path: Path) -> None:
    namespaces = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    command = [*namespaces, sys.executable, "-m", "tests.system.documented", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(told) == sum(block.kind == "run" for block in commands()) > 0
    failed = [f"{each['page']}:{each['line']}: {each['output']}" for each in told if each["code"] != 0]
    assert not failed, "\n".join(failed)
