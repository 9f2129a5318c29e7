"""docs/troubleshooting.md: the doctor's own texts as a page."""

from collections.abc import Iterator
from textwrap import wrap

from semantic_router_operator.doctor.check import Check, Severity, Verdict
from semantic_router_operator.doctor.checks import CHECKS

_HEAD = """<!-- Written by `make generate` from the doctor's modules; change them, not this page. -->

# Troubleshooting

<!-- needs a cluster -->
```console
kubectl semantic-router doctor NAME -n NAMESPACE          # or: semantic-router-operator doctor NAME -n NAMESPACE
kubectl semantic-router doctor NAME -o json               # for programs; yaml as well
kubectl semantic-router doctor NAME --fix                 # makes the few changes that are safe, after showing them
kubectl semantic-router bundle NAME                       # everything that somebody else needs, without secrets
```

The doctor only reads. It works while the operator is down, and with rights to look at one namespace; what it may not
read it leaves out and names. Routers are asked through the API server, which takes `get` on `pods/proxy`; what the
operator has seen in Milvus stands in `status.milvus`. Exit codes: 0 nothing found or notes only, 1 warnings, 2 errors
or no access.

What it looks for, and what each verdict means:
"""
_WORDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "note"}


def troubleshooting() -> str:
    """Return the page."""
    return _HEAD + "".join("\n".join(_section(check)) for check in CHECKS)


def _section(check: Check) -> Iterator[str]:
    yield f"\n## {check.title}\n"
    yield "\n".join(wrap(f"Check `{check.name}`. Looks at: {check.looks_at}", 120))
    for verdict in check.verdicts:
        yield from _verdict(verdict)
    yield ""


def _verdict(verdict: Verdict) -> Iterator[str]:
    yield f"\n### {verdict.reason} ({_WORDS[verdict.severity]})\n"
    filled = {name: name.upper() for name in verdict.placeholders}
    cause, fix, command = (text.format(**filled) for text in (verdict.cause, verdict.fix, verdict.command))
    yield "\n".join(wrap(f"{cause[0].upper()}{cause[1:]} **To do:** {fix}", 120, break_on_hyphens=False))
    if command:
        yield f"\n<!-- needs a cluster -->\n```console\n{command}\n```"
