"""What else is fitted from the log, beside the policy: raters, costs, the gates of cascades, mixtures of prompts."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console

from models.errors import StrategyError
from router.costs import Costs
from router.raters import reliabilities
from router.types import Arm, Outcome
from service.commands.demonstrations import of_store
from service.commands.fit import FEWEST, check
from service.commands.fit import fitted as fit_models
from service.commands.fit_report import Plan, progress_of
from service.commands.off_policy import Past
from service.fitted_files import place
from service.sections import Settings
from store import Store
from store.doubts import doubts
from strategies.cascade import SHIPPED
from strategies.core import load
from strategies.core.gate import read
from strategies.fitted.fit_cascade import Fit, fit_cascade, save

LATEST = 3000
"""Outcomes that the costs are judged on."""
TEACHING = 1 / 3
MADE_BY = "python -m service tune --apply"


@dataclass(frozen=True, slots=True)
class Fitted:
    """One thing that is fitted, and what was found, line by line."""

    what: str
    lines: Sequence[str]


async def refitted(settings: Settings, store: Store, past: Past, *, apply: bool, budget: int = 0) -> list[Fitted]:
    """Everything but the policy, fitted again; with `apply`, what passes its gate is kept.

    Mixtures of prompts are fitted by asking the models, at most `budget` times; 0 leaves them alone.
    """
    return [
        Fitted("Raters: how often each is right", await asyncio.to_thread(_raters, past)),
        Fitted("Costs: how far off the predicted seconds are", await asyncio.to_thread(_costs, settings, store)),
        Fitted("Cascades: the gates", await _cascades(settings, store, apply)),
        Fitted("Mixtures of prompts: regions and instructions", await _mixtures(settings, store, apply, budget)),
    ]


def _raters(past: Past) -> list[str]:
    """They are estimated anew at every start, as the log is folded: there is nothing to promote."""
    found = reliabilities(past.feedback)
    return [
        f"{name}: right {one.reliability:.0%} of the time, ±{1.96 * one.error:.0%}; {one.n:.0f} judgements"
        for name, one in found.items()
    ] or ["Nobody has judged an answer of which something was expected."]


def _costs(settings: Settings, store: Store) -> list[str]:
    """The mean absolute error of each outcome as it was foreseen from those before, against the arm's plain mean."""
    outcomes = [one for one in store.history.outcomes(LATEST) if one.status == "ok" and one.calls]
    predictor = Costs({name: table.spec() for name, table in settings.models.items()})
    errors: list[tuple[float, float]] = []
    plain: dict[Arm, list[float]] = defaultdict(list)
    for i, one in enumerate(outcomes):
        foreseen = predictor.estimate(one.arm, _calls(settings, one), one.question_chars).seconds
        if foreseen is not None and plain[one.arm] and i >= len(outcomes) * TEACHING:
            errors.append((abs(foreseen - one.seconds), abs(float(np.mean(plain[one.arm])) - one.seconds)))
        predictor.learn(one)
        plain[one.arm].append(one.seconds)
    if not errors:
        return ["Too few runs have ended well to say."]
    after, before = np.mean(errors, axis=0)
    return [f"{after:.3f} s on average over {len(errors)} runs; the plain mean of each arm is off by {before:.3f} s."]


def _calls(settings: Settings, one: Outcome) -> float:
    strategy = load().get(one.arm.strategy)
    if strategy is None:
        return float(one.calls)
    return strategy.calls({**strategy.params, **settings.strategies.params.get(strategy.name, {})})


async def _cascades(settings: Settings, store: Store, apply: bool) -> list[str]:
    judged = await asyncio.to_thread(lambda: list(doubts(store.database)))
    given = str(settings.strategies.params.get("cascade", {}).get("fitted", ""))
    try:
        before = read(Path(given) if given else SHIPPED)
    except StrategyError as error:
        return [str(error)]
    fits = await fit_cascade(judged, before=before)
    lines = [_told(fit) for fit in fits] or [f"{len(judged)} judged answers went through a gate: too few to fit one."]
    better = [fit for fit in fits if fit.better]
    if better and apply and given:
        try:
            await asyncio.to_thread(save, Path(given), better, MADE_BY)
            lines.append(f"Kept in {given}: {', '.join(fit.model for fit in better)}.")
        except OSError as wrong:
            lines.append(f"Not kept: {given} cannot be written: {wrong.strerror}.")
    elif better and apply:
        lines.append("Not kept: strategies.cascade.fitted names no file to keep them in.")
    return lines


async def _mixtures(settings: Settings, store: Store, apply: bool, budget: int) -> list[str]:
    demos = await of_store(store)
    found = f"{len(demos.scored)} well-rated answers can be compared with a reply"
    if len(demos.scored) < FEWEST:
        return [f"{found}: {FEWEST} or more are needed."]
    if budget < 1:
        return [f"{found}. To fit on them is to ask the models: --budget CALLS allows it, about 1500 calls for each."]
    plan = Plan("mixture_of_prompts", budget=budget, keep=apply)
    out = place(settings, plan.strategy)
    check(settings, plan)
    with progress_of(Console(stderr=True)) as progress:
        report = await fit_models(settings, plan, out, demos, progress)
    lines = [f"{found}; {report.held_out} were held out."]
    for one in report.trials:
        became = f"kept in {out}" if one.model in report.kept else "passes" if one.passes else "not better"
        lines.append(f"{one.model}: {one.made.told}; {one.gain.signed} points against {one.before} (95 %): {became}.")
    return [*lines, *([f"Not all were fitted: {report.stopped}."] if report.stopped else [])]


def _told(fit: Fit) -> str:
    verdict = "better" if fit.better else "not better than chance"
    return (
        f"{fit.model}, by {fit.source}: log loss {fit.before:.3f} before, {fit.after:.3f} after on {fit.rows} answers; "
        f"gain at least {fit.low:+.3f} (95 %, one-sided): {verdict}."
    )
