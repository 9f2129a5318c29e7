"""What can be wrong with a resource, in words."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding: the field's path as in the resource, what is wrong, and the value where it is short and plain."""

    path: str
    message: str
    value: str = ""

    def __str__(self) -> str:
        shown = f" (is {self.value})" if self.value else ""
        return f"{self.path}: {self.message}{shown}"


class InvalidResource(Exception):  # noqa: N818 - a finding about data
    """A resource that cannot be used; carries every problem."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__("; ".join(str(problem) for problem in problems))
