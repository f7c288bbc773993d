"""Does the model know? It is asked before it answers whether it can, and afterwards whether an answer is right.

Models are overconfident: a "no" is a good reason to look something up, a "yes" proves nothing. What is read as giving
up comes first, on whole words: "not correct" gives up, "incorrect" is no "correct".
Source: Ren et al. 2023, Investigating the Factual Knowledge Boundary of Large Language Models with Retrieval
Augmentation, arXiv 2307.11019.
"""

import re
import unicodedata

from strategies.core.context import Context

PRIOR = "{question}\n\nCan you answer this correctly from what you know? Reply with one word: yes, no or unknown."
POST = """Question:
{question}

Somebody's answer:
{answer}

Is the answer right? Reply with one word: yes, no or unknown."""
PRIOR_DOUBTS = (
    "unknown", "no specific answer", "not provide", "cannot answer", "no information provided", "no answer",
    "not contain", "no definitive answer",
)  # fmt: skip
POST_DOUBTS = (
    "unclear", "not clear", "unknown", "partially correct", "partially incorrect", "not correct", "cannot determine",
    "cannot answer", "not incorrect", "incomplete", "not true", "not right",
)  # fmt: skip
WORDS = 16
"""Tokens that a judgement may take."""


async def knows(ctx: Context) -> bool | None:
    """Whether the model says that it can answer the question; None if it does not know. One short call."""
    reply = await ctx.ask(PRIOR, label="prior", temperature=0.0, max_tokens=WORDS, question=ctx.question)
    known = prior(reply.text)
    ctx.note(f"asked whether it knows: {_word(known)}", prior=_word(known))
    return known


async def judged_right(ctx: Context, answer: str) -> bool | None:
    """Whether the model calls the answer right; None if it cannot say. One short call."""
    reply = await ctx.ask(POST, label="post", temperature=0.0, max_tokens=WORDS, question=ctx.question, answer=answer)
    right = post(reply.text)
    ctx.note(f"asked whether the answer is right: {_word(right)}", post=_word(right))
    return right


def prior(reply: str | None) -> bool | None:
    """What a reply to PRIOR says: True, False, or None where it gives up or cannot be read."""
    tokens = _tokens(reply)
    if _any(PRIOR_DOUBTS, tokens):
        return None
    return _leading(tokens)


def post(reply: str | None) -> bool | None:
    """What a reply to POST says: True, False, or None where it gives up or cannot be read."""
    tokens = _tokens(reply)
    if _any(POST_DOUBTS, tokens):
        return None
    leading = _leading(tokens)
    if leading is not None:
        return leading
    if _any(("correct", "true", "right"), tokens):
        return True
    return False if _any(("incorrect", "false", "wrong"), tokens) else None


def _leading(tokens: str) -> bool | None:
    """What a reply begins with, or is the only one of the two that it holds."""
    found = re.findall(r" (yes|no)(?= )", tokens)
    begins = tokens.startswith((" yes ", " no "))
    return found[0] == "yes" if found and (begins or len(set(found)) == 1) else None


def _any(phrases: tuple[str, ...], tokens: str) -> bool:
    return any(f" {phrase} " in tokens for phrase in phrases)


def _tokens(reply: str | None) -> str:
    """The words of a reply in small letters, without accents, with blanks around each."""
    plain = unicodedata.normalize("NFD", (reply or "").casefold().replace("can't", "cannot").replace("can’t", "cannot"))
    return f" {' '.join(re.findall('[a-z0-9]+', plain))} "


def _word(said: bool | None) -> str:
    return "unknown" if said is None else "yes" if said else "no"
