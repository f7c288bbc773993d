"""Steps that a question tells, what happens in a story, and chains of rules; the state is a value or what is known."""

import re
from collections.abc import Sequence

from strategies.core.arithmetic import equations
from strategies.core.parse import squeeze
from strategies.core.steps import Form, Task, has_passage, lists_numbers, number_of


def _procedure(question: str) -> Task | None:
    told = re.findall(r"step \d+\s*[:.]\s*([^.]+)", question, re.IGNORECASE)
    return Task(tuple(squeeze(text) for text in told), question.lower()) if len(told) >= 2 else None


def _done(task: Task, lines: Sequence[str], i: int) -> str:
    value = _value(lines[i])
    if not value:
        return "there is no value"
    stated = equations(lines[i])
    if any(not equation.holds for equation in stated):
        return "the equation does not hold"
    if stated:
        before = _value(lines[i - 1]) if i else ""
        begins = re.findall(r"\d+(?:\.\d+)?", stated[0].text)
        if before.isdigit() and begins[0] != before:
            return "it does not go on from the value before"
        if not i and task.items and begins[0] not in re.findall(r"\d+", re.split(r"step \d", task.how)[0]):
            return "it does not begin with what is given"
        return "" if begins[-1] == value else "the value is not what comes out"
    if task.items and not {*value.lower().split()} <= {*re.findall(r"[\w'-]+", task.how)}:
        return "an item came from nowhere"
    changes = i < len(task.items) and re.search(r"drop|remove|delete|add|repeat|insert|append", task.items[i])
    if i and not changes and sorted(value.split()) != sorted(_value(lines[i - 1]).split()):
        return "items came or went"
    return ""


def _last_value(task: Task, lines: Sequence[str], answer: str) -> str:
    if task.items and len(lines) < len(task.items):
        return "steps are missing"
    same = re.findall(r"[\w'-]+", answer.lower()) == re.findall(r"[\w'-]+", _value(lines[-1]).lower())
    right = same or str(number_of(answer)) == _value(lines[-1])
    return "" if right else "the answer is not the last value"


def _amount(question: str) -> Task | None:
    told = [part for part in re.split(r"(?<=[.!?])\s+", question) if re.search(r"\d", part)]
    counted = re.search(r"how (?:many|much)|number of|\bfind\b|\btotal\b|in the end|\bleft\b|\bnow\b", question.lower())
    numbers = re.findall(r"\d+", question)
    other = re.search(r"->|\d:\d\d|\b(?:in|since) (?:19|20)\d\d\b", question)
    fits = counted and len(told) >= 2 and len(numbers) >= 3 and not other
    return (
        Task((), "story")
        if fits and not (has_passage(question) or _procedure(question) or lists_numbers(question))
        else None
    )


def _chain(question: str) -> Task | None:
    parts = re.split(r"(?<=[.!?])\s+", question.strip())
    said = [re.sub(r"^.*:\s*", "", squeeze(part)).rstrip(".!?") for part in parts]
    rules = [part for part in said if re.match(r"(?:every|all|no|if|each)\b", part, re.IGNORECASE)]
    facts = [part for part in said if part not in rules and re.match(r"\w+ (?:is|are) \w", part)]
    asks = r"\b(?:is|are|does|do|must)\s+\w+[^.?]*\?|is it (?:true|right)|say yes or no"
    yes_or_no = re.search(asks, question, re.IGNORECASE)
    other = re.search(r"\b(?:which|who|whom|whose)\b", question, re.IGNORECASE)
    if len(rules) < 2 or not facts or not yes_or_no or other:
        return None
    return Task(tuple(part.lower() for part in said), " ".join(part.lower() for part in parts if part.endswith("?")))


def _follows(task: Task, lines: Sequence[str], i: int) -> str:
    parts = [squeeze(part).rstrip(".").lower() for part in re.split(r"(?<=\.)\s+", lines[i]) if part.strip()]
    if len(parts) < 2 or not parts[-1].startswith("so "):
        return "a step names a rule and what follows"
    known = {*task.items, *(_conclusion(line) for line in lines[:i])}
    unknown = next((part for part in parts[:-1] if part not in known), None)
    if unknown:
        return f"nobody said {unknown!r}"
    fact = parts[0] if len(parts) > 2 else _conclusion(lines[i - 1]) if i else ""
    rule = re.fullmatch(r"(every|all|each|no) (\w+) (?:is|are) (.+)", parts[-2])
    if rule is None or not fact:
        return ""
    who, what = fact.split()[0], f"not {rule[3]}" if rule[1] == "no" else rule[3]
    applies = re.search(rf"\b{re.escape(rule[2])}$", fact)
    return "" if applies and parts[-1] == f"so {who} is {what}" else "this does not follow from the fact and the rule"


def _chain_ends(task: Task, lines: Sequence[str], answer: str) -> str:
    last, said = _conclusion(lines[-1]), re.match(r"\W*(yes|no|true|false)\b", answer.lower())
    if task.how and not {*last.split()} - {"is", "not", "a", "an"} <= {*re.findall(r"\w+", task.how)}:
        return "the last step is not what is asked"
    if said is None or " not " in task.how:
        return ""
    return "" if (said[1] in ("no", "false")) == (" not " in last) else "the answer is not what the last step says"


def _conclusion(line: str) -> str:
    return squeeze(re.split(r"(?<=\.)\s+", line.strip())[-1]).rstrip(".").lower().removeprefix("so ")


def _value(line: str) -> str:
    return squeeze(line.rsplit("value", 1)[1]).strip(" .:") if "value" in line else ""


PROCEDURE = Form(
    "Do each step of the task in turn, and write the value after it.",
    "Step 1: what is done, value what comes out",
    _procedure,
    _done,
    _last_value,
)
CHAIN = Form(
    "Write each fact that follows, with the fact and the rule that give it.",
    "Step 1: fact. Rule. So new fact.",
    _chain,
    _follows,
    _chain_ends,
)
AMOUNT = Form(
    "Take what happens in order, and write the amount after it.",
    "Step 1: what happens, value amount",
    _amount,
    _done,
    _last_value,
)
