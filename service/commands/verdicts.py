"""The verdicts of a replay as one JSON object, and as a table for people."""

from collections.abc import Callable, Mapping, Sequence

from rich.table import Column, Table

from router.replay import Plan
from router.verdict import Verdict, Yardstick
from service.commands.paper import paper


def as_told(table: str, plan: Plan, yardstick: Yardstick, verdicts: Sequence[Verdict]) -> dict[str, object]:
    """The object that `replay --json` prints; scores 0..1. What is null, the table does not say."""
    spent = yardstick.table.spent
    return {
        "table": table,
        "queries": len(yardstick.table),
        "arms": len(yardstick.table.arms),
        "best_single": {"arm": yardstick.arm, "score": yardstick.score},
        "oracle": yardstick.oracle,
        "policies": [_row(one) for one in verdicts],
        "feedback": plan.feedback,
        "folds": len(plan.of(yardstick.table)),
        "holdout": plan.holdout,
        "train": plan.train,
        "seed": plan.seed,
        "quality": plan.quality,
        "cost_unit": None if spent is None else spent.unit,
        "each_arm": [
            {"arm": one.arm, "score": one.score, "cost": None if spent is None else one.cost} for one in yardstick.arms
        ],
        "notes": list(yardstick.table.notes),
    }


def _row(one: Verdict) -> dict[str, object]:
    row: dict[str, object] = {
        "policy": one.policy,
        "score": one.score,
        "gain": one.gain.mean,
        "se": one.gain.se,
        "share_of_headroom": one.share_of_headroom,
        "cost": one.cost,
        "worst_domain_gain": one.worst_domain_gain,
        "decisions_per_second": one.decisions_per_second,
        "ece": one.ece,
        "aiq": one.aiq,
        "saving": one.saving,
        "arena": one.arena,
    }
    if one.recovered is not None:
        row |= {"apgr": one.recovered.apgr, "cpt50": one.recovered.cpt50, "cpt80": one.recovered.cpt80}
    if one.regrets:
        row["regret_curve"] = [{"queries": point.queries, "regret": point.regret} for point in one.regrets]
    return row


def show(plan: Plan, yardstick: Yardstick, verdicts: Sequence[Verdict]) -> None:
    """Print the verdicts, best first; scores, gains and shares in points of 100."""
    console = paper()
    table = yardstick.table
    how = "one domain left out at a time" if plan.holdout else f"{plan.folds} folds"
    heard = "the score of every arm" if plan.feedback == "full" else "the score of the arm it chose"
    console.print(f"{table.name}: {len(table)} queries, {len(table.arms)} arms; {how}; told {heard}.", markup=False)
    console.print(
        f"Best single arm {yardstick.arm}: {_points(yardstick.score)}; oracle: {_points(yardstick.oracle)}.",
        markup=False,
    )
    for note in table.notes:
        console.print(f"Note: {note}.", markup=False)
    ranked = sorted(verdicts, key=lambda one: -one.score)
    for columns in (GAINS, _costs(yardstick)):
        texts = {name: [say(one) for one in ranked] for name, say in columns.items()}
        kept = [name for name in texts if any(texts[name])]
        shown = Table(*(Column(name, no_wrap=True) for name in ("policy", *kept)), box=None, pad_edge=False)
        for i, one in enumerate(ranked):
            shown.add_row(one.policy, *(texts[name][i] for name in kept))
        if kept:
            console.print()
            console.print(shown)


def _points(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.1f}"


Columns = Mapping[str, Callable[[Verdict], str]]

GAINS: Columns = {
    "score": lambda one: _points(one.score),
    "gain": lambda one: f"{100 * one.gain.mean:+.2f} ±{100 * one.gain.se:.2f}",
    "of head-\nroom": lambda one: _points(one.share_of_headroom),
    "worst\ndomain": lambda one: _points(one.worst_domain_gain),
    "ECE": lambda one: _points(one.ece),
    "regret": lambda one: f"{one.regrets[-1].regret:.0f} of {one.regrets[-1].queries}" if one.regrets else "",
    "decided\nper s": lambda one: f"{one.decisions_per_second:,.0f}",
}


def _costs(yardstick: Yardstick) -> Columns:
    spent = yardstick.table.spent
    return {
        f"cost, {'' if spent is None else spent.unit}": lambda one: "" if one.cost is None else f"{one.cost:.3g}",
        "saving": lambda one: _points(one.saving),
        "AIQ": lambda one: _points(one.aiq),
        "APGR": lambda one: "" if one.recovered is None else f"{one.recovered.apgr:.3f}",
        "CPT 50 %": lambda one: "" if one.recovered is None else _points(one.recovered.cpt50),
        "CPT 80 %": lambda one: "" if one.recovered is None else _points(one.recovered.cpt80),
        "arena": lambda one: _points(one.arena),
    }
