"""What a section of the benchmark gives back, and how the sections are found."""

from collections.abc import Callable
from dataclasses import dataclass, field

from rich.table import Table


@dataclass(frozen=True, slots=True)
class Report:
    """`figures` are flat keys for benchmarks/out/cache.json; percentages, microseconds (`_us`) and the like are in the
    key's name. `tables` are for people."""

    figures: dict[str, float] = field(default_factory=dict)
    tables: tuple[Table, ...] = ()


Section = Callable[[], Report]


def table(title: str, *columns: str) -> Table:
    """Return a table whose first column holds names, the others numbers."""
    result = Table(title=title, title_justify="left")
    for number, column in enumerate(columns):
        result.add_column(column, justify="right" if number else "left")
    return result
