"""The log: JSON lines on stderr or in a file, one for each decision that has run, and one for each trouble.

What is written while a request is answered carries its id and its decision's, whoever writes it: ours, libraries, the
HTTP server. No line holds a key. None holds what was asked or answered, unless that is asked for: of an error that may
quote it, the line has the kind, and the database the words.
"""

import logging
import re
import sys
from collections.abc import Iterable
from logging.handlers import WatchedFileHandler
from pathlib import Path
from typing import Literal, TextIO

import structlog
from structlog.stdlib import ProcessorFormatter
from structlog.typing import Processor

from models.errors import BadSettings
from router.run import Tell
from router.types import Ended, Event
from service import current
from service.masking import Mask
from service.sections import Server

PLAIN = frozenset({"ModelBusy", "ModelResting", "NoMemory", "BudgetExceeded"})
"""Errors whose words quote nobody."""
OUR_WORDS = re.compile(
    r"\w+: model '[^']*'(?: answered \d{3}\b| took longer than its timeout of [\d.e+]+ seconds"
    r"| broke off in the middle of its answer| answered without a choice)"
)
"""How errors of models begin before they quote a server, which may quote its prompt."""
OURS = "pointsman"
"""Whose a line is that comes ready."""

Shape = Literal["json", "console"]

log = structlog.get_logger()


def configure(
    level: int = logging.INFO, secrets: Iterable[str] = (), shape: Shape = "json", path: Path | None = None
) -> None:
    """Write lines to stderr, or to the file, from now on, the `secrets` hidden; stdout stays the commands' own.

    The file may be moved away by whoever rotates it: a new one is begun. Raises BadSettings if it cannot be written.
    """
    first: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        current.told,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso"),
    ]
    last: Processor = structlog.dev.ConsoleRenderer(colors=False)
    if shape == "json":
        last = structlog.processors.JSONRenderer(ensure_ascii=False)
    rest: list[Processor] = [structlog.processors.format_exc_info, Mask(secrets), last]
    foreign = [*first, structlog.stdlib.add_logger_name]
    output = _opened(path)
    output.setFormatter(_Line([ProcessorFormatter.remove_processors_meta, *rest], foreign_pre_chain=foreign))
    lines = _Lines(output)
    structlog.configure(
        processors=[*first, *rest],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: lines,
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    if all(isinstance(one.formatter, _Line) for one in root.handlers):  # not under a test's own
        root.setLevel(logging.WARNING)  # what libraries say below that quotes requests
        _replace(root, output)


def configure_served(server: Server, secrets: Iterable[str]) -> None:
    """The same as the settings of the server say. Raises BadSettings."""
    path = None if server.log_file is None else Path(server.log_file)
    configure(logging.getLevelNamesMapping()[server.log_level.upper()], secrets, server.log_format, path)


def hide(secrets: Iterable[str]) -> None:
    """Keep these out of every line, too, from now on."""
    for step in structlog.get_config()["processors"]:
        if isinstance(step, Mask):  # the same one looks through what libraries say
            step.hide(secrets)


def teller(*, prompts: bool = False) -> Tell:
    """What writes the line of a run that has ended; with `prompts`, question and answer are in it."""

    def tell(decision_id: str, event: Event) -> None:
        if isinstance(event, Ended):
            _line(decision_id, event, prompts)

    return tell


class _Line(ProcessorFormatter):
    """Makes a line of what a library says; ours come as lines."""

    def __init__(self, processors: list[Processor], foreign_pre_chain: list[Processor]) -> None:
        super().__init__(processors=processors, foreign_pre_chain=foreign_pre_chain)

    def format(self, record: logging.LogRecord) -> str:
        return record.msg if record.name == OURS else super().format(record)


class _Lines:
    """Writes our lines where those of libraries go, one at a time, without looking for who wrote them."""

    def __init__(self, output: logging.Handler) -> None:
        self._output = output

    def msg(self, line: str) -> None:
        """Write one line."""
        self._output.handle(logging.LogRecord(OURS, logging.INFO, "", 0, line, None, None))

    debug = info = warning = error = critical = exception = msg


class _Stderr(logging.StreamHandler[TextIO]):
    """Whatever stderr is when a line is written."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]  # what its parent keeps, this one looks up
        return sys.stderr


def _opened(path: Path | None) -> logging.Handler:
    if path is None:
        return _Stderr()
    try:
        return WatchedFileHandler(path, encoding="utf-8")
    except OSError as error:
        why = f"server.log_file: cannot write {str(path)!r}: {error.strerror}"
        raise BadSettings(why, param="server.log_file") from error


def _replace(logger: logging.Logger, output: logging.Handler) -> None:
    for one in list(logger.handlers):
        logger.removeHandler(one)
        one.close()
    logger.addHandler(output)


def _line(decision_id: str, event: Ended, prompts: bool) -> None:
    outcome, decision = event.outcome, event.decision
    kind = None if outcome.error is None else outcome.error.partition(":")[0]
    error = outcome.error if prompts or kind in PLAIN else _unquoted(outcome.error, kind)
    first = outcome.first_token_seconds
    said = {"question": decision.query.text, "answer": event.text} if prompts else {}
    log.info(
        "decision",
        decision=decision_id,
        arm=str(outcome.arm),
        chosen=str(decision.arm),
        policy=decision.policy,
        propensity=round(decision.probability, 6),
        why=decision.why,
        status=outcome.status,
        error=error,
        calls=outcome.calls,
        seconds=round(outcome.seconds, 4),
        first_token_seconds=None if first is None else round(first, 4),
        prompt_tokens=outcome.usage.prompt_tokens,
        completion_tokens=outcome.usage.completion_tokens,
        **said,
    )


def _unquoted(error: str | None, kind: str | None) -> str | None:
    """What an error says in our own words."""
    ours = OUR_WORDS.match(error or "")
    return kind if ours is None else ours[0]
