"""Logging and error texts around `run_operator`."""

import asyncio
import logging
import sys
from typing import Any

import structlog

from semantic_router_operator.cluster.errors import ApiError
from semantic_router_operator.handlers.run import run_operator


def main(namespaces: tuple[str, ...], **options: Any) -> int:
    """Runs the operator with JSON logs on standard error; returns the exit code (2: it could not start)."""
    _configure_logs()
    try:
        return asyncio.run(run_operator(namespaces, **options))
    except (ApiError, OSError) as error:
        print(f"semantic-router-operator: {error}", file=sys.stderr)
        return 2


def _configure_logs() -> None:
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    # kopf and aiohttp log through the standard library.
    formatter = structlog.stdlib.ProcessorFormatter(
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, structlog.processors.JSONRenderer()],
        foreign_pre_chain=shared,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
