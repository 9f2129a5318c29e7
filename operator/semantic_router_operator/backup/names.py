"""A backup's name: it sorts by time, says its time, and is one that milvus-backup takes (no hyphens)."""

import re
from datetime import UTC, datetime

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_OURS = re.compile(r"sr_(\d{8}_\d{6})(?:_[0-9a-z]+)?")
_TIME = "%Y%m%d_%H%M%S"


def new_name(now: datetime, suffix: str) -> str:
    """Return the name of a backup that begins now; `suffix` tells two of one second apart."""
    return f"sr_{now.astimezone(UTC).strftime(_TIME)}_{suffix}"


def is_name(text: str) -> bool:
    return _NAME.fullmatch(text) is not None


def time_of(name: str) -> datetime | None:
    """Return when a backup of such a name began, None where the name is another's choice."""
    match = _OURS.fullmatch(name)
    if match is None:
        return None
    try:
        return datetime.strptime(match[1], _TIME).replace(tzinfo=UTC)
    except ValueError:
        return None
