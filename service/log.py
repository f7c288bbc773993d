"""The log on stderr: JSON, one line for each decision that has run, and one for each trouble."""

import logging
import sys

import structlog

from router.types import Ended, Event

log = structlog.get_logger()


def configure(level: int = logging.INFO) -> None:
    """Write structured lines to stderr from now on; stdout stays the commands' own."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(name)s: %(message)s")


def tell(decision_id: str, event: Event) -> None:
    """Write the line of a run that has ended."""
    if not isinstance(event, Ended):
        return
    outcome, decision = event.outcome, event.decision
    log.info(
        "decision",
        id=decision_id,
        arm=str(outcome.arm),
        chosen=str(decision.arm),
        policy=decision.policy,
        why=decision.why,
        status=outcome.status,
        error=outcome.error,
        calls=outcome.calls,
        seconds=round(outcome.seconds, 4),
    )
