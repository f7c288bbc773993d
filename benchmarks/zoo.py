"""The zoo: what each model can do and how it must be asked for it, against what the zoo is meant to be.

python -m benchmarks.zoo [--n 40] [--seed 1] [--write]

Directly, for the working and after four solved examples through plain transformers (`models/zoo/evaluate.py`), which is
kept for each state of a model's weights; retrieval through the real service with the shipped documents.
"""

import argparse
import asyncio
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from statistics import mean

from rich.progress import track

from benchmarks.reports import keep, table
from benchmarks.serving import client, serving
from benchmarks.zoo_outcomes import KEPT
from models.intervals import Interval, paired, share
from models.revision import digest, digest_of_folder
from models.zoo import BASE, FAMILIES, ZOO, Question, check, weights
from models.zoo.conversations import UNTOLD
from models.zoo.evaluate import (
    MOST_TOKENS,
    WAYS,
    Judgement,
    Tried,
    asked_of,
    calibration_error,
    judged,
    results_of,
    try_all,
)
from models.zoo.evaluate import table as accuracies

OWN = {"abacus": "arithmetic", "speller": "words", "reader": "reading", "scholar": "facts", "follower": "rules"}
LONG = ("long_sum", "long_difference")
AT_ONCE = 8


def by_arm(tried: Iterable[Tried]) -> dict[tuple[str, str], dict[str, float]]:
    """Scores by (model, way) and question."""
    scores: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    for one in tried:
        scores[one.model, one.way][one.question.id] = one.score
    return scores


def gap(tried: Sequence[Tried], model: str, better: str, tasks: Sequence[str]) -> Interval:
    """How much one way of asking is worth over asking directly, on the tasks, paired by question."""
    scores = by_arm(one for one in tried if one.question.task in tasks)
    direct, other = scores[model, "direct"], scores[model, better]
    return paired([other[q] for q in direct], list(direct.values()))


async def look_up(asked: Sequence[Question]) -> list[Tried]:
    """The questions answered by retrieval from the shipped documents, by every model, through the service."""
    found: list[Tried] = []
    with serving() as service:
        async with client(service.url) as http:
            todo = iter([(model, question) for model in ZOO for question in asked])

            async def worker() -> None:
                for model, question in todo:
                    answer = await http.ask(question.prompt, model=f"retrieval@{model}")
                    found.append(Tried(model, "retrieval", question, answer.text, check(question, answer.text)))

            async with asyncio.TaskGroup() as group:
                for _ in range(AT_ONCE):
                    group.create_task(worker())
    return found


def targets(tried: Sequence[Tried], judgements: dict[str, list[Judgement]]) -> list[list[str]]:
    """What the zoo must reach, and what it reaches."""
    scores = by_arm(tried)
    questions = {one.question.id: one.question for one in tried}
    best_of: dict[str, str] = {}
    for family in FAMILIES:
        own = [q for q, question in questions.items() if question.family == family]
        means = {arm: mean(by[q] for q in own) for arm, by in scores.items() if all(q in by for q in own)}
        best_of[family] = max(means, key=lambda arm: means[arm])[0]
    most = max(count(best_of.values()).items(), key=lambda pair: pair[1])
    whole = {arm: by for arm, by in scores.items() if len(by) == len(questions)}
    single = max(whole, key=lambda arm: mean(whole[arm].values()))
    oracle = [max(by.get(q, 0.0) for by in scores.values()) for q in questions]
    lead = paired(oracle, [whole[single][q] for q in questions])
    rows = [
        [
            "families on which one model is best, at most",
            f"{most[0]}: {100 * most[1] / len(FAMILIES):.0f} %",
            "40 %",
        ],
        [f"the oracle over arms above the best single one ({', '.join(single)})", str(lead), "25"],
    ]
    for model, family in OWN.items():
        found: dict[str, list[float]] = defaultdict(list)
        for one in tried:
            if one.model == model and one.question.family == family:
                found[one.way].append(one.score)
        way = max(found, key=lambda w: mean(found[w]))
        rows.append([f"{model} on {family}, {way}", str(share(found[way])), "90"])
    rows += [
        ["abacus on long arithmetic: stepwise above direct", str(gap(tried, "abacus", "stepwise", LONG)), "15"],
        [
            "follower on pattern: stepwise above direct",
            str(gap(tried, "follower", "stepwise", ["pattern"])),
            "at most 0",
        ],
        ["reader on documents: retrieval above direct", str(gap(tried, "reader", "retrieval", ["documents"])), "50"],
        ["scholar on documents: retrieval above direct", str(gap(tried, "scholar", "retrieval", ["documents"])), "50"],
        ["scholar on learned: retrieval above direct", str(gap(tried, "scholar", "retrieval", ["learned"])), "below 0"],
        ["follower on unseen rules: examples above direct", str(gap(tried, "follower", "shots", sorted(UNTOLD))), "30"],
    ]
    rows += [
        [f"{model}: calibration error of its self-judgement", f"{calibration_error(own):.3f}", "0.1"]
        for model, own in judgements.items()
    ]
    return rows


def count(names: Iterable[str]) -> dict[str, int]:
    """How often each name comes."""
    counted: dict[str, int] = defaultdict(int)
    for name in names:
        counted[name] += 1
    return counted


def families(tried: Sequence[Tried]) -> str:
    """Accuracy by family for every model and way, percent; the best of a family in bold."""
    found: dict[tuple[str, str], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for one in tried:
        found[one.model, one.way][one.question.family].append(one.score)
    best = {f: max(mean(by[f]) for by in found.values() if by.get(f)) for f in FAMILIES}
    rows = []
    for (model, way), by in found.items():
        cells = []
        for family in FAMILIES:
            value = mean(by[family]) if by.get(family) else None
            shown = "" if value is None else f"{100 * value:.0f}"
            cells.append(f"**{shown}**" if value is not None and value == best[family] else shown)
        rows.append([model, way, *cells])
    return table(["model", "asked", *FAMILIES], rows)


def asked_once(model: str, asked: Sequence[Question]) -> tuple[list[Tried], list[Judgement]]:
    """Every question in every way, and the model's judgement of each beforehand; read back if it was made before."""
    revision = digest(*(digest_of_folder(weights(name)) for name in (model, BASE)))
    how = digest(*(question.id for question in asked), *WAYS, str(MOST_TOKENS))
    path = KEPT / f"zoo-{model}-{revision}-{how}.json"
    by_id = {question.id: question for question in asked}
    if not path.exists():
        tried = try_all(model, asked)
        kept = {
            "tried": [[one.way, one.question.id, one.reply] for one in tried],
            "judged": [[one.task, name, one.sure] for name, one in zip(by_id, judged(model, tried), strict=True)],
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(kept))
    read = json.loads(path.read_text())
    tried = [Tried(model, way, by_id[name], said, check(by_id[name], said)) for way, name, said in read["tried"]]
    right = {one.question.id: one.score for one in tried if one.way == "direct"}
    return tried, [Judgement(task, sure, right[name]) for task, name, sure in read["judged"]]


def run(n: int, seed: int, models: Sequence[str]) -> str:
    """Ask everything and return the report; of some models only, what they can do by task."""
    asked = asked_of(n, seed)
    tried: list[Tried] = []
    judgements: dict[str, list[Judgement]] = {}
    for model in track(models, description="models"):
        own, judgements[model] = asked_once(model, asked)
        tried += own
    results = results_of(tried)
    if tuple(models) != ZOO:
        return accuracies(results)
    tried += asyncio.run(look_up([one for one in asked if one.family == "facts"]))
    parts = [
        table(["what", "measured", "target"], targets(tried, judgements)),
        "## By family\n\n" + families(tried),
        "## By task\n\n" + "\n\n".join(f"{accuracies([r for r in results if r.model == model])}" for model in ZOO),
    ]
    return "\n\n".join(parts)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=40, help="questions of each task")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--models", nargs="+", choices=ZOO, default=list(ZOO))
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    command = f"python -m benchmarks.zoo --n {options.n} --seed {options.seed}"
    whole = tuple(options.models) == ZOO
    keep("zoo", "The zoo", command, run(options.n, options.seed, options.models), write=options.write and whole)


if __name__ == "__main__":
    main()
