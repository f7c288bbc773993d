"""The parts of a question: what is given and what is asked, and the smaller questions on the way to its answer."""

import re

from .question import Question

_EQUATION = re.compile(r"(\d+(?: [-+*] \d+)+) = (\d+)")
_SENTENCE = re.compile(r"[^.?!]+[.?!]")


def stick(text: str) -> str | None:
    """The sticker of a question told in sentences; None where it states nothing or asks nothing."""
    said = [one.strip() for one in _SENTENCE.findall(text)]
    asked = [one for one in said if one.endswith("?")]
    given = [one for one in said if not one.endswith("?") and any(c.isdigit() for c in one)]
    if len(asked) != 1 or not given:
        return None
    return "\n".join(("CONDITIONS:", *(f"{i}. {one}" for i, one in enumerate(given, 1)), f"QUESTION: {asked[0]}"))


def divide(question: Question) -> list[str]:
    """Smaller questions on the way to the answer, at most three; none where one step is enough."""
    worked = question.worked or ""
    if question.task == "two_step":
        (first, result), (second, _), *_ = _EQUATION.findall(worked)
        rest = re.sub(rf"(?<!\d){result}(?!\d)", "the result", second, count=1)
        return [f"What is {first}?", f"What is {rest}?"]
    if question.task == "product":
        parts = [left for left, _ in _EQUATION.findall(worked) if "*" in left]
        return [f"What is {left}?" for left in parts[:3]] if len(parts) > 1 else []
    if question.task == "chain":
        return [f"Is {who} {what}?" for who, what in re.findall(r"So (\w+) is ([^.]*)\.", worked)][:3]
    link = re.match(r"The (\w+) of (\w+ \w+) is ", worked)
    if question.task == "two_hop" and link:
        one = f"the {link[1]} of {link[2]}"
        return [f"Who is {one}?", question.question.replace(one, "that person")]
    works = re.match(r"(\w+ \w+) works for ", worked)
    if question.task == "two_hop" and works:
        return [f"Which company does {works[1]} work for?", "In which city is that company?"]
    return []
