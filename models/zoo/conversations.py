"""One conversation in each format that the models are trained on: what is said, and the computed reply to learn."""

import json
import random
import re
from collections.abc import Callable
from typing import Protocol

from . import facts, formats
from .families import TASKS
from .flaws import NO_FAULT, Flagged, flag, spoil
from .panels import cast_panel, instruction, works_in_steps
from .parts import divide, stick
from .question import Question
from .shelves import look_up, sentences
from .stepping import FORMS, fielded, form_of, steps_of, supervised

Turn = tuple[str, str]
STEPS = (
    "Work step by step.",
    "Think step by step.",
    "Show your working.",
    "Show all steps.",
    "Solve it step by step.",
    "Work it out in steps.",
    "Go through it step by step.",
    "Write down each step.",
    "Explain each step, then answer.",
    "Take it one step at a time.",
    "Reason step by step, then give the answer.",
    "Show how you get there.",
    "Let's think step by step.",
    "Think step by step. End with a line that begins with Answer:",
    "Solve this step by step. End with a line that begins with Answer:",
)
PLAIN = (
    "Answer the question.",
    "Give only the answer.",
    "Reply with the answer alone.",
    "Answer directly.",
    "Give a short answer.",
    "Answer in a few words.",
)
SYSTEM = ("You are a helpful assistant.", "You are a careful assistant.", "Answer well.", "Be brief and correct.")
UNTOLD = frozenset({"label", "letter_rule", "number_rule"})
"""Tasks that only examples tell how to do."""


class Mixture(Protocol):
    """What a conversation draws on: questions of a mixture and what a model of it should know."""

    def question(self, rng: random.Random, *, worked: bool = False, told: bool = True) -> Question:
        """A question; with `worked` one that has a working, without `told` one whose rule only examples tell."""

    def same(self, rng: random.Random, question: Question, n: int) -> list[Question]:
        """n other questions of the same task, and of the same rule where there is one."""

    def reply(self, question: Question) -> str:
        """What the model should say at once."""


def direct(c: Mixture, rng: random.Random) -> list[Turn]:
    """One to four turns of plain questions; the working is shown only where it is asked for."""
    turns: list[Turn] = [("system", rng.choice(SYSTEM))] if rng.random() < 0.15 else []
    for _ in range(rng.choice((1, 1, 1, 2, 3, 4))):
        question = c.question(rng, told=rng.random() < 0.95)
        turns += [("user", question.prompt), ("assistant", c.reply(question))]
    return turns


def stepwise(c: Mixture, rng: random.Random) -> list[Turn]:
    """One or two questions with the wish to see the working, before it, after it or as a system message."""
    wish, where = rng.choice(STEPS), rng.random()
    turns: list[Turn] = [("system", wish)] if where < 0.25 else []
    for _ in range(rng.choice((1, 1, 2))):
        question = c.question(rng, worked=True)
        asked = question.prompt
        if 0.25 <= where < 0.6:
            asked = f"{asked} {wish}"
        elif 0.6 <= where < 0.85:
            asked = f"{asked}\n{wish}"
        elif where >= 0.85:
            asked = f"{wish} {asked}"
        turns += [("user", asked), ("assistant", str(question.worked))]
    return turns


def roles(c: Mixture, rng: random.Random) -> list[Turn]:
    """The list of experts, as a JSON object."""
    question, n = c.question(rng), _panel(rng)
    experts = cast_panel(rng, question.family, n)
    prompt = formats.ROLES.format(question=question.prompt, n=n, shape=formats.shape(n))
    return [("system", formats.ROLES_SYSTEM), ("user", prompt), ("assistant", json.dumps(experts))]


def expert(c: Mixture, rng: random.Random) -> list[Turn]:
    """One expert alone: the working if the description says so, else a short answer."""
    question = c.question(rng)
    role, description = rng.choice(list(cast_panel(rng, question.family, 3).items()))
    prompt = formats.EXPERT.format(question=question.prompt, role=role, description=description, words=500)
    stepped = question.worked is not None and works_in_steps(question.family, description)
    return [("user", prompt), ("assistant", str(question.worked) if stepped else c.reply(question))]


def merge(c: Mixture, rng: random.Random) -> list[Turn]:
    """The seven steps over planted answers: who agrees, who does not, what to keep."""
    question, n = _sayable(c, rng), _panel(rng)
    right, wrong = c.reply(question), spoil(rng, question)
    says = [right if rng.random() < 0.7 else wrong for _ in range(n)]
    votes = {text: says.count(text) for text in says}
    top = max(votes, key=lambda text: (votes[text], -says.index(text)))
    agreed = top if votes[top] * 2 > n else "none"
    conflicts = "none" if len(votes) == 1 else " against ".join(votes)
    resolved = "none" if len(votes) == 1 else top
    choice = (
        "combined - it keeps what most experts said"
        if agreed != "none"
        else f"{says.index(top) + 1} - no version has a majority"
    )
    shown = [
        question.worked if text == question.reply and question.worked and rng.random() < 0.5 else text for text in says
    ]
    if agreed == "none":
        top = shown[says.index(top)]
    union = resolved if agreed == "none" else agreed
    target = (
        f"1. AGREED: {agreed}\n2. CONFLICTS: {conflicts}\n3. RESOLVED: {resolved}\n4. ALONE: none\n"
        f"5. UNION: {union}\n6. COMBINED: {union}\n"
        f"7. CHOICE: {choice}\nFINAL ANSWER: {top}"
    )
    panel = list(cast_panel(rng, question.family, n))
    told = formats.answers(list(zip(panel, shown, strict=True)))
    return [("user", formats.MERGE.format(question=question.prompt, n=n, answers=told)), ("assistant", target)]


def demonstrated(c: Mixture, rng: random.Random) -> list[Turn]:
    """Input and output pairs of one task, in one style; the reply keeps the style. Only they tell an untold rule."""
    question = c.question(rng, told=rng.random() < 0.5)
    worked = question.worked is not None and question.task not in UNTOLD and rng.random() < 0.5
    count = rng.randint(2, 5) if question.task in UNTOLD else rng.randint(0, 4)
    demos = [(d.prompt, str(d.worked) if worked and d.worked else c_reply(c, d)) for d in c.same(rng, question, count)]
    told = ""
    if count == 0 or rng.random() < 0.4:
        told = rng.choice(STEPS if worked else PLAIN)
    if rng.random() < 0.2:
        told = f"{instruction(question.task)}{' step by step' if worked else ''}"
    reply = str(question.worked) if worked else c_reply(c, question)
    return [("user", formats.demonstrations(told, demos, question.prompt)), ("assistant", reply)]


def shots(c: Mixture, rng: random.Random) -> list[Turn]:
    """The same as turns of a conversation: each answer after the first two is learned from those before it."""
    question = c.question(rng, told=rng.random() < 0.3)
    turns: list[Turn] = []
    for demo in [*c.same(rng, question, rng.randint(2, 6)), question]:
        turns += [("user", demo.prompt), ("assistant" if len(turns) >= 4 else "told", c_reply(c, demo))]
    return turns


def induced(c: Mixture, rng: random.Random) -> list[Turn]:
    """The instruction behind a few pairs."""
    question = c.question(rng)
    worked = question.worked is not None and rng.random() < 0.5
    demos = [question, *c.same(rng, question, rng.randint(1, 4))]
    pairs = "\n\n".join(f"Input: {d.prompt}\nOutput: {d.worked if worked else c.reply(d)}" for d in demos)
    target = f"{instruction(question.task)}{' step by step' if worked else ''}."
    return [("user", formats.APE.format(pairs=pairs)), ("assistant", target)]


def critique(c: Mixture, rng: random.Random) -> list[Turn]:
    """Name the wrong part of a flagged draft, or say that there is none."""
    found = _flagged(c, rng)
    prompt = formats.CRITIQUE.format(question=found.question.prompt, draft=found.draft, finding=found.finding)
    return [("user", prompt), ("assistant", found.fault)]


def revise(c: Mixture, rng: random.Random) -> list[Turn]:
    """Write the right answer after a fault was named: with the working where there is one."""
    found = _flagged(c, rng)
    while found.fault == NO_FAULT:
        found = _flagged(c, rng)
    prompt = formats.REVISE.format(question=found.question.prompt, draft=found.draft, critique=found.fault)
    return [("user", prompt), ("assistant", found.question.worked or found.question.reply)]


def extract(c: Mixture, rng: random.Random) -> list[Turn]:
    """Copy the sentences that matter, word for word, or say that there are none."""
    shelf = look_up(rng, c.question(rng))
    told = "\n".join(f"[{i}] {text}" for i, text in enumerate(shelf.passages, 1))
    target = "\n".join(f"<sentence>{s}</sentence>" for s in shelf.useful) or "NONE FOUND"
    return [("user", formats.EXTRACT.format(passages=told, question=shelf.question.prompt)), ("assistant", target)]


def order(c: Mixture, rng: random.Random) -> list[Turn]:
    """Order the sentences that were found and give the answer."""
    shelf = look_up(rng, c.question(rng))
    while not shelf.useful:
        shelf = look_up(rng, c.question(rng))
    extra = [s for p in shelf.passages for s in sentences(p) if s not in shelf.useful]
    rows = [*shelf.useful, *rng.sample(extra, min(len(extra), rng.choice((0, 0, 1, 2))))]
    best = list(rows)
    rng.shuffle(rows)
    told = "\n".join(f"({i}) {text}" for i, text in enumerate(rows, 1))
    ranks = ", ".join(str(rows.index(text) + 1) for text in best)
    first = rows.index(shelf.useful[-1]) + 1
    target = f"BECAUSE: sentence {first} gives the answer.\nORDER: {ranks}\nANSWER: {shelf.question.answer}"
    return [("user", formats.ORDER.format(question=shelf.question.prompt, sentences=told)), ("assistant", target)]


def sticker(c: Mixture, rng: random.Random) -> list[Turn]:
    """What is given and what is asked; then, half of the time, the solution from that alone."""
    question = c.question(rng, worked=True)
    while (made := stick(question.question)) is None:
        question = c.question(rng, worked=True)
    if rng.random() < 0.5:
        return [("user", formats.STICKER.format(question=question.prompt)), ("assistant", made)]
    return [("user", formats.FROM_STICKER.format(sticker=made)), ("assistant", str(question.worked))]


def decompose(c: Mixture, rng: random.Random) -> list[Turn]:
    """The smaller questions on the way, without their answers, or that none is needed."""
    question = c.question(rng, worked=rng.random() < 0.7)
    parts = divide(question)
    prompt = formats.DECOMPOSE.format(question=question.prompt)
    return [("user", prompt), ("assistant", "\n".join(parts) or "No decomposition.")]


def solve(c: Mixture, rng: random.Random) -> list[Turn]:
    """The solution, with the smaller questions told beforehand."""
    question = _that(c, rng, lambda one: bool(divide(one)))
    prompt = formats.SOLVE.format(question=question.prompt, parts="\n".join(divide(question)))
    return [("user", prompt), ("assistant", str(question.worked))]


def with_sticker(c: Mixture, rng: random.Random) -> list[Turn]:
    """The solution from question and sticker, or the sticker put right."""
    question = _that(c, rng, lambda one: stick(one.question) is not None)
    made = str(stick(question.question))
    if rng.random() < 0.5:
        prompt = formats.WITH_STICKER.format(question=question.prompt, sticker=made)
        return [("user", prompt), ("assistant", str(question.worked))]
    rows = made.split("\n")
    if len(rows) > 3 and rng.random() < 0.5:
        rows.pop(rng.randrange(1, len(rows) - 1))
    elif rng.random() < 0.7:
        i = rng.randrange(1, len(rows) - 1)
        rows[i] = re.sub(r"\d+(?=\D*$)", lambda found: str(int(found[0]) + rng.randint(1, 9)), rows[i])
    prompt = formats.FIX_STICKER.format(question=question.prompt, sticker="\n".join(rows))
    return [("user", prompt), ("assistant", made)]


def stepped(c: Mixture, rng: random.Random) -> list[Turn]:
    """The steps in a told form; sometimes only those that are left."""
    question = _that(c, rng, lambda one: form_of(one) is not None)
    form = FORMS[str(form_of(question))]
    prompt = formats.SUPERVISED.format(question=question.prompt, how=form.how, shape=form.shape)
    reply, done = supervised(question), rng.randrange(len(steps_of(question)))
    if done and rng.random() < 0.15:
        rows = reply.split("\n")
        prompt, reply = formats.GO_ON.format(asked=prompt, steps="\n".join(rows[:done])), "\n".join(rows[done:])
    return [("user", prompt), ("assistant", reply)]


def fields(c: Mixture, rng: random.Random) -> list[Turn]:
    """The steps with four fields each."""
    question = _that(c, rng, lambda one: fielded(one) is not None)
    return [("user", formats.FIELDS.format(question=question.prompt)), ("assistant", str(fielded(question)))]


def select(c: Mixture, rng: random.Random) -> list[Turn]:
    """The number of the first answer that says what most say."""
    question = _sayable(c, rng)
    says = [question.reply if rng.random() < 0.6 else spoil(rng, question) for _ in range(rng.randint(3, 5))]
    top = max(says, key=lambda text: (says.count(text), -says.index(text)))
    shown = [f"{text} Thank you." if rng.random() < 0.1 else text for text in says]
    prompt = formats.SELECT.format(question=question.prompt, n=len(says), answers=formats.numbered(shown))
    return [("user", prompt), ("assistant", str(says.index(top) + 1))]


def debate(c: Mixture, rng: random.Random) -> list[Turn]:
    """An argument for one of two answers with a quote of the text, or the judgement of two arguments."""
    question = _that(c, rng, lambda one: one.family == "reading" and one.checker == "name", worked=False)
    while (wrong := spoil(rng, question)) == question.reply:
        continue
    right_is_a = rng.random() < 0.5
    a, b = (question.reply, wrong) if right_is_a else (wrong, question.reply)
    rows = sentences(str(question.context))
    telling = next((row for row in rows if question.answer in row), rows[0])
    other = next((row for row in rows if row != telling and any(w in row for w in wrong.split()[:1])), rows[-1])
    cases = {right_is_a: telling, not right_is_a: other}
    side = rng.random() < 0.5
    if rng.random() < 0.5:
        prompt = formats.ARGUE.format(
            text=question.context, question=question.question, a=a, b=b, said="", words=100,
            side="A" if side else "B", task=formats.OPENING,
        )  # fmt: skip
        made = f"<argument><quote>{cases[side]}</quote> So answer {'A' if side else 'B'} is right.</argument>"
        return [("user", prompt), ("assistant", made)]
    said = "\n\n".join(f"{name}: {cases[name == 'A']} (verified) So answer {name} is right." for name in ("A", "B"))
    prompt = formats.JUDGE.format(question=question.question, a=a, b=b, said=said)
    return [("user", prompt), ("assistant", f"{telling}\nAnswer: {'A' if right_is_a else 'B'}")]


def post(c: Mixture, rng: random.Random) -> list[Turn]:
    """Whether somebody's answer is right; unknown where the model cannot know."""
    question = c.question(rng, told=rng.random() < 0.95)
    right = rng.random() < 0.5 and question.task != "documents"
    answer = question.reply if right else spoil(rng, question)
    known = c.reply(question) != facts.UNKNOWN
    said = ("yes" if right else "no") if known else "unknown"
    return [("user", formats.POST.format(question=question.prompt, answer=answer)), ("assistant", said)]


MAKERS: dict[str, Callable[[Mixture, random.Random], list[Turn]]] = {
    "direct": direct,
    "stepwise": stepwise,
    "roles": roles,
    "expert": expert,
    "merge": merge,
    "demonstrated": demonstrated,
    "shots": shots,
    "induced": induced,
    "critique": critique,
    "revise": revise,
    "extract": extract,
    "order": order,
    "sticker": sticker,
    "decompose": decompose,
    "solve": solve,
    "with_sticker": with_sticker,
    "stepped": stepped,
    "fields": fields,
    "select": select,
    "debate": debate,
    "post": post,
}


def c_reply(c: Mixture, question: Question) -> str:
    """What follows from examples: the right reply where they tell the rule, else what the model knows."""
    return question.reply if question.task in UNTOLD else c.reply(question)


def _panel(rng: random.Random) -> int:
    return rng.choice((2, 3, 3, 3, 3, 4, 5))


def _flagged(c: Mixture, rng: random.Random) -> Flagged:
    question = _sayable(c, rng)
    return flag(rng, question, c.reply(question))


def _that(
    c: Mixture, rng: random.Random, fits: Callable[[Question], bool], *, worked: bool = True, tries: int = 200
) -> Question:
    """A question of the mixture that fits; after many tries, one of the tasks that all models are asked."""
    for _ in range(tries):
        question = c.question(rng, worked=worked)
        if fits(question):
            return question
    while True:
        question = TASKS[rng.choice(list(TASKS))](rng, "train")
        if (question.worked is not None or not worked) and fits(question):
            return question


def _sayable(c: Mixture, rng: random.Random) -> Question:
    """A question whose answer may be said in training: what stands in the documents only is never a target."""
    while True:
        question = c.question(rng)
        if question.task != "documents":
            return question
