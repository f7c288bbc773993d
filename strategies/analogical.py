"""Show worked examples of the model's own before the question: verified ones of a store, or five written at once."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any  # a row of the JSON file

from models.errors import StrategyError
from models.types import Reply
from strategies.core import Context, strategy
from strategies.core.chain import CHAIN
from strategies.core.demos import Demo, prompt_of
from strategies.core.parse import after, sections
from strategies.core.picking import picked

RELEVANT = "Recall five diverse problems that are relevant to this one"
KINDS: Mapping[str, str] = {
    "relevant": RELEVANT,
    "random": "Write down five problems of any kind",
    "math": "Write down five random problems of mathematics",
    "biology": "Write down five random questions about biology",
}
SIMPLE = ", easy enough to be solved without any mistake"
GENERATE = """{question}

First part. {kind}{simple}. Give each as three lines that begin with Q:, A: and Answer:, the worked solution after A:.
Second part, on a new line that begins with SOLUTION:. Solve the problem above step by step, and end with a line that \
begins with Answer:"""
SHIPPED = Path(__file__).parent / "fitted" / "analogical.json"


@dataclass(frozen=True, slots=True)
class Exemplar:
    """A worked example that the model wrote; `verified` says by what it was found right ("" if by nothing)."""

    question: str
    answer: str
    verified: str


@strategy(
    calls=1,
    helps=("word_problem", "arithmetic", "pattern"),
    hurts=("chat", "writing", "lookup"),
    paper="Yasunaga et al. 2024, Large Language Models as Analogical Reasoners, ICLR 2024, arXiv 2310.01714, "
    "and Qin et al. 2024, Relevant or Random, arXiv 2404.12728, whose fixed verified examples these are",
)
async def analogical(
    ctx: Context, *, k: int = 4, kind: str = "relevant", simple: bool = True, fitted: str = ""
) -> Reply | str:
    """Asks once after `k` verified examples of the model's own; without a store, has it write five examples first.

    What counts is that the examples are right, not that they are relevant: the store
    (`python -m service fit analogical`) holds only those that a majority of samples, a second model or arithmetic bears
    out, and the ones that cover the question best are shown. `kind` and `simple` say which examples are written where
    there is no store, in a reply at temperature 0 unless the caller gives one; the answer is its last part. Where the
    reply has none, plain chain of thought answers: the examples are never given as the answer. `fitted` names the
    store's file. Raises StrategyError for a `kind` that there is not.
    """
    if kind not in KINDS:
        raise StrategyError(f"strategies.analogical.kind = {kind!r}: no such kind; there are {', '.join(KINDS)}")
    verified = [one for one in read(fitted).get(ctx.model, ()) if one.verified]
    if verified:
        rows = await picked(ctx, [one.question for one in verified], k)
        shown = [Demo(verified[row].question, verified[row].answer) for row in rows]
        ctx.note(f"verified examples: {len(shown)}", examples=[demo.question for demo in shown], verified=True)
        return await ctx.answer(prompt_of("", shown, ctx.question))
    caller = ctx.query.request.temperature
    reply = await ctx.ask(
        GENERATE,
        label="examples",
        temperature=0.0 if caller is None else caller,
        bound=True,
        question=ctx.question,
        kind=KINDS[kind],
        simple=SIMPLE if simple else "",
    )
    made, answer = written(reply.text), after(reply.text, "SOLUTION:")
    ctx.note(f"examples of its own: {len(made)}", examples=[one.question for one in made], verified=False)
    return answer or await ctx.answer(CHAIN, question=ctx.question)


def written(reply: str) -> list[Demo]:
    """The examples of a reply's first part."""
    first = reply.split("SOLUTION:")[0]
    blocks = first.split("Q:")[1:]
    found = []
    for block in blocks:
        parts = sections(f"Q: {block}", ("Q", "A", "ANSWER"))
        if parts.get("Q") and (parts.get("A") or parts.get("ANSWER")):
            found.append(Demo(parts["Q"], f"{parts.get('A', '')}\nAnswer: {parts.get('ANSWER', '')}".strip()))
    return found


def read(fitted: str = "") -> Mapping[str, Sequence[Exemplar]]:
    """The examples of each model in a fitted file; empty if there is no such file. Read again when it changes."""
    path = Path(fitted) if fitted else SHIPPED
    return _exemplars(path, path.stat().st_mtime_ns) if path.is_file() else {}


@lru_cache(maxsize=8)
def _exemplars(path: Path, changed: int) -> Mapping[str, Sequence[Exemplar]]:
    return {model: tuple(map(_exemplar, entry["exemplars"])) for model, entry in json.loads(path.read_text()).items()}


def _exemplar(row: Mapping[str, Any]) -> Exemplar:
    return Exemplar(row["question"], row["answer"], row.get("verified", ""))
