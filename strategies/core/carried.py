"""Finding the passage that a message brings along for its question."""

import re
from dataclasses import dataclass

from strategies.core.evidence import words
from strategies.core.parse import sentences

KIND = r"(?:passage|context|text|document|article|excerpt|source|story|paragraph|notes?|background|information|facts)"
LABEL = re.compile(
    rf"^[ \t*#]*(?:(?:[^:.\n]{{0,60}}\b)?{KIND}|"
    r"(?:read|using|given|based on|according to) (?:this|the)\b[^:.\n]{0,60}|"
    rf"(?:here|below) (?:is|are) (?:an? |the |some )?{KIND}[^:.\n]{{0,40}})[ \t*]*(?::|\.?[ \t]*$)[ \t*]*",
    re.IGNORECASE | re.MULTILINE,
)
ASK = re.compile(
    r"^[ \t*#]*(?:question|query|task|now|answer|instruction|use (?:it|this|the))\b[^:\n]*:",
    re.IGNORECASE | re.MULTILINE,
)
MARKED = re.compile(
    r"<(passage|context|document|text)>(.+?)</\1>|\"\"\"(.+?)\"\"\"|```(.+?)```", re.IGNORECASE | re.DOTALL
)
LEAST = 5  # words; what is shorter is no passage


@dataclass(frozen=True, slots=True)
class Carried:
    """A message that brings its own passage: the passage, and the rest, which asks."""

    passage: str
    rest: str


def passage_in(message: str) -> Carried | None:
    """The passage in a message, or None: what stands in marks, behind a label (`Passage:`), or as plain statements.

    Plain statements count if there are two or more with less than two numbers in them, and the message asks who, where,
    which, when or what; not if it asks how many or for a sum: that is calculated, not looked up.
    """
    marked = MARKED.search(message)
    if marked:
        inside = next(group for group in marked.groups()[1:] if group)
        return Carried(inside, message[: marked.start()] + " " + message[marked.end() :])
    for label in LABEL.finditer(message):
        ask = ASK.search(message, label.end())
        end = ask.start() if ask else _last_question(message, label.end())
        if len(words(message[label.end() : end])) >= LEAST:
            return Carried(message[label.end() : end].strip(), message[: label.start()] + " " + message[end:])
    return _told(message)


def _last_question(message: str, start: int) -> int:
    """Where the last paragraph begins, if it asks; else the end."""
    cut = message.rfind("\n\n", start)
    return cut if cut >= 0 and "?" in message[cut:] else len(message)


def _told(message: str) -> Carried | None:
    parts = [message[start:end] for start, end in sentences(message)]
    told = [part for part in parts if not part.endswith(("?", ":")) and len(words(part)) >= 4]
    rest = " ".join(part for part in parts if part not in told)
    looked_up = re.search(r"\b(?:who|whom|whose|where|which|when|what)\b", rest, re.IGNORECASE)
    counted = re.search(r"\b(?:how|total|sum|altogether|left)\b|\d", rest, re.IGNORECASE)
    numbers = re.findall(r"\d+", " ".join(told))
    return Carried(" ".join(told), rest) if len(told) > 1 and looked_up and not counted and len(numbers) < 2 else None
