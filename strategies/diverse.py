"""Where several answers are wanted, have them differ in the sense in which answers to such a question should differ."""

import re

from models.types import Reply
from strategies.core import Context, strategy
from strategies.core.parse import whole
from strategies.core.tasks import Prototypes

KINDS = {
    "A": (
        "What is 345 + 278?",
        "What is the capital of Australia?",
        "Translate 'good morning' into French.",
        "Which instrument does Mira Holt play?",
        "Spell garden backwards.",
    ),
    "B": (
        "Name a fruit.",
        "Give me an example of a prime number.",
        "Tell me a word that rhymes with light.",
        "Name a European city.",
    ),
    "C": ("Pick a number between 1 and 10.", "Flip a coin.", "Choose a random colour.", "Roll two dice for me."),
    "D": (
        "Tom has 12 apples and gives 5 away. How many are left? Show how you work it out.",
        "Solve 3x + 5 = 20 and explain the steps.",
        "A train leaves at 9 and drives 3 hours at 60 km an hour. How far does it get?",
    ),
    "E": (
        "Write a function that checks whether a word is a palindrome.",
        "Design an algorithm to schedule meetings in rooms.",
        "Plan a route through five cities.",
        "Prove that there are infinitely many primes.",
    ),
    "F": (
        "Explain how photosynthesis works.",
        "What caused the first world war?",
        "Tell me about the history of chess.",
        "Describe the culture of Japan.",
    ),
    "G": (
        "Write a poem about the sea.",
        "Tell a short story about a dragon.",
        "Write a song about winter.",
        "Invent a character for a novel.",
    ),
    "H": (
        "Should I rent or buy a house?",
        "How can I become better at public speaking?",
        "What do you think of working from home?",
        "Which pet suits a small flat?",
    ),
}
DIFFERENT = {
    "B": "each a different correct answer",
    "C": "each drawn anew at random",
    "D": "each with the same right result, found by another way of solving it",
    "E": "each another solution of the problem",
    "F": "each from another perspective (historical, scientific, cultural, practical, critical)",
    "G": "each with another tone, genre, point of view, theme and structure",
    "H": "each from another point of view, with other reasons",
}
ANCHORED = """{question}

Give {n} different responses, {different}. Number them from 1 to {n}."""
COUNTS = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
SEVERAL = ("several", "some", "a few", "many", "various", "multiple", "different", "alternative")
ASKS = (
    r"(?:^|[.!?:;,]\s+|\b(?:please|(?:can|could|would|will) you|you to|now|then|also|help me)\s+)"
    r"(?:give|list|name|suggest|come up with|write|propose|tell|offer|brainstorm|think of|generate|create|show|find)"
    r"(?:\s+(?:me|us))?(?:\s+(?:an? (?:\w+ )?(?:list|set) of|at least|up to))?"
    r"(?:\s+(?:the|your|my))?(?:\s+(?:top|best|first|next))?"
)
LENGTH = r"(?:times|words|sentences|lines|paragraphs|pages|steps|minutes|characters|stanzas|verses)\b"
THINGS = rf"(?:(?!(?:on|of|to|for|about|in|with)\b)[\w-]+\s+){{0,2}}(?!{LENGTH})\w*(?:s|people|children|men)\b"
WANTED = re.compile(
    rf"{ASKS}\s+(\d{{1,3}}|{'|'.join((*COUNTS, *SEVERAL))})\s+{THINGS}|"
    r"\b(?:ideas|suggestions|options|alternatives|names) for\b",
    re.IGNORECASE,
)
KNOWN = Prototypes(KINDS)
MOST = 20
NEAR, AHEAD = 0.12, 0.02  # cosines: below, a question is of no clear kind


@strategy(
    calls=1,
    helps=("writing", "advice"),
    hurts=("arithmetic", "lookup", "exact_format"),
    paper="Jain et al. 2025, LLM Output Homogenization is Task Dependent, arXiv 2509.21267",
)
async def diverse(ctx: Context, *, n: int = 5, temperature: float = 1.0, top_p: float = 0.9) -> Reply:
    """Answers once; if several answers are wanted, with what "different" means for this kind of question spelled out.

    The kind, A to H, comes from the embedding: small models tell it badly (56 % for one of 8B). A well-specified
    question (A), one of no clear kind, and one that wants a single answer are asked as they are, A at temperature 0:
    they are never sampled for variety. How many: the number that the question names, else `n`.
    """
    guess = await KNOWN.guess(ctx.query.embedding, ctx.embedder) if ctx.embedder is not None else None
    kind = guess.category if guess is not None and guess.score >= NEAR and guess.ahead >= AHEAD else None
    several = wanted(ctx.question)
    ctx.note(f"a question of kind {kind or 'unknown'}", kind=kind, several=several)
    caller = ctx.query.request.temperature
    if kind == "A":
        return await ctx.answer(temperature=0.0 if caller is None else caller)
    if kind is None or several is None:
        return await ctx.answer()
    return await ctx.answer(
        ANCHORED,
        temperature=temperature if caller is None else caller,
        top_p=top_p if ctx.query.request.top_p is None else None,
        question=ctx.question,
        n=several or n,
        different=DIFFERENT[kind],
    )


def wanted(question: str) -> int | None:
    """How many answers a question wants: a number it names (at most 20), 0 for several, None for one or for more."""
    found = WANTED.search(question)
    if found is None:
        return None
    word = (found[1] or "").lower()
    number = COUNTS.index(word) + 2 if word in COUNTS else whole(word) or 0
    return None if number == 1 or number > MOST else number
