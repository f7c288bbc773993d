"""What the router wins, and where it must not lose: every outcome table, judged on queries that it never learned from.

All arms scored, domains left out, one arm scored per query by the policy's own exploration, a weak and a strong arm
under a quota, cost at the best single arm's quality, changes on the way, paraphrases, rivals on the same streams, and
how long a decision takes:

    python -m benchmarks.routing [--tables FOLDER] [--seeds 5] [--others 1] [--only full,unseen,...] [--write]

Gains are points over the best single arm of the training queries, with the paired standard error over queries after
taking the seeds together; the bandit section compares with the arm that is best on the whole table instead, which
nobody can know. `--others` is the number of seeds for the challengers. Zoo sections run the zoo's models first.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks import adapting, decisions, rewording, rivals
from benchmarks.reports import keep, table
from benchmarks.walks import Job, Walked, over_seeds, told, walks
from benchmarks.zoo_outcomes import made
from router.curves import Curve, shares, swept
from router.replay import Plan
from router.utility import Numbers

OURS = "layered"
OTHERS = ("nearest", "clusters", "pilots", "logistic", "linucb", "instruction", "thompson")
"""The challengers; `expertise_tree` learns one judgement after another and would take hours on the larger tables."""
TABLES = (
    "llmrouter_9local",
    "mmlu_pro_29model",
    "strat_bbh_cot_direct",
    "routellm_mmlu_gsm8k",
    "strat_tatqa_program",
    "strat_gsm8k_verifier",
    "routerarena_2model",
)
WIDE = ("llmrouter_9local", "mmlu_pro_29model")
"""Tables with domains to leave out."""
STREAMS = ((1500, 5), (5000, 17))
"""Queries of a bandit stream, and the folds that leave as many to learn from."""
PAIR, ARENA = "routellm_mmlu_gsm8k", "routerarena_2model"
QUOTAS = (0.25, 0.5, 0.75)


@dataclass(frozen=True, slots=True)
class Options:
    """What the command was asked."""

    tables: Path
    seeds: int
    others: int
    workers: int
    zoo: int

    def path(self, name: str) -> Path:
        """The file of a table."""
        return self.tables / f"{name}.parquet"


def _run(options: Options, names: Sequence[str], policies: Sequence[str], **plan: object) -> dict[str, list[Walked]]:
    """Jobs of one kind over tables, policies and seeds; by "table policy"."""
    jobs = {
        f"{name} {policy}": [
            Job(options.path(name), policy, Plan(seed=seed, **plan))  # type: ignore[arg-type]  # fields of Plan
            for seed in range(options.seeds if policy == OURS else options.others)
        ]
        for name in names
        for policy in policies
    }
    found = walks([job for own in jobs.values() for job in own], options.workers)
    return {key: [found[job] for job in own] for key, own in jobs.items() if own}


def full(options: Options) -> str:
    """Every arm scored on every training query."""
    found = _run(options, TABLES, (OURS, *OTHERS))
    policies = [policy for policy in (OURS, *OTHERS) if f"{TABLES[0]} {policy}" in found]
    rows = []
    for name in TABLES:
        own = found[f"{name} {OURS}"]
        cells = [told(over_seeds([one.ahead for one in found[f"{name} {policy}"]])) for policy in policies]
        calibration = np.mean([one.calibration or 0.0 for one in own])
        single = np.nanmean([one.scores[np.arange(len(one.single)), one.single] for one in own])
        rows.append([name, f"{100 * single:.1f}", *cells, f"{calibration:.3f}"])
    text = table(["table", "best single", *policies, "calibration error of layered"], rows)
    return f"{text}\n\n{_pair(found[f'{PAIR} {OURS}'])}\n\n{_arena(found[f'{ARENA} {OURS}'])}"


def unseen(options: Options) -> str:
    """Whole domains left out: every query of a domain is judged after learning from the others."""
    policies = (OURS, "nearest", "clusters")
    found = _run(options, WIDE, policies, holdout="domain")
    rows = []
    for name in WIDE:
        for policy in policies:
            own = found.get(f"{name} {policy}", [])
            if own:
                ahead = [one.ahead for one in own]
                domains = np.nanmean([[np.nanmean(a[own[0].folds == d]) for d in _each(own[0])] for a in ahead], axis=0)
                worst = f"{100 * domains.min():+.1f}"
                rows.append([name, policy, told(over_seeds(ahead)), f"{100 * domains.mean():+.2f}", worst])
    return table(["table", "policy", "mean over queries", "mean over domains", "worst domain"], rows)


def _each(walked: Walked) -> list[int]:
    return [int(fold) for fold in np.unique(walked.folds)]


def bandit(options: Options) -> str:
    """One arm scored per query, chosen by the policy's own exploration; over the true best single arm."""
    rows = []
    for queries, folds in STREAMS:
        policies = (OURS, "thompson", "linucb", "nearest", "clusters")
        found = _run(options, WIDE[:1], policies, feedback="bandit", train=queries, folds=folds)
        for policy in policies:
            own = found.get(f"{WIDE[0]} {policy}", [])
            if own:
                gain = over_seeds([one.ahead_of_the_best for one in own])
                learning = 100 * float(np.mean([one.while_learning for one in own]))
                rows.append([f"{queries:,}", policy, told(gain), f"{learning:+.2f}"])
    heads = ["queries learned", "policy", "after it, over the true best single arm", "while learning, per query"]
    return table(heads, rows)


def _pair(found: Sequence[Walked]) -> str:
    """The mean score when the strong arm may answer a share of the queries, those where it is expected to win most."""
    rows: list[list[Numbers]] = [[] for _ in QUOTAS]
    chance: list[float] = []
    for one in found:
        strong = int(np.nanmean(one.scores, axis=0).argmax())
        good, weak = one.scores[:, strong], one.scores[:, 1 - strong]
        gap = one.expected[:, strong] - one.expected[:, 1 - strong]
        chance = [float(share * good.mean() + (1 - share) * weak.mean()) for share in QUOTAS]
        curves = [_shares(gap, good, weak, one.folds == fold) for fold in np.unique(one.folds)]
        for i, share in enumerate(QUOTAS):
            rows[i].append(np.array([np.interp(share, curve.cost, curve.score) for curve in curves]))
    cells = [f"{100 * np.mean(row):.1f}" for row in rows]
    mixed = [f"{100 * value:.1f}" for value in chance]
    heads = [f"{PAIR}, strong calls", *(f"{100 * share:.0f} %" for share in QUOTAS)]
    return table(heads, [["layered", *cells], ["mixed at random", *mixed]])


def _shares(gap: Numbers, strong: Numbers, weak: Numbers, rows: Numbers) -> Curve:
    return shares(gap[rows], strong[rows], weak[rows])


def _arena(found: Sequence[Walked]) -> str:
    return _saving(ARENA, found)


def _saving(name: str, found: Sequence[Walked]) -> str:
    """What the best single arm's quality costs when the router sweeps its dial, in shares of that arm's cost."""
    saved, best = [], []
    for one in found:
        curve, cost, score = _curve(one)
        least = curve.hull.cost_of(score)
        saved.append(float("nan") if least is None else 1.0 - least / cost)
        best.append(float(curve.score.max()))
    heads = ["table", "best single arm", "least cost of its quality", "best quality on the curve"]
    cells = [f"{100 * score:.1f}", f"{100 * np.mean(saved):.0f} % less", f"{100 * np.mean(best):.1f}"]
    return table(heads, [[name, *cells]])


def _curve(one: Walked) -> tuple[Curve, float, float]:
    """The curve of the dial, and what the best single arm costs and scores."""
    from benchmarks.tables import laid

    spent, rows = laid(one.job.path).table.spent, np.arange(len(one.single))
    if spent is None or one.costs is None:
        raise ValueError(f"{one.job.path} has no costs")
    curve = swept(one.expected, one.costs, one.scores, spent.each)
    return curve, float(np.nanmean(spent.each[rows, one.single])), float(one.scores[rows, one.single].mean())


def zoo(options: Options) -> str:
    """Cost at the best single arm's quality where arms are models with strategies, and cost is GPU-seconds."""
    path = made(options.zoo)
    jobs = [Job(path, OURS, Plan(seed=seed)) for seed in range(options.seeds)]
    found = list(walks(jobs, options.workers).values())
    gain = told(over_seeds([one.ahead for one in found]))
    return f"{_saving('zoo', found)}\n\nThe dial at quality alone: {gain} points over the best single arm."


SECTIONS: dict[str, tuple[str, Callable[[Options], str]]] = {
    "full": ("All arms scored", full),
    "unseen": ("Domains never seen", unseen),
    "bandit": ("One arm scored per query, by its own exploration", bandit),
    "zoo": ("Cost at the best single arm's quality, on the zoo", zoo),
    "changes": ("A new arm, a silent drop, a budget", lambda o: adapting.report(o.path(WIDE[0]), o.seeds)),
    "paraphrases": ("Paraphrases of the zoo's questions", lambda o: rewording.report(made(o.zoo), o.seeds)),
    "rivals": ("Rivals on the same streams", lambda o: rivals.report(rivals.prepared(o.tables), o.seeds)),
    "decisions": ("How long a decision takes", lambda _: decisions.report(decisions.PASTS, decisions.ASKED)),
}


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=Path, default=Path("../shared/data"))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--others", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--zoo", type=int, default=400, help="questions of the zoo")
    parser.add_argument("--only", default=",".join(SECTIONS))
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    options = Options(asked.tables, asked.seeds, asked.others, asked.workers, asked.zoo)
    for name in asked.only.split(","):
        title, section = SECTIONS[name]
        command = (
            f"python -m benchmarks.routing --tables FOLDER --seeds {asked.seeds} --others {asked.others} --only {name}"
        )
        keep(f"routing_{name}", title, command, section(options), write=asked.write)


if __name__ == "__main__":
    main()
