"""What came of fits: what each way of asking scored on the held-out questions, and what was kept of it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from models.intervals import Interval, paired
from service.commands.demonstrations import Demonstrations
from service.commands.fits import Made
from service.commands.paper import paper
from service.fitted_files import place
from service.sections import Settings
from strategies.fitted.journal import Progress as Tell

DIRECT, IN_USE, FITTED = "direct", "in use", "fitted"
MARGIN = 0.05
"""The loss that the interval may still allow for, where few questions were held out."""
MANY = 20
"""Questions held out from which on the mean alone counts."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What was asked for: the strategy, the models (none: all), the file of demonstrations (None: the log)."""

    strategy: str
    models: Sequence[str] = ()
    demos: Path | None = None
    budget: int | None = None
    seed: int = 0
    out: Path | None = None
    force: bool = False
    keep: bool = True

    @property
    def command(self) -> str:
        """The command as it is noted in what it makes."""
        source = "--log" if self.demos is None else f"--demos {self.demos.name}"
        return f"python -m service fit {self.strategy} {source} --seed {self.seed}"


@dataclass(frozen=True, slots=True)
class Trial:
    """A fit of one model on the held-out questions: the scores of each way of asking, in the same order.

    `before` names what it must not be worse than.
    """

    model: str
    made: Made
    scores: Mapping[str, Sequence[float]]
    before: str
    calls: int

    @property
    def gain(self) -> Interval:
        """Of what was fitted over what was before."""
        return paired(self.scores[FITTED], self.scores[self.before])

    @property
    def passes(self) -> bool:
        """Whether there is something to keep: right at least once, and no worse than before as far as can be told.

        On few questions chance must be ruled out, and as good as what is in use is not enough to replace it.
        """
        found, scores = self.gain, self.scores[FITTED]
        told = found.low >= -MARGIN or len(scores) >= MANY
        tie = found.mean == 0 and self.before == IN_USE
        return self.made.useful and sum(scores) > 0 and told and found.mean >= 0 and not tie


@dataclass(slots=True)
class Report:
    """What came of it: the trials, and what became of each; `stopped` says where the budget ran out."""

    out: Path
    held_out: int
    trials: list[Trial] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    stopped: str = ""


@contextmanager
def progress_of(console: Console) -> Iterator[Tell]:
    """Bars on stderr, one for each stage, and what moves them on."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as bars:
        rows: dict[str, TaskID] = {}

        def tell(stage: str, done: int, total: int) -> None:
            if stage not in rows:
                rows[stage] = bars.add_task(stage, total=total)
            bars.update(rows[stage], completed=done, total=total)

        yield tell


def show(report: Report, demos: Demonstrations, settings: Settings, plan: Plan) -> None:
    """Print what each way of asking scored on the held-out questions, and what became of it."""
    console = paper()
    left_out = f"; {len(demos.open_ones)} have prose for an answer and are not scored" if demos.open_ones else ""
    for trial in report.trials:
        console.print(
            f"{plan.strategy} for {trial.model}: {trial.made.told}; {trial.calls} calls", markup=False, soft_wrap=True
        )
        table = Table("asked", "right, %", "against direct, points (95 %, paired)", box=None, pad_edge=False)
        for way, scores in trial.scores.items():
            against = "" if way == DIRECT else paired(scores, trial.scores[DIRECT]).signed
            share = f"{100 * sum(scores) / len(scores):.1f}"
            table.add_row(way, share, against)
        console.print(table)
        console.print(_verdict(trial, report, plan), markup=False, soft_wrap=True)
        console.print()
    if report.trials:
        console.print(
            f"{report.held_out} questions of {demos.source} were held out{left_out}.", markup=False, soft_wrap=True
        )
    if report.kept and report.out != place(settings, plan.strategy):
        console.print(
            f'The service reads it with this in its settings:\n\n[strategies.{plan.strategy}]\nfitted = "{report.out}"',
            markup=False,
            soft_wrap=True,
        )
    elif report.kept:
        console.print("The service reads it from its next start on.", markup=False, soft_wrap=True)


def _verdict(trial: Trial, report: Report, plan: Plan) -> str:
    against = f"{trial.gain.signed} points against what was before ({trial.before})"
    if trial.model in report.kept:
        forced = "" if trial.passes else ", because of --force"
        return f"Kept in {report.out}{forced}: {against}."
    if not trial.made.useful:
        return "Not kept: there is nothing to keep."
    return f"Not kept: {against}. --force keeps it all the same, without new calls."
