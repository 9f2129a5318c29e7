"""`kubectl semantic-router`: kubectl runs the program `kubectl-semantic_router` under that name."""

import typer

from semantic_router_operator.commands import backup
from semantic_router_operator.commands.bundle import bundle
from semantic_router_operator.commands.doctor import doctor
from semantic_router_operator.commands.hibernate import hibernate, resume
from semantic_router_operator.commands.in_pod import cache, explain, logs
from semantic_router_operator.commands.migrate import migrate, rollback
from semantic_router_operator.commands.restore import restore
from semantic_router_operator.commands.status import status

app = typer.Typer(
    name="kubectl semantic-router",
    help="Look at SemanticRouter resources, and work with them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

# What the router's own command understands is passed on as it is.
_PASSED_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}

for command in (status, doctor, bundle, migrate, rollback, hibernate, resume, restore):
    app.command()(command)
app.add_typer(backup.app, name="backup")
for passed_on in (cache, explain, logs):
    app.command(context_settings=_PASSED_ON, add_help_option=False)(passed_on)


def main() -> None:
    """Entry point."""
    app()
