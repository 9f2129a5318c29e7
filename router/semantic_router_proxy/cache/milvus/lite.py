"""Milvus Lite's file: one process may have it open; several connections of that process share it."""

import fcntl
import threading
from collections import Counter
from pathlib import Path

_users: Counter[Path] = Counter()
_lock = threading.Lock()


def use_file(uri: str) -> None:
    """Take note of a connection that is about to be made; the folder is made where it is missing."""
    file = Path(uri).absolute()
    with _lock:
        file.parent.mkdir(parents=True, exist_ok=True)
        _users[file] += 1


def leave_file(uri: str) -> None:
    """Take note of a connection that ended; the last one closes the file, so that another process may open it."""
    from milvus_lite.server_manager import server_manager_instance

    file = Path(uri).absolute()
    with _lock:
        _users[file] -= 1
        if not _users[file]:
            server_manager_instance.release_server(uri)


def held_elsewhere(uri: str) -> bool:
    """Whether another process has the file open; this one must not. Milvus Lite says only that it failed."""
    from milvus_lite.db import LOCK_FILENAME

    lock = Path(uri) / LOCK_FILENAME
    if not lock.exists():
        return False
    with lock.open("rb") as opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
