"""`fit`: what a strategy needs offline, fitted to each model, tried on held-out questions, and kept if no worse."""

import asyncio
import json
import logging
import re
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any  # parameters of a strategy

from rich.console import Console

from models.errors import BadRequest, BudgetExceeded, UnknownModel
from models.types import Reply
from service import log
from service.commands.demonstrations import Demonstrations, read_demos, read_log
from service.commands.fit_report import DIRECT, FITTED, IN_USE, Plan, Report, Trial, progress_of, show
from service.commands.fits import FITS, PEERED, Ground
from service.fitted_files import entries, keep, place, used
from service.house import opened_models
from service.sections import Settings
from strategies.core import Context, load
from strategies.core.demos import Demo
from strategies.core.registry import find
from strategies.fitted.held_out import Asking, parted, tried
from strategies.fitted.journal import Journal, Progress

FEWEST = 12
"""Demonstrations: eight to fit on, and a quarter held out."""
CONCURRENCY = 16


def fit(settings: Settings, plan: Plan) -> int:
    """Fit, print the report, and keep what is no worse than before. Raises UserError, BudgetExceeded, ModelError."""
    log.configure(logging.WARNING)
    check(settings, plan)
    out = plan.out or place(settings, plan.strategy)
    demos = read_demos(plan.demos) if plan.demos is not None else asyncio.run(read_log(settings))
    enough(demos)
    with progress_of(Console(stderr=True)) as bars:
        report = asyncio.run(fitted(settings, plan, out, demos, bars))
    show(report, demos, settings, plan)
    if report.stopped:
        raise BudgetExceeded(report.stopped)
    return 0


def check(settings: Settings, plan: Plan) -> None:
    """Whether the plan can be meant, before anything is opened. Raises UserError."""
    if plan.strategy not in FITS:
        there = f"there are {', '.join(FITS)}"
        if plan.strategy == "cascade":
            raise BadRequest("the gate of a cascade is fitted from the log: python -m service tune --apply")
        if plan.strategy in load():
            raise BadRequest(f"strategy {plan.strategy!r} has nothing to fit; {there}", param="strategy")
        raise UnknownModel(f"unknown strategy {plan.strategy!r}; to fit {there}", param="strategy")
    for name in plan.models:
        if name not in settings.models:
            raise UnknownModel(f"unknown model {name!r}; there are {', '.join(settings.models)}", param="models")
    if plan.budget is not None and plan.budget < 1:
        raise BadRequest(f"--budget is a number of calls, 1 or more, not {plan.budget}", param="budget")
    out = plan.out or place(settings, plan.strategy)
    if not out.parent.is_dir() or out.is_dir() or out.suffix != ".json":
        raise BadRequest(f"the result is a .json file in a folder that is there, not {str(out)!r}", param="out")
    entries(out)


def enough(demos: Demonstrations) -> None:
    """Whether there are demonstrations to fit on and to judge by. Raises BadRequest."""
    if (found := len(demos.scored)) < FEWEST:
        left_out = len(demos.open_ones)
        prose = f" ({left_out} more have prose for an answer, which cannot be compared)" if left_out else ""
        more = "add solved questions" if demos.source != "the log" else "rate more answers, or give --demos FILE"
        raise BadRequest(
            f"{demos.source} holds {found} demonstrations{prose}, and {FEWEST} or more are needed, 8 of them to fit "
            f"on: {more}",
            param="demos",
        )


async def fitted(settings: Settings, plan: Plan, out: Path, demos: Demonstrations, progress: Progress) -> Report:
    """Fit one model after the other within the budget, and keep each that passes as soon as it has."""
    parts = parted(demos.scored, plan.seed)
    report = Report(out, len(parts.held_out))
    names = list(dict.fromkeys(plan.models or settings.models))
    peers = [name for name in settings.models if name != names[0]][:1] if plan.strategy in PEERED else []
    wanted = {name: settings.models[name] for name in [*names, *peers]}
    left, journals = plan.budget, list[Path]()
    async with opened_models(settings.model_copy(update={"models": wanted})) as opened:
        for name in names:
            journals.append(out.with_name(f"{out.stem}.{re.sub(r'[^A-Za-z0-9._-]', '_', name)}.journal"))
            ground = Ground(
                opened.backends[name],
                next((one for other, one in opened.backends.items() if other != name), None),
                opened.embedder,
                parts.teaching,
                demos.open_ones,
                demos.scorer(),
                plan.seed,
                left,
                _named(name, progress),
                journals[-1],
                plan.command,
            )
            try:
                trial = await try_fit(settings, plan.strategy, ground, parts.held_out)
            except BudgetExceeded as spent:
                report.stopped = (
                    f"the budget of {plan.budget} calls is spent ({name}: {str(spent).rpartition(': ')[2]}); "
                    f"{', '.join(one.model for one in report.trials) or 'no model'} done. The replies are kept in "
                    f"{ground.checkpoint}, and the same command goes on from there"
                )
                break
            left = None if left is None else left - trial.calls
            report.trials.append(trial)
            if plan.keep and (trial.passes or (plan.force and trial.made.useful)):
                keep(out, used(settings, plan.strategy), settings, {name: dict(trial.made.entry)})
                report.kept.append(name)
    if set(report.kept) == set(names):  # else another run goes on from them, or keeps with --force what was not kept
        for journal in journals:
            journal.unlink(missing_ok=True)
    return report


async def try_fit(settings: Settings, strategy: str, ground: Ground, held_out: Sequence[Demo]) -> Trial:
    """Fit one model, and ask the held-out questions directly, in the rivals' ways, as before and as fitted."""
    made = await FITS[strategy](ground)
    model, left = ground.backend.name, None if ground.budget is None else ground.budget - made.calls
    own = settings.strategies.params.get(strategy, {})
    with ExitStack() as stack:
        trial_file = Path(stack.enter_context(TemporaryDirectory())) / f"{strategy}.json"
        trial_file.write_text(json.dumps({model: made.entry}))
        in_use = used(settings, strategy)
        ways: dict[str, Asking] = {DIRECT: _direct, **made.rivals}
        if model in entries(in_use):
            ways[IN_USE] = _running(strategy, {**own, "fitted": str(in_use)})
        if made.useful:
            ways[FITTED] = _running(strategy, {**own, "fitted": str(trial_file)})
        async with Journal(ground.backend, ground.checkpoint, left, CONCURRENCY, ground.progress) as journal:
            scores = {
                way: await tried(journal, ground.embedder, f"held out, {way}", asking, held_out, ground.score)
                for way, asking in ways.items()
            }
    scores.setdefault(FITTED, [0.0] * len(held_out))
    return Trial(model, made, scores, IN_USE if IN_USE in scores else DIRECT, made.calls + journal.asked)


def _named(model: str, progress: Progress) -> Progress:
    return lambda stage, done, total: progress(f"{model}: {stage}", done, total)


def _running(strategy: str, params: Mapping[str, Any]) -> Asking:
    found = find(strategy)
    return lambda ctx: found.run(ctx, **params)


async def _direct(ctx: Context) -> Reply:
    return await ctx.answer()
