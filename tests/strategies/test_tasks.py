"""Which category of question it is, by the packaged embedder; none where that is not clear."""

import pytest

from models.embedding import open_embedder
from strategies.core.tasks import CATEGORIES, category_of
from tests.strategies.stage import WordEmbedder

ASKED = {
    "What is 61 + 94?": "arithmetic",
    "Calculate 812 minus 377.": "arithmetic",
    "Anna has 9 pens, buys 4 more and gives 6 to Ben. How many pens does she have left?": "word_problem",
    "Start with 12. Step 1: halve it. Step 2: add 9. What do you get?": "procedure",
    "Spell the word window backwards.": "letters",
    "Put these words in alphabetical order: moss, fern, oak.": "letters",
    "Every wug is a dax. No dax is red. Pip is a wug. Is Pip red?": "logic",
    "Where was Albert Einstein born?": "lookup",
    "Who painted the Mona Lisa?": "lookup",
    "Write a poem about autumn leaves.": "writing",
    "Write a Python function that counts vowels.": "code",
    "Reply only in JSON with the keys name and city.": "exact_format",
}


async def test_everyday_questions_fall_into_their_categories_or_none() -> None:
    embedder = open_embedder(None)
    rows = await embedder.embed(list(ASKED))
    found = [await category_of(row, embedder) for row in rows]
    await embedder.close()
    wrong = [(q, got) for (q, meant), got in zip(ASKED.items(), found, strict=True) if got not in (meant, None)]
    assert wrong == []
    assert sum(got is not None for got in found) >= 2 * len(ASKED) / 3


async def test_a_text_like_none_of_them_has_no_category() -> None:
    embedder = WordEmbedder()
    row = (await embedder.embed(["zxqv krrt plomb"]))[0]
    assert await category_of(row, embedder) is None


@pytest.mark.parametrize("category", CATEGORIES)
def test_a_category_is_told_by_several_different_texts(category: str) -> None:
    assert len(set(CATEGORIES[category])) == len(CATEGORIES[category]) >= 4
