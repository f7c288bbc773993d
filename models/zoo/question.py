"""A Question: what is asked, the right answer, how it is checked, and a worked solution where there is one."""

import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass

LAYOUTS = (
    "Passage: {context}\nQuestion: {question}",
    "Read this: {context}\nNow answer: {question}",
    "{context}\n\n{question}",
    "Here is a text.\n{context}\nUse it to answer: {question}",
    "{question}\nThe answer is in this passage: {context}",
    "Question: {question}\nPassage: {context}",
)
WRAPPERS = (
    "{q}",
    "{q} Answer briefly.",
    "Tell me: {q}",
    "Please answer this: {q}",
    "I would like to know: {q}",
    "Quick question: {q}",
    "Here is a question for you. {q}",
    "Can you help me? {q}",
    "{q} Thank you.",
    "One more thing: {q}",
    "Hello! {q}",
    "My teacher asks: {q}",
)
HELD_OUT = 5  # one content in five is never trained on


@dataclass(frozen=True, slots=True)
class Question:
    """One question. `answer` is the value the checker looks for, `reply` a good short reply, `worked` a solution in
    steps that ends in "Answer: ..." (None where there are no steps to show); `difficulty` grows from 1.
    """

    id: str
    family: str
    task: str
    question: str
    answer: str
    reply: str
    checker: str
    worked: str | None = None
    context: str | None = None
    layout: int = 0
    difficulty: int = 1
    rule: str | None = None

    @property
    def prompt(self) -> str:
        """What a user sends: the question, laid out with its passage if it has one."""
        if self.context is None:
            return self.question
        return LAYOUTS[self.layout].format(context=self.context, question=self.question)


@dataclass(frozen=True, slots=True)
class Wordings:
    """The ways of asking for one thing: templates with fields in braces, those of testing never trained on.

    Every word of a template for testing stands in some template for training, so that no token of it is new.
    """

    train: tuple[str, ...]
    test: tuple[str, ...]

    def pick(self, rng: random.Random, split: str) -> str:
        """A template of the split inside one of the WRAPPERS, its fields still open."""
        wordings = rng.wordings if isinstance(rng, Reworded) else rng
        return wordings.choice(WRAPPERS).replace("{q}", wordings.choice(self.test if split == "test" else self.train))


def held_out(*parts: object) -> bool:
    """Whether a content belongs to the test side; the same everywhere and for ever."""
    digest = hashlib.sha256("|".join(map(str, parts)).encode()).digest()
    return digest[0] % HELD_OUT == 0


class Reworded(random.Random):
    """Draws contents as any other, and their wordings from a generator of its own: a question in other words."""

    def __init__(self, seed: str, wording: int) -> None:
        super().__init__(seed)
        self.wordings = random.Random(f"{seed}-{wording}")


def draw(rng: random.Random, split: str, make: Callable[[], tuple[object, ...]]) -> tuple[object, ...]:
    """Draw contents until one belongs to the split."""
    while True:
        content = make()
        if held_out(*content) == (split == "test"):
            return content


def identify(task: str, prompt: str) -> str:
    """A question's id: its task and a digest of its text."""
    return f"{task}-{hashlib.sha256(prompt.encode()).hexdigest()[:10]}"
