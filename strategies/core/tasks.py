"""Which category of question this is, by the nearest prototypes in embedding space; none where that is not clear.

Small models are weak at telling (56 % for one of 8B, by the study of section 17 of the methods), so that nobody is
asked: a question belongs to the category whose prototypes are nearest on the mean of its best two, if it is near enough
and ahead of the next category by a margin.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from models.embedding import Embedder
from strategies.core.query import Vector

CATEGORIES: Mapping[str, tuple[str, ...]] = {
    "arithmetic": (
        "What is 345 + 278?",
        "Calculate 17 times 23.",
        "Subtract 129 from 512.",
        "What is 15 percent of 80?",
        "Which number is 5821 - 3307?",
    ),
    "word_problem": (
        "Tom has 12 apples, gives 5 to a friend and buys 7 more. How many apples does he have now?",
        "A train travels 60 km an hour for three hours. How far does it go?",
        "A shop sells pens at 3 dollars each. How much do 8 pens and a book for 12 dollars cost?",
        "How many minutes are 3 hours and 20 minutes?",
        "If today is Tuesday, what day is it in 20 days?",
    ),
    "procedure": (
        "Start with 7. Step 1: double it. Step 2: add 4. Step 3: halve it. What is the result?",
        "Swap the first two words of this row, then reverse it. What is the row now?",
        "Follow these steps in order and give the last value.",
        "You face north, turn left twice and then right. Which way do you face?",
    ),
    "letters": (
        "Spell the word garden backwards.",
        "How many times does the letter e occur in the word cheese?",
        "What is the third letter of the word planet?",
        "Sort these words by the alphabet: pear, apple, fig, cherry.",
        "Put these numbers in ascending order: 42, 7, 19, 88.",
        "How many items does this list have: cat, dog, cat, bird?",
        "Which is the largest of 84, 17, 95, 33?",
    ),
    "logic": (
        "Every cat is an animal. No animal is blue. Tim is a cat. Is Tim blue?",
        "If all bloops are razzies and all razzies are lazzies, are all bloops lazzies?",
        "Anna is taller than Ben and Ben is taller than Carl. Who is the shortest?",
        "Which conclusion follows from these premises?",
    ),
    "passage": (
        "Passage: Anna Berg lives in Oslo and works for Norsk. Question: Where does Anna Berg live?",
        "Read this text and answer: which instrument does the teacher play?",
        "According to the article below, why did the company close its factory?",
        "Here is a table. Name, age, city. Who is the oldest?",
        "Use only this passage to answer the question.",
    ),
    "lookup": (
        "Where was Marie Curie born?",
        "Who wrote Pride and Prejudice?",
        "What is the capital of Australia?",
        "Which instrument does Mira Holt play?",
        "When did the second world war end?",
        "Who is the mayor of Halden?",
    ),
    "contested": (
        "What happens if you swallow chewing gum?",
        "Is it dangerous to wake a sleepwalker?",
        "Do vaccines cause autism?",
        "Is coffee good or bad for your health?",
        "What should I look out for when I sign a rental contract?",
    ),
    "pattern": (
        'See how it goes: "ab" -> "aabb", "cd" -> "ccdd". And "ef"?',
        "Here is a rule in examples: dog -> animal, rose -> plant. What do you get for oak?",
        "Which label belongs to this word?",
        "Use the rule Cindrel on the number 26.",
        'Is it right that "fbzdbbl" is a word of this language?',
        "Give the antonym of each word as in the examples.",
    ),
    "exact_format": (
        "Find name and age in this text and reply in JSON.",
        "Answer with a single word.",
        "Name all the animals in order, separated by commas.",
        "Return a CSV with the columns date and amount.",
        "Extract the email addresses as a list.",
    ),
    "code": (
        "Write a Python function that reverses a linked list.",
        "Write a function that counts the words of a text.",
        "Why does this code raise a KeyError?",
        "Explain what this SQL query does.",
        "Refactor this JavaScript to use async and await.",
    ),
    "writing": (
        "Write a poem about the sea.",
        "Write a short story about a dragon who is afraid of fire.",
        "Draft a polite email to my landlord about the heating.",
        "Come up with names for my coffee shop.",
        "Rewrite this paragraph so that it sounds more friendly.",
    ),
    "advice": (
        "How can I become better at public speaking?",
        "Should I rent or buy a house?",
        "What should I do if my friend ignores me?",
        "Which career suits somebody who likes maths and people?",
    ),
    "chat": (
        "Hello, how are you?",
        "Thank you very much!",
        "What can you do?",
        "Tell me a joke.",
    ),
}
NEAR = 0.3
AHEAD = 0.03


@dataclass(frozen=True, slots=True)
class Guess:
    """A category with its score (the mean cosine of its two nearest prototypes) and how far it is ahead of the next."""

    category: str
    score: float
    ahead: float


class Prototypes:
    """Named groups of texts, embedded when they are first wanted."""

    def __init__(self, groups: Mapping[str, Sequence[str]]) -> None:
        self._groups = groups
        self._rows: dict[str, Vector] = {}

    async def guess(self, embedding: Vector, embedder: Embedder) -> Guess:
        """The nearest group of a text's embedding [size]. Groups are embedded once for each embedder."""
        name = f"{embedder.name} {embedder.size}"
        if name not in self._rows:
            self._rows[name] = await embedder.embed([text for texts in self._groups.values() for text in texts])
        cosines, scores, start = self._rows[name] @ embedding, {}, 0
        for group, texts in self._groups.items():
            scores[group] = float(np.sort(cosines[start : start + len(texts)])[-2:].mean())
            start += len(texts)
        best, second = sorted(scores, key=lambda group: -scores[group])[:2]
        return Guess(best, scores[best], scores[best] - scores[second])


KNOWN = Prototypes(CATEGORIES)


async def category_of(embedding: Vector, embedder: Embedder) -> str | None:
    """The category of a question by its embedding; None where no category is near, or two are as near."""
    found = await KNOWN.guess(embedding, embedder)
    return found.category if found.score >= NEAR and found.ahead >= AHEAD else None
