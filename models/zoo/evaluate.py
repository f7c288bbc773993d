"""How good is each model of the zoo: accuracy per task, asked directly and asked for its working, with intervals."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from . import FAMILIES, check, questions, weights
from .question import Question

STEPWISE = "Work step by step."
WAYS = ("direct", "stepwise")
BATCH = 64
MAX_NEW = 160
Z95 = 1.959963984540054


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
        middle = (self.share + Z95**2 / (2 * self.n)) / (1 + Z95**2 / self.n)
        spread = math.sqrt(self.share * (1 - self.share) / self.n + Z95**2 / (4 * self.n**2))
        half = Z95 * spread / (1 + Z95**2 / self.n)
        return middle - half, middle + half


def evaluate(model: str, n: int = 60, seed: int = 1) -> list[Result]:
    """Ask a model n test questions of each task in each way; greedy, batched, through plain transformers."""
    asked = [q for family, tasks in FAMILIES.items() for q in questions(family, n * len(tasks), seed)]
    results = []
    for way in WAYS:
        prompts = [q.prompt if way == "direct" else f"{q.prompt}\n{STEPWISE}" for q in asked]
        replies = generate(model, prompts)
        scores: dict[tuple[str, str], list[float]] = defaultdict(list)
        for question, reply in zip(asked, replies, strict=True):
            scores[question.family, question.task].append(check(question, reply))
        results += [Result(model, way, *key, int(sum(own)), len(own)) for key, own in scores.items()]
    return results


def generate(model: str, prompts: Sequence[str]) -> list[str]:
    """The greedy reply to each prompt, each the only message of its conversation."""
    folder = weights(model)
    words = AutoTokenizer.from_pretrained(folder, padding_side="left")
    net = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    net.eval()  # type: ignore[no-untyped-call]  # transformers has no type for it
    replies = [""] * len(prompts)
    order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
    for start in range(0, len(order), BATCH):
        rows = order[start : start + BATCH]
        texts = [
            words.apply_chat_template(
                [{"role": "user", "content": prompts[i]}], tokenize=False, add_generation_prompt=True
            )
            for i in rows
        ]
        ids = words(texts, return_tensors="pt", padding=True, add_special_tokens=False, return_token_type_ids=False)
        with torch.inference_mode():
            made = net.generate(**ids, max_new_tokens=MAX_NEW)  # type: ignore[misc]  # transformers types its mixin so
        for i, row in zip(rows, made[:, ids["input_ids"].shape[1] :], strict=True):
            replies[i] = str(words.decode(row, skip_special_tokens=True))
    return replies


def table(results: Iterable[Result]) -> str:
    """The results as Markdown: a row for each model and way, a column for each task, percent with the interval."""
    rows: dict[tuple[str, str], dict[str, Result]] = defaultdict(dict)
    for result in results:
        rows[result.model, result.way][result.task] = result
    tasks = [task for tasks in FAMILIES.values() for task in tasks]
    lines = ["| model | asked | " + " | ".join(tasks) + " |", "|" + " --- |" * (len(tasks) + 2)]
    for (model, way), own in rows.items():
        cells = [
            f"{100 * own[t].share:.0f} [{100 * own[t].interval[0]:.0f}-{100 * own[t].interval[1]:.0f}]" for t in tasks
        ]
        lines.append(f"| {model} | {way} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def sample(model: str, family: str, n: int, seed: int = 1) -> list[tuple[Question, str]]:
    """A few questions with the model's replies, for looking at."""
    asked = list(questions(family, n, seed))
    return list(zip(asked, generate(model, [q.prompt for q in asked]), strict=True))
