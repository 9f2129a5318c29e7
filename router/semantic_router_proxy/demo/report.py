"""From measured answers to what a person reads: tables and a summary."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from rich import box
from rich.console import RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from semantic_router_proxy.demo.questions import Topic


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer as a client saw it. `milliseconds` runs from sending the request to having the whole answer."""

    milliseconds: float
    cache: str
    tier: str
    similarity: float | None
    model: str
    decision: str
    text: str

    @property
    def hit(self) -> bool:
        return self.cache == "hit"


@dataclass(slots=True)
class TopicResult:
    """The answers to one topic's questions, in the order in which they were asked."""

    topic: Topic
    cold: Answer
    again: Answer | None = None
    after_restart: Answer | None = None
    paraphrase: Answer | None = None
    look_alike: Answer | None = None


@dataclass(frozen=True, slots=True)
class CacheNumbers:
    """What the router's own metrics say after the demo."""

    entries: int
    operations: dict[str, float] = field(default_factory=dict)
    hit_ratio: float = 0.0


def results_table(results: Sequence[TopicResult]) -> Table:
    """One line a question: the first time, again, and after the restart; below it the other wordings."""
    table = Table(title="What was asked, and how fast the answer came", title_style="bold", box=box.SIMPLE_HEAD)
    table.add_column("Question", ratio=1, overflow="fold")
    for heading in ("cold ms", "warm ms"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("tier", no_wrap=True)
    table.add_column("similarity", justify="right", no_wrap=True)
    table.add_column("model", no_wrap=True)
    area = ""
    for result in results:
        if result.topic.area != area:
            area = result.topic.area
            table.add_row(Text(area, style="bold cyan"), "", "", "", "", "")
        again = result.again
        table.add_row(
            result.topic.question,
            _ms(result.cold),
            _ms(again),
            _tier(again),
            _similarity(again),
            result.cold.model,
        )
        table.add_row(Text("  again, after the restart", style="dim"), "", *_warm(result.after_restart))
        table.add_row(Text(f"  ≈ {result.topic.paraphrase}"), "", *_warm(result.paraphrase))
        other = result.look_alike
        if other is not None:
            cells = (
                ("", *_warm(other)) if other.hit else (_ms(other), "", _tier(other), _similarity(other), other.model)
            )
            table.add_row(Text(f"  ≠ {result.topic.look_alike}"), *cells)
    table.caption = "≈ the same in other words    ≠ reads alike, means something else: the model must answer"
    return table


def summary(results: Sequence[TopicResult], numbers: CacheNumbers, upstream: str, restart_seconds: float) -> Panel:
    """The whole in a few lines, good or bad."""
    cold = [result.cold.milliseconds for result in results]
    exact = [a.milliseconds for r in results for a in (r.again, r.after_restart) if a and a.hit]
    semantic = [r.paraphrase.milliseconds for r in results if r.paraphrase and r.paraphrase.hit]
    survived = sum(1 for r in results if r.after_restart and r.after_restart.hit)
    paraphrases = len(semantic)
    wrong = sum(1 for r in results if r.look_alike and r.look_alike.hit)
    saved = sum(
        r.cold.milliseconds - a.milliseconds
        for r in results
        for a in (r.again, r.after_restart, r.paraphrase)
        if a and a.hit
    )
    lines = Table.grid(padding=(0, 2))
    lines.add_column(style="bold", no_wrap=True)
    lines.add_column()
    lines.add_row("The model", f"{_median(cold)} ms for an answer ({upstream})")
    lines.add_row("Word for word", f"{_median(exact)} ms from the exact tier{_times_faster(cold, exact)}")
    lines.add_row(
        "In other words",
        f"{paraphrases} of {len(results)} answered from the semantic tier, {_median(semantic)} ms"
        f"{_times_faster(cold, semantic)}",
    )
    lines.add_row("Look-alikes", _verdict(wrong == 0, f"{wrong} of {len(results)} answered wrongly from the cache"))
    lines.add_row(
        "Restart",
        _verdict(
            survived == len(results),
            f"{survived} of {len(results)} answers survived it; ready again after {restart_seconds:.1f} s",
        ),
    )
    lines.add_row("Waiting saved", f"{saved / 1000:.1f} s over {len(exact) + len(semantic)} answers from the cache")
    operations = ", ".join(f"{name} {count:.0f}" for name, count in sorted(numbers.operations.items()) if count)
    lines.add_row("Cache since restart", f"{numbers.entries} entries, hit ratio {numbers.hit_ratio:.0%} ({operations})")
    return Panel(lines, title="In short", title_align="left", border_style="green" if wrong == 0 else "red")


def _warm(answer: Answer | None) -> tuple[RenderableType, ...]:
    return (_ms(answer), _tier(answer), _similarity(answer), answer.model if answer else "")


def _ms(answer: Answer | None) -> str:
    if answer is None:
        return ""
    return f"{answer.milliseconds:.1f}" if answer.milliseconds < 100 else f"{answer.milliseconds:.0f}"


def _tier(answer: Answer | None) -> Text:
    if answer is None:
        return Text("")
    if not answer.hit:
        return Text(answer.cache or "miss", style="yellow")
    return Text(answer.tier, style="green")


def _similarity(answer: Answer | None) -> str:
    return f"{answer.similarity:.3f}" if answer and answer.similarity is not None else ""


def _median(values: Sequence[float]) -> str:
    if not values:
        return "–"
    middle = median(values)
    return f"{middle:.1f}" if middle < 100 else f"{middle:.0f}"


def _times_faster(cold: Sequence[float], warm: Sequence[float]) -> str:
    return f", {median(cold) / median(warm):.0f} times faster" if cold and warm else ""


def _verdict(good: bool, words: str) -> Text:
    return Text.assemble(("✓ ", "bold green") if good else ("✗ ", "bold red"), words)
