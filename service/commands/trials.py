"""What the log says of policies, as a table for people and as JSON; figures in points of 100 on paper, 0..1 in JSON."""

import math
from collections.abc import Mapping
from typing import Any  # JSON

from rich.console import Console
from rich.table import Column, Table

from router.off_policy import CLIP, Interval
from router.tuning import Standing, Trial

SHOWN = ("dr", "snips", "dm")
HEADS = {"dr": "DR [95 %]", "snips": "SNIPS [95 %]", "dm": "model alone"}


def show(trial: Trial, console: Console) -> None:
    """Print the trial, the surest gain first: what each policy would gain, and what it would be worth."""
    against = "the log" if trial.baseline is None else f"{trial.baseline} (in use)"
    console.print(
        f"{trial.decisions} judged decisions with a choice between arms, the later {trial.judged} of them held out.\n"
        f"Utility in points of 100; rewards expected by {trial.model}; weights clipped at {CLIP:g}.",
        markup=False,
    )
    for note in trial.notes:
        console.print(f"Warning: {note}.", markup=False)
    gains = _table("policy", f"gain over {against} [{100 * trial.level:.1f} %]", "ESS", "lost")
    values = _table("policy", *(HEADS[name] for name in SHOWN))
    values.add_row(against, *(_told(trial.values.get(name)) for name in SHOWN))
    for one in ranked(trial):
        gain = _told(one.gains.get("dr", one.gains["dm"]))
        gains.add_row(str(one.challenger), gain, f"{one.overlap.ess:.0f}", f"{one.overlap.lost:.0%}")
        values.add_row(str(one.challenger), *(_told(one.values.get(name)) for name in SHOWN))
    for table in (gains, values):
        console.print()
        console.print(table)
    for one in ranked(trial):
        for warning in one.warnings:
            console.print(f"{one.challenger}: {warning}.", markup=False)


def _table(*heads: str) -> Table:
    return Table(*(Column(head, no_wrap=True) for head in heads), box=None, pad_edge=False)


def ranked(trial: Trial) -> list[Standing]:
    """The surest gain first."""
    return sorted(trial.standings, key=lambda one: -one.gains.get("dr", one.gains["dm"]).low)


def as_told(trial: Trial) -> dict[str, Any]:
    """The trial as one JSON object; null where a figure cannot be had."""
    return {
        "decisions": trial.decisions,
        "held_out": trial.judged,
        "reward_model": trial.model,
        "clip": CLIP,
        "baseline": {"policy": None if trial.baseline is None else str(trial.baseline), "values": _all(trial.values)},
        "gain_level": trial.level,
        "policies": [
            {
                "policy": one.challenger.policy,
                "params": dict(one.challenger.params),
                "values": _all(one.values),
                "gain": _all(one.gains),
                "ess": one.overlap.ess,
                "matched": one.overlap.matched,
                "lost": one.overlap.lost,
                "clipped": one.overlap.clipped,
                "warnings": list(one.warnings),
                "better": one.better,
            }
            for one in ranked(trial)
        ],
        "notes": list(trial.notes),
    }


def _all(intervals: Mapping[str, Interval]) -> dict[str, Any]:
    return {name: _json(one) for name, one in intervals.items()}


def _json(one: Interval) -> dict[str, float] | None:
    if not all(math.isfinite(figure) for figure in (one.value, one.low, one.high)):
        return None
    return {"value": one.value, "low": one.low, "high": one.high, "se": one.se}


def _told(one: Interval | None) -> str:
    if one is None or not math.isfinite(one.value):
        return "?"
    return f"{100 * one.value:.1f} [{100 * one.low:.1f}, {100 * one.high:.1f}]"
