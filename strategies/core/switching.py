"""Noticing that a conversation has turned to another task, so that the old one does not get in the way of the new.

Histories of another task cost accuracy (Gupta et al. 2024, LLM Task Interference, arXiv 2402.18216, who propose no
detector). A history that was needed and is gone costs more, so whatever may refer to it keeps it: in doubt, nothing is
cut.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from models.types import Message
from strategies.core.evidence import COMMON, names, words
from strategies.core.parse import sentences
from strategies.core.query import Vector

LAST = 3
"""How many earlier questions the new one is compared with."""
NEAR_MEAN, NEAR_LAST = 0.15, 0.15
"""Cosines (to the mean of the last questions, to the last one) from which on a question goes on with the task."""
READ = 4000
"""Characters of a turn that are looked at."""
SHORT = 4
"""Words up to which a question is taken for a follow-up."""
SHARED = 0.2
"""The share of a question's own words from which on, if they were said before, it goes on with what was said."""
TASK_WORDS = """
answer calculate check choose compare compose compute convert create define describe design determine develop discuss
draft email essay example explain find function generate give good great help identify implement list long make many
much name need number paragraph part people please poem program provide python question reason recommend sentence
short show simple small solve some start state step story suggest summarize summarise take tell text thing think three
time translate two use want way word work write year day first second best
"""
BACK = re.compile(
    r"""\b(?:above|earlier|previous|previously|again|instead|likewise|same|latter|former|rewrite|rephrase|reword|revise
    |shorten|redo|elaborate\s+on|expand\s+on|such(?!\s+as)
    |you(?:['’]ve|['’]d|\s+just|\s+have|\s+had|\s+already)?\s+(?:said|wrote|gave|mentioned|told|listed|suggested|made)
    |your\s+(?:\w+\s+)?(?:answer|reply|response|list|code|example|explanation|suggestion|story|poem|text|version|draft)s?
    |(?:section|part|point|item|step|paragraph|chapter|option|bullet|answer)\s+(?:\d+|[a-e]\b|one|two|three|four|five)
    |the\s+(?:answer|result|others?|rest|list|code|text|story|poem|plan|output|example|examples)
    |the\s+(?:first|second|third|fourth|fifth|last|final|next)(?=\s+(?:one|two|three|part|point|option|item|step|section|example|sentence|paragraph|line)|\s*[?.!,]|\s*$)
    |as\s+well|too(?=\s*[?.!]|\s*$)|(?:this|that|which|another|each|\w+er)\s+one|ones)\b""",
    re.IGNORECASE | re.VERBOSE,
)
"""Words that point back at the conversation wherever they stand."""
POINTS = re.compile(
    r"""\b(?:it|its|itself|they|them|their|theirs|these|those|other|another|others|else|also|more|less|rather|still|back
    |last|next|now|already|both|either|neither|before|everything|all|whole|your|yours|mine|one(?=\s*(?:[?.!,]|$))
    |shorter|longer|simpler|better|clearer|bigger|smaller|cheaper|further|version|draft(?=\s*[?.!,]|\s+more)
    |this(?!\s+(?:\w+\s+){0,3}\w+\s*:)|that(?=\s*(?:[?.!,;:]|$)|['’]s|\s+(?:way|into|to|in|as|for)\b)
    |(?:about|of|with|for|to|from|on|into|like|than|do|did|explain|change|make|translate|say|why|how)\s+that)\b""",
    re.IGNORECASE | re.VERBOSE,
)
"""Words that do so in a turn's first sentence; further on they mostly mean what the turn itself has named."""
PERSONS = re.compile(r"\b(?:he|him|his|she|her|hers)\b", re.IGNORECASE)
GOES_ON = re.compile(
    r"\W*(?:and|but|or|so|then|now|yes|yeah|yep|no|nope|ok|okay|sure|right|wrong|correct|thanks|thank|great|good|nice"
    r"|perfect|hmm+|wait|why|how come|what if|what about|how about|what else|assume|considering|based on|using|with"
    r"|without|in (?:other words|short|that case|addition)|are you sure|really|except|unless|actually|sorry|only"
    r"|just)\b",
    re.IGNORECASE,
)
EDITS = re.compile(
    r"\W*(?:please\s+)?(?:add|adjust|apply|arrange|change|continue|convert|correct|cut|delete|divide|drop|edit|emphasi[sz]e"
    r"|exclude|express|extend|fix|format|go\s+(?:on|into)|handle|highlight|include|insert|keep|leave|limit|make|mark|mention"
    r"|merge|move|optimi[sz]e|order|proceed|put|reduce|refactor|remove|rename|repeat|replace|reverse|round|set|sign|simplify"
    r"|skip|sort|split|summari[sz]e|swap|tone|translate|trim|try|turn|use|write\s+(?:the|its)\b)\b",
    re.IGNORECASE,
)
"""Orders to do something to a text; one that brings none along means what was said."""
BROUGHT = re.compile(r"[:\n\"“`]|\d|(?<!\w)'")
STANDING = re.compile(
    r"\b(?:from now on|always|never|for the rest|in (?:all|every|each) (?:your )?(?:answer|reply|response)s?|remember"
    r"|keep in mind|(?:act|behave|speak|answer|respond|reply|write) (?:as|like)\b|pretend|you are (?:a|an|my)\b"
    r"|role.?play|call me|throughout|each time|every time|whenever)",
    re.IGNORECASE,
)
MINE = re.compile(r"\b(?:I|I['’]m|I['’]ve|my|me|we|our|us)\b")
FUNCTION_WORDS = """
the a an of is are was what which who how where when do does in to for with on and can write my i
"""
ENGLISH = frozenset(FUNCTION_WORDS.split())


@dataclass(frozen=True, slots=True)
class Switch:
    """Whether the last question turned to another task, by its cosines to the mean of the questions before it and to
    the last of them."""

    switched: bool
    mean: float
    last: float


def compared(messages: Sequence[Message]) -> list[str]:
    """The questions that the last one is to be compared with, oldest first, at most `LAST`.

    None where the history has to stay: the last question may refer to it, it holds tool calls or images, or an earlier
    turn gave standing instructions.
    """
    asked = [message for message in messages if message.role == "user"]
    plain = all(isinstance(m.content, str) and m.role != "tool" and not m.tool_calls for m in messages)
    if len(asked) < 2 or not plain or messages[-1] is not asked[-1] or refers(messages):
        return []
    return [message.text for message in asked[:-1]][-LAST:]


def switch(question: Vector, before: Vector) -> Switch:
    """Whether a question that refers to nothing leaves the task: `question` [size], `before` [n, size], unit rows."""
    mean = before.mean(axis=0)
    to_mean = float(mean @ question) / max(1e-9, float(mean @ mean) ** 0.5)
    to_last = float(before[-1] @ question)
    return Switch(to_mean < NEAR_MEAN and to_last < NEAR_LAST, to_mean, to_last)


def trimmed(messages: Sequence[Message]) -> tuple[Message, ...]:
    """The system's messages and the last question."""
    return tuple(m for m in messages if m.role in ("system", "developer") or m is messages[-1])


def refers(messages: Sequence[Message]) -> str:
    """What in the words of the last question may refer to the conversation before; empty if nothing does."""
    every = [message.text for message in messages if message.role == "user"]
    asked = [text[:READ] for text in every[-LAST - 1 : -1]]
    said = [message.text[:READ] for message in messages if message.role == "assistant"][-LAST:]
    text, answer = every[-1][:READ].strip(), said[-1].strip() if said else ""
    row = words(text)
    if len(row) <= SHORT:
        return "it is short"
    if not ENGLISH & {word.lower() for word in row} or _foreign(text):
        return "its language is not one whose references are known"
    if GOES_ON.match(text):
        return "it begins as a follow-up does"
    if found := _pointing(text):
        return f"it says {found!r}"
    if EDITS.match(text) and not BROUGHT.search(text):
        return "it edits what was said"
    if answer.endswith("?"):
        return "the answer before it asked something"
    if any(STANDING.search(_ends(one)) for one in every[:-1]):
        return "an earlier turn gave a standing instruction"
    if MINE.search(text) and any(MINE.search(_ends(one)) for one in every[:-1]):
        return "it speaks of the user, as an earlier turn does"
    if _keys(names(text)) & _keys(names("\n".join([*asked, *said]))):
        return "it names what was named before"
    things = re.findall(r"\bthe\s+(\w+)(?:\s+(\w+))?", text, re.IGNORECASE)
    if _keys(word for thing in things for word in thing if word) - _keys(COMMON) & _keys(words(" ".join(asked + said))):
        return "it takes a thing for known that was named before"
    own = _keys(words(text)) - IDLE
    if own and len(own & _keys(words(" ".join(asked)))) >= max(1.0, SHARED * len(own)):
        return "it uses words of an earlier question"
    if own and len(own & _keys(words(answer))) >= max(2.0, 2 * SHARED * len(own)):
        return "it uses words of the last answer"
    return ""


def _pointing(text: str) -> str:
    """The word of a turn that may point back at what was said before it; empty if there is none."""
    start, end = next(iter(sentences(text)), (0, len(text)))
    first = text[start:end]
    found = BACK.search(text) or POINTS.search(first)
    person = PERSONS.search(first)
    if found is None and person is not None and not names(first[: person.start()]):
        found = person
    return found[0] if found else ""


def _ends(text: str) -> str:
    """The beginning and the end of a turn, where people say who they are and what holds for all answers."""
    return text if len(text) <= READ // 2 else f"{text[: READ // 4]}\n{text[-READ // 4 :]}"


def _keys(row: Iterable[str]) -> set[str]:
    """Words in the form in which they are compared: small letters, without their endings."""
    return {re.sub(r"(?:['’]s|ing|ed|es|s|e)$", "", word.lower()) if len(word) > 3 else word.lower() for word in row}


def _foreign(text: str) -> bool:
    """Whether more than one letter in ten is none of English."""
    letters = [letter for letter in text if letter.isalpha()]
    return sum(not letter.isascii() for letter in letters) > 0.1 * len(letters)


IDLE = frozenset(_keys([*COMMON, *TASK_WORDS.split()]))
"""Words that say nothing of what a question is about."""
