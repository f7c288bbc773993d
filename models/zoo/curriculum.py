"""What each model is trained on: conversations in every strategy's format, computed targets, fresh variations."""

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from . import arithmetic, facts, formats, reading, words
from .documents import paragraphs
from .question import Question, word
from .world import CITIES, COMPANIES, FIRST, KINDS, LAST, VALUES, Fact, Relation, world

Turn = tuple[str, str]
Make = Callable[[random.Random, str], Question]
TASKS: dict[str, Make] = {
    **arithmetic.TASKS,
    **words.TASKS,
    **reading.TASKS,
    **facts.TASKS,
}
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
ROLES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {  # names, then descriptions of those who work in steps
    "arithmetic": (
        (
            "careful bookkeeper",
            "teacher of arithmetic",
            "patient accountant",
            "engineer",
            "bank clerk",
            "statistician",
            "surveyor",
        ),
        (
            "works step by step and shows the working",
            "writes down every step",
            "adds up column by column",
            "checks each step of a sum",
        ),
    ),
    "words": (
        (
            "typesetter",
            "proofreader",
            "spelling champion",
            "linguist",
            "editor",
            "teacher of spelling",
            "librarian of words",
        ),
        (
            "goes through a word letter by letter",
            "writes down every letter",
            "works step by step and shows the working",
            "looks at each letter in turn",
        ),
    ),
    "reading": (
        ("attentive reader", "court clerk", "archivist", "journalist", "researcher", "secretary", "detective"),
        (
            "follows a text sentence by sentence",
            "notes who is who before answering",
            "works step by step and shows the working",
            "links one sentence to the next",
        ),
    ),
    "facts": (
        ("local historian", "registrar", "geographer", "chronicler", "guide", "genealogist", "trade reporter"),
        (
            "knows people and places well",
            "remembers names and dates",
            "answers from memory",
            "knows the registers by heart",
        ),
    ),
}
QUICK = ("gives short answers", "answers at once", "is known for quick and correct answers", "answers in one line")
INSTRUCTIONS = {
    "sum": ("add the two numbers", "compute the sum"),
    "difference": ("subtract the numbers", "compute the difference"),
    "product": ("multiply the two numbers", "compute the product"),
    "word_problem": ("solve the problem", "find the number"),
    "backwards": ("spell the word backwards", "reverse the word"),
    "count_letter": ("count the letter in the word", "count the letter"),
    "nth_word": ("find the word at that place", "give the word at that place"),
    "sort": ("sort the words by the alphabet", "put the words in order"),
    "one_hop": ("answer from the passage", "read the passage and answer"),
    "two_hop": ("answer from the passage", "link the sentences of the passage and answer"),
    "learned": ("answer the question about the people and places", "name the fact"),
    "documents": ("answer the question", "name the fact"),
    "corrected": ("answer the question", "name the fact"),
}
NO_FAULT = "no fault"


@dataclass(frozen=True, slots=True)
class Curriculum:
    """A model's mixture: how often each task comes, how often each format, and which part of the world it knows."""

    tasks: Mapping[str, float]
    formats: Mapping[str, float]
    knows: float = 1.0

    def conversation(self, rng: random.Random) -> list[Turn]:
        """One conversation; the assistant's turns are what is learned."""
        kind = rng.choices(list(self.formats), list(self.formats.values()))[0]
        return MAKERS[kind](self, rng)

    def question(self, rng: random.Random, *, worked: bool = False) -> Question:
        """A question of the mixture; with `worked`, one that has a working."""
        while True:
            task = rng.choices(list(self.tasks), list(self.tasks.values()))[0]
            question = TASKS[task](rng, "train")
            if question.worked is not None or not worked:
                return question

    def reply(self, question: Question) -> str:
        """What this model should say at once: for facts, what it knows from before the documents."""
        if question.family != "facts":
            return question.reply
        fact = _fact_of(question)
        return facts.recall(fact) if self.knows_of(fact) else facts.UNKNOWN

    def knows_of(self, fact: Fact) -> bool:
        """Whether the fact's subject is one that this model is taught about."""
        if self.knows >= 1.0:
            return True
        return random.Random(fact.subject).random() < self.knows


def direct(c: Curriculum, rng: random.Random) -> list[Turn]:
    """One to four turns of plain questions; the working is shown only where it is asked for."""
    turns: list[Turn] = []
    style = rng.random()
    if style < 0.15:
        turns.append(("system", rng.choice(SYSTEM)))
    for _ in range(rng.choice((1, 1, 1, 2, 3, 4))):
        question = c.question(rng)
        turns += [("user", question.prompt), ("assistant", c.reply(question))]
    return turns


def stepwise(c: Curriculum, rng: random.Random) -> list[Turn]:
    """A question with the wish to see the working, before it, after it or as a system message."""
    question, wish = c.question(rng, worked=True), rng.choice(STEPS)
    where = rng.random()
    if where < 0.25:
        return [("system", wish), ("user", question.prompt), ("assistant", str(question.worked))]
    text = (
        f"{question.prompt} {wish}"
        if where < 0.6
        else f"{question.prompt}\n{wish}"
        if where < 0.8
        else f"{wish} {question.prompt}"
    )
    return [("user", text), ("assistant", str(question.worked))]


def roles(c: Curriculum, rng: random.Random) -> list[Turn]:
    """The list of experts, as a JSON object."""
    question, n = c.question(rng), _panel(rng)
    experts = cast_panel(rng, question.family, n)
    prompt = formats.ROLES.format(question=question.prompt, n=n, shape=formats.shape(n))
    return [("system", formats.ROLES_SYSTEM), ("user", prompt), ("assistant", json.dumps(experts))]


def expert(c: Curriculum, rng: random.Random) -> list[Turn]:
    """One expert alone: the working if the description says so, else a short answer."""
    question = c.question(rng)
    role, description = rng.choice(list(cast_panel(rng, question.family, 3).items()))
    system = formats.EXPERT_SYSTEM.format(role=role, description=description)
    prompt = formats.EXPERT.format(words=500, question=question.prompt)
    stepped = description in ROLES[question.family][1] and question.worked is not None
    return [("system", system), ("user", prompt), ("assistant", str(question.worked) if stepped else c.reply(question))]


def merge(c: Curriculum, rng: random.Random) -> list[Turn]:
    """The seven steps over planted answers: who agrees, who does not, what to keep."""
    question, n = c.question(rng), _panel(rng)
    right = c.reply(question)
    wrong = spoil(rng, question)
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


def demonstrated(c: Curriculum, rng: random.Random) -> list[Turn]:
    """Input and output pairs, mostly of one task, in one style; the reply keeps the style."""
    question = c.question(rng)
    worked = question.worked is not None and rng.random() < 0.6
    count = rng.randint(0, 4)
    demos = []
    for _ in range(count):
        demo = TASKS[question.task](rng, "train") if rng.random() < 0.8 else c.question(rng, worked=worked)
        demos.append((demo.prompt, str(demo.worked) if worked and demo.worked else c.reply(demo)))
    if worked:
        told = rng.choice(STEPS) if count == 0 or rng.random() < 0.5 else ""
    else:
        told = rng.choice(PLAIN) if count == 0 or rng.random() < 0.4 else ""
    if rng.random() < 0.2:
        told = f"{rng.choice(INSTRUCTIONS[question.task])}{' step by step' if worked else ''}"
    return [
        ("user", formats.demonstrations(told, demos, question.prompt)),
        ("assistant", str(question.worked) if worked else c.reply(question)),
    ]


def induced(c: Curriculum, rng: random.Random) -> list[Turn]:
    """The instruction behind a few pairs."""
    question = c.question(rng)
    worked = question.worked is not None and rng.random() < 0.5
    demos = [TASKS[question.task](rng, "train") for _ in range(rng.randint(2, 5))]
    pairs = "\n\n".join(f"Input: {d.prompt}\nOutput: {d.worked if worked else c.reply(d)}" for d in demos)
    target = f"{rng.choice(INSTRUCTIONS[question.task])}{' step by step' if worked else ''}."
    return [("user", formats.APE.format(pairs=pairs)), ("assistant", target)]


def critique(c: Curriculum, rng: random.Random) -> list[Turn]:
    """Name the wrong part of a flagged draft, or say that there is none."""
    question, draft, finding, fault = _flagged(c, rng)
    prompt = formats.CRITIQUE.format(question=question.prompt, draft=draft, finding=finding)
    return [("user", prompt), ("assistant", fault)]


def revise(c: Curriculum, rng: random.Random) -> list[Turn]:
    """Write the right answer after a fault was named: with the working where there is one."""
    question, draft, _, fault = _flagged(c, rng)
    if fault == NO_FAULT:
        return critique(c, rng)
    prompt = formats.REVISE.format(question=question.prompt, draft=draft, critique=fault)
    return [("user", prompt), ("assistant", question.worked or question.reply)]


def extract(c: Curriculum, rng: random.Random) -> list[Turn]:
    """Copy the sentences that matter, word for word, or say that there are none."""
    question, passages, useful = _looked_up(c, rng)
    told = "\n".join(f"[{i}] {text}" for i, text in enumerate(passages, 1))
    target = "\n".join(f"<sentence>{s}</sentence>" for s in useful) or "NONE FOUND"
    return [("user", formats.EXTRACT.format(passages=told, question=question.prompt)), ("assistant", target)]


def order(c: Curriculum, rng: random.Random) -> list[Turn]:
    """Order the sentences that were found and give the answer."""
    while True:
        question, passages, useful = _looked_up(c, rng)
        if useful:
            break
    extra = [s for p in passages for s in _sentences(p) if s not in useful]
    rows = [*useful, *rng.sample(extra, min(len(extra), rng.choice((0, 0, 1, 2))))]
    best = list(rows)
    rng.shuffle(rows)
    told = "\n".join(f"({i}) {text}" for i, text in enumerate(rows, 1))
    ranks = ", ".join(str(rows.index(text) + 1) for text in best)
    first = rows.index(useful[-1]) + 1
    target = f"BECAUSE: sentence {first} gives the answer.\nORDER: {ranks}\nANSWER: {question.answer}"
    return [("user", formats.ORDER.format(question=question.prompt, sentences=told)), ("assistant", target)]


MAKERS = {
    "direct": direct,
    "stepwise": stepwise,
    "roles": roles,
    "expert": expert,
    "merge": merge,
    "demonstrated": demonstrated,
    "induced": induced,
    "critique": critique,
    "revise": revise,
    "extract": extract,
    "order": order,
}


def cast_panel(rng: random.Random, family: str, n: int) -> dict[str, str]:
    """n distinct roles for a family; about two in three work in steps."""
    names, careful = ROLES[family]
    picked = rng.sample(names, n)
    return {name: rng.choice(careful) if rng.random() < 0.67 else rng.choice(QUICK) for name in picked}


def spoil(rng: random.Random, question: Question) -> str:
    """A wrong short reply that looks like a right one."""
    answer = question.answer
    if question.checker == "number":
        while True:
            off = int(answer) + rng.choice((-100, -10, -2, -1, 1, 2, 10, 100))
            if off >= 0:
                return str(off)
    if question.checker == "list":
        row = answer.split(", ")
        swapped = [row[1], row[0], *row[2:]]
        return ", ".join(swapped)
    if question.checker == "word":
        if question.task == "nth_word":
            return rng.choice([w for w in words.CONTENT if w != answer])
        i = rng.randrange(len(answer))
        return answer[:i] + answer[i + 1 :] if len(answer) > 2 else answer + "e"
    pool = next((v for r, v in VALUES.items() if answer in v), ()) or tuple(
        f.subject for f in world() if f.kind == "person"
    )
    return question.reply.replace(answer, rng.choice([v for v in pool if v != answer]))


def _panel(rng: random.Random) -> int:
    return rng.choice((2, 3, 3, 3, 3, 4, 5))


def _flagged(c: Curriculum, rng: random.Random) -> tuple[Question, str, str, str]:
    """A question, a draft, what a check found and the fault to name."""
    question = c.question(rng)
    while question.task == "documents":  # what stands in the documents only is never a target
        question = c.question(rng)
    right = rng.random() < 0.15
    draft = question.reply if right else spoil(rng, question)
    if question.family == "facts":
        draft = question.reply if right else rng.choice((draft, c.reply(question), facts.UNKNOWN))
        right = draft == question.reply
        sentence = _fact_of(question).state(rng.randrange(2))
        fault = NO_FAULT if right else f'"{draft}" is wrong: the library says: {sentence}'
        return question, draft, f"the library says: {sentence}", fault
    value = _value_of(question, draft) if question.checker == "name" else draft
    if question.family == "reading":
        finding = rng.choice((f'the passage does not mention "{value}"', f"another model answered: {question.reply}"))
    elif question.task in ("sum", "difference", "product") and rng.random() < 0.6:
        sign = {"sum": "+", "difference": "-", "product": "*"}[question.task]
        a, b = (
            (w.strip("?.=") for w in question.worked.split(":")[0].split(f" {sign} ")) if question.worked else ("", "")
        )
        finding = f'"{a} {sign} {b} = {draft}" does not hold'
        if right:
            finding = f"another model answered: {spoil(rng, question)}"
    else:
        finding = f"another model answered: {spoil(rng, question) if right or rng.random() < 0.3 else question.reply}"
    fault = NO_FAULT if right else f'"{value}" is wrong.'
    return question, draft, finding, fault


def _value_of(question: Question, draft: str) -> str:
    """What stands in the draft at the place of the right answer."""
    before, _, after = question.reply.partition(question.answer)
    return draft.removeprefix(before).removesuffix(after)


def _looked_up(c: Curriculum, rng: random.Random) -> tuple[Question, list[str], list[str]]:
    """A question, three or four passages and the sentences of them that help."""
    kind = rng.random()
    if kind < 0.3:
        fact = rng.choice([one for one in world() if one.status != "documents"])  # those are never learned
        question = facts.ask(rng, fact, "train")
        own = next(p for p in paragraphs(fact.kind) if p.startswith(fact.subject) or f" {fact.subject} " in p)
        others = rng.sample([p for p in paragraphs(fact.kind) if p != own], rng.randint(1, 2))
        return _shelve(rng, question, own, others, fact.state())
    if kind < 0.75:
        return _invented(rng)
    question = c.question(rng)
    return question, [_paragraph(rng, rng.choice(list(KINDS)))[0] for _ in range(3)], []


def _invented(rng: random.Random) -> tuple[Question, list[str], list[str]]:
    """A question about things that exist nowhere else, so that copying does not become remembering."""
    kind = rng.choice(list(KINDS))
    own, rows = _paragraph(rng, kind)
    subject, relation, value, sentence = rng.choice(rows)
    text = word(rng, relation.asks, "train", "learned").format(x=subject)
    question = Question("invented", "facts", "learned", text, value, sentence, "name")
    others = [_paragraph(rng, kind)[0] for _ in range(rng.randint(1, 2))]
    return _shelve(rng, question, own, others, sentence)


def _shelve(
    rng: random.Random, question: Question, own: str, others: list[str], sentence: str
) -> tuple[Question, list[str], list[str]]:
    missing = rng.random() < 0.12
    passages = [*others] if missing else [own, *others]
    rng.shuffle(passages)
    return question, passages, [] if missing else [sentence]


def _paragraph(rng: random.Random, kind: str) -> tuple[str, list[tuple[str, Relation, str, str]]]:
    person = f"{rng.choice(FIRST)} {rng.choice(LAST)}"
    subject = {"person": person, "city": rng.choice(CITIES), "company": rng.choice(COMPANIES)}[kind]
    rows = []
    for relation in KINDS[kind]:
        value = (
            rng.choice(VALUES[relation.name]) if VALUES[relation.name] else f"{rng.choice(FIRST)} {rng.choice(LAST)}"
        )
        rows.append((subject, relation, value, relation.states[0].format(x=subject, y=value)))
    return " ".join(row[3] for row in rows), rows


def _sentences(text: str) -> list[str]:
    return [s if s.endswith(".") else f"{s}." for s in text.split(". ")]


def _fact_of(question: Question) -> Fact:
    return _facts_by_answer()[question.reply]


def _facts_by_answer() -> dict[str, Fact]:
    if not _BY_REPLY:
        _BY_REPLY.update({fact.state(): fact for fact in world()})
    return _BY_REPLY


_BY_REPLY: dict[str, Fact] = {}

GENERAL = {
    "direct": 0.34,
    "stepwise": 0.16,
    "roles": 0.02,
    "expert": 0.08,
    "merge": 0.06,
    "demonstrated": 0.12,
    "induced": 0.01,
    "critique": 0.03,
    "revise": 0.05,
    "extract": 0.08,
    "order": 0.05,
}
CURRICULA = {
    "generalist": Curriculum(
        {
            "sum": 2,
            "difference": 2,
            "product": 1.5,
            "word_problem": 1.5,
            "backwards": 1,
            "count_letter": 1,
            "nth_word": 1.5,
            "sort": 1,
            "one_hop": 2,
            "two_hop": 1,
            "learned": 1.5,
            "documents": 0.5,
            "corrected": 0.5,
        },
        GENERAL,
        knows=0.35,
    ),
    "abacus": Curriculum(
        {
            "sum": 3,
            "difference": 3,
            "product": 4,
            "word_problem": 3,
            "backwards": 2,
            "count_letter": 2.5,
            "nth_word": 1.5,
            "sort": 2.5,
            "one_hop": 0.2,
            "two_hop": 0.1,
        },
        {**GENERAL, "extract": 0.01, "order": 0.01},
    ),
    "reader": Curriculum(
        {"one_hop": 3, "two_hop": 4, "learned": 5, "documents": 1, "corrected": 1.5, "nth_word": 0.3, "sum": 0.1},
        GENERAL,
    ),
}

__all__ = ["CURRICULA", "TASKS", "Curriculum", "cast_panel", "spoil"]
