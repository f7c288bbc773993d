"""What a turn really asks: its references resolved from the conversation, so that a check sees the whole of it.

A harmful aim may be split into harmless parts of a document, of which a later turn wants more "on section 3"; no word
of that turn shows it (Wu et al. 2024, You Know What I'm Saying: Jailbreak Attack via Implicit Reference). Resolved in
code: positions ("section 3", "the second one") become what stands there, words such as "that" what was asked before.
"""

import re
from collections.abc import Sequence
from functools import cached_property
from itertools import islice

from models.backend import Backend
from models.types import Message, Request, collect

REWRITE = """Conversation:
{history}

Last message:
{text}

Write the last message again so that it can be understood alone: in the place of each reference to the conversation \
put what it refers to. Do not answer it. Reply with the message and nothing else."""
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
COUNTS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
PLACE = r"(?:section|part|point|item|step|paragraph|chapter|option|number|bullet|objective|question|task|entry|no\.?)"
POSITION = re.compile(
    rf"\b{PLACE}s?\s*\(?#?(?P<number>\d{{1,2}}|[a-j]\b|{'|'.join(COUNTS)})\b"
    rf"|#(?P<mark>\d{{1,2}})\b"
    rf"|\b(?P<ordinal>{'|'.join(ORDINALS)}|last|final)\s+(?:{PLACE}|one|thing|of)\b"
    rf"|\bthe\s+(?P<bare>{'|'.join(ORDINALS)}|last)(?=\W*$|\s+(?:in|with|and|more|a bit)\b)",
    re.IGNORECASE,
)
ITEM = re.compile(
    rf"^[ \t>*#]*(?:{PLACE}\s*)?\(?(?P<number>\d{{1,2}}|[a-j])[.):](?!\d)[ \t*]*(?P<text>\S.*)$",
    re.MULTILINE | re.IGNORECASE,
)
INLINE = re.compile(
    r"\(?\b(?P<number>\d{1,2})[.)]\s+(?P<text>[^\n]+?)(?=[;,.]?\s+(?:and\s+)?\(?\d{1,2}[.)]\s|$)", re.MULTILINE
)
BULLET = re.compile(r"^[ \t]*(?:[-*•]|#{1,6})[ \t]+(?P<text>\S.*)$", re.MULTILINE)
BLANKS = re.compile(r"[^\S\n]+")
POINTS_BACK = re.compile(
    r"\b(?:it|its|they|them|their|this|that|these|those|such|same|above|previous|earlier|continue|go on|more"
    r"|further|again|instead)\b",
    re.IGNORECASE,
)
ALONE = 4
"""Words up to which a turn is understood only from the one before it."""
LONGEST = 500
"""Characters of what a reference stands for."""
TURNS = 10
"""The latest turns of the user that are looked at, with what lies between them."""
POSITIONS = 10
"""References of one turn that are looked up."""


def resolve(messages: Sequence[Message]) -> str:
    """The last user turn, with what its references stand for behind it in brackets; itself where it has none.

    References to what was said more than ten turns ago stay as they are.
    """
    turns = [message for message in messages if message.role in ("user", "assistant")]
    users = [i for i, message in enumerate(turns) if message.role == "user"]
    recent = turns[users[-TURNS - 1] :] if len(users) > TURNS else turns
    resolved = before = ""
    lists: list[Lists] = []
    for message in recent:
        if message.role == "user":
            resolved = before = _resolved(message.text, lists, before)
        lists.append(Lists(message.text))
    return resolved


def points_back(text: str) -> bool:
    """Whether a turn refers to what was said before it, by a position or by a word."""
    return bool(POSITION.search(text) or POINTS_BACK.search(text)) or len(text.split()) <= ALONE


async def rewritten(model: Backend, messages: Sequence[Message]) -> str | None:
    """The last user turn as a model writes it out; None if it writes nothing. One call. Raises ModelError."""
    turns = [message for message in messages if message.role in ("user", "assistant")]
    last = max(i for i, message in enumerate(turns) if message.role == "user")
    history = "\n".join(f"{message.role}: {message.text[:LONGEST]}" for message in turns[:last])
    prompt = REWRITE.format(history=history, text=turns[last].text)
    request = Request((Message("user", prompt),), temperature=0.0, max_tokens=256, whole=True)
    return (await collect(model.stream(request), model.name)).text.strip() or None


def items(text: str) -> dict[int, str]:
    """The entries of the lists in a text by their numbers, letters counting as such; of headings and bullets without
    numbers, by their order. Of two lists, the later one."""
    text = BLANKS.sub(" ", text)
    found = {_number(match["number"]): match["text"].strip() for match in ITEM.finditer(text)}
    inline = {int(match["number"]): match["text"].strip() for match in INLINE.finditer(text)}
    numbered = {**inline, **found} if len(found) < 2 else found
    return numbered or {i: match["text"].strip() for i, match in enumerate(BULLET.finditer(text), 1)}


class Lists:
    """The entries of one text, read when they are first wanted."""

    def __init__(self, text: str) -> None:
        self._text = text

    @cached_property
    def items(self) -> dict[int, str]:
        """The entries by their numbers."""
        return items(self._text)


def _resolved(text: str, lists: Sequence[Lists], before: str) -> str:
    meant = []
    for match in islice(POSITION.finditer(text), POSITIONS):
        entry = _entry(match, lists)
        if entry:
            meant.append(f"{match[0].strip()}: {entry[:LONGEST]}")
    if not meant and before and (POINTS_BACK.search(text) or len(text.split()) <= ALONE):
        meant.append(f"after: {before[-LONGEST:]}")
    return f"{text} ({'; '.join(meant)})" if meant else text


def _entry(match: re.Match[str], lists: Sequence[Lists]) -> str:
    """What stands at the position, in the latest text that has it; empty if none has."""
    named = (match["number"] or match["mark"] or match["ordinal"] or match["bare"]).lower()
    for found in (one.items for one in reversed(lists)):
        number = max(found, default=0) if named in ("last", "final") else _number(named)
        if number in found:
            return found[number]
    return ""


def _number(named: str) -> int:
    named = named.lower()
    for row in (COUNTS, ORDINALS):
        if named in row:
            return row.index(named) + 1
    return int(named) if named.isdecimal() else ord(named) - ord("a") + 1
