"""How good is each model of the zoo: each task asked directly, for its working and after examples; and does it know.

Greedy, batched, through plain transformers and peft: what the weights can do, without any strategy of the service.
"""

import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any  # a model, with an adapter or without

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from models.intervals import share

from . import BASE, EXPERTS, FAMILIES, check, questions, weights
from .conversations import Turn
from .families import TASKS
from .formats import PRIOR
from .judging import BATCH, reply_to, texts_of
from .question import Question
from .rules import demonstrations

STEPWISE = "Work step by step."
SHOTS = 4
WAYS = ("direct", "stepwise", "shots")
MOST_TOKENS = 200
BINS = 10


@dataclass(frozen=True, slots=True)
class Tried:
    """One model asked one question in one way: its reply, and 1.0 if that is right, else 0.0."""

    model: str
    way: str
    question: Question
    reply: str
    score: float


@dataclass(frozen=True, slots=True)
class Result:
    """One model asked in one way on one task: `right` of `n`, with Wilson's 95 % interval (Wilson 1927)."""

    model: str
    way: str
    family: str
    task: str
    right: int
    n: int

    @property
    def share(self) -> float:
        """The accuracy, 0..1."""
        return self.right / self.n

    @property
    def interval(self) -> tuple[float, float]:
        """Low and high, 0..1."""
        found = share([1.0] * self.right + [0.0] * (self.n - self.right))
        return found.low, found.high


@dataclass(frozen=True, slots=True)
class Judgement:
    """How sure a model said it was, beforehand, that it can answer a question, 0..1, and whether it then could."""

    task: str
    sure: float
    right: float


def asked_of(n: int, seed: int) -> list[Question]:
    """n test questions of every task; fewer where two came out the same."""
    drawn = (q for family, tasks in FAMILIES.items() for q in questions(family, n * len(tasks), seed))
    return list({question.id: question for question in drawn}.values())


def try_all(model: str, asked: Sequence[Question], ways: Sequence[str] = WAYS, device: str = "cpu") -> list[Tried]:
    """Ask a model every question in every way."""
    net, words = opened(model, device)
    tried = []
    for way in ways:
        replies = reply_to(net, words, [turns_of(question, way) for question in asked], MOST_TOKENS)
        tried += [Tried(model, way, q, said, check(q, said)) for q, said in zip(asked, replies, strict=True)]
    return tried


def turns_of(question: Question, way: str) -> list[Turn]:
    """The conversation of one way of asking; examples are solved questions of the test split, others than this one."""
    if way == "stepwise":
        return [("user", f"{question.prompt}\n{STEPWISE}")]
    turns: list[Turn] = []
    if way == "shots":
        rng = random.Random(question.id)
        if question.rule is not None:
            shown = demonstrations(question, rng, SHOTS, "test")
        else:
            made = (TASKS[question.task](rng, "test") for _ in range(10 * SHOTS))
            shown = [one for one in made if one.question != question.question][:SHOTS]
        for one in shown:
            turns += [("user", one.prompt), ("assistant", one.reply)]
    return [*turns, ("user", question.prompt)]


def judged(model: str, tried: Sequence[Tried], device: str = "cpu") -> list[Judgement]:
    """Ask beforehand whether the model can answer; `tried` tells for each question whether its direct answer is right.

    How sure it is: the odds of "yes" among yes, no and unknown as the next token.
    """
    net, words = opened(model, device)
    options = [words(text, add_special_tokens=False)["input_ids"][0] for text in ("yes", "no", "unknown")]
    own = [one for one in tried if one.model == model and one.way == "direct"]
    found = []
    for start in range(0, len(own), BATCH):
        rows = own[start : start + BATCH]
        texts = texts_of(words, [[("user", PRIOR.format(question=one.question.prompt))] for one in rows])
        words.padding_side = "left"
        ids = words(texts, return_tensors="pt", padding=True, add_special_tokens=False, return_token_type_ids=False).to(
            net.device
        )
        with torch.inference_mode():
            odds = net(**ids).logits[:, -1, options].float().softmax(-1)[:, 0].tolist()
        found += [Judgement(one.question.task, sure, one.score) for one, sure in zip(rows, odds, strict=True)]
    return found


def calibration_error(judgements: Sequence[Judgement]) -> float:
    """Expected calibration error, 0..1, in ten bins of equal width (Naeini, Cooper, Hauskrecht 2015)."""
    bins: dict[int, list[Judgement]] = defaultdict(list)
    for one in judgements:
        bins[min(BINS - 1, int(one.sure * BINS))].append(one)
    gaps = [abs(sum(j.sure for j in own) - sum(j.right for j in own)) for own in bins.values()]
    return sum(gaps) / len(judgements)


def results_of(tried: Iterable[Tried]) -> list[Result]:
    """Accuracies by model, way and task."""
    scores: dict[tuple[str, str, str, str], list[float]] = defaultdict(list)
    for one in tried:
        scores[one.model, one.way, one.question.family, one.question.task].append(one.score)
    return [Result(*key, int(sum(own)), len(own)) for key, own in scores.items()]


def opened(model: str, device: str = "cpu") -> tuple[Any, Any]:
    """A model of the zoo, its adapter over the base where it is one, and the tokenizer."""
    words = AutoTokenizer.from_pretrained(weights(BASE), padding_side="left")
    net: Any = AutoModelForCausalLM.from_pretrained(weights(BASE if model in EXPERTS else model), dtype=torch.float32)
    net = net.to(device)
    if model in EXPERTS:
        net = PeftModel.from_pretrained(net, str(weights(model)))
    return net.eval(), words


def table(results: Sequence[Result]) -> str:
    """The results as Markdown: a row for each task, a column for each model and way, percent with the interval."""
    columns = list(dict.fromkeys((one.model, one.way) for one in results))
    cells = {(one.task, one.model, one.way): one for one in results}
    lines = [
        "| family | task | " + " | ".join(f"{model}, {way}" for model, way in columns) + " |",
        "|" + " --- |" * (len(columns) + 2),
    ]
    for family, tasks in FAMILIES.items():
        for task in tasks:
            own = [cells[task, *column] for column in columns]
            shown = [f"{100 * r.share:.0f} [{100 * r.interval[0]:.0f}-{100 * r.interval[1]:.0f}]" for r in own]
            lines.append(f"| {family} | {task} | " + " | ".join(shown) + " |")
    return "\n".join(lines)
