"""Going through items: counting, sorting, keeping the best, spelling backwards; the state is what came of them."""

import re
from collections import Counter
from collections.abc import Sequence

from strategies.core.parse import squeeze, whole
from strategies.core.steps import Form, Task, has_passage, last_number, listed, number_of

ORDER = re.compile(
    r"\bsort|\border\b|\barrange|ascending|descending|alphabet|to (?:the )?(?:smallest|largest|low|high)|"
    r"first letter|starting with the"
)
DOWN = re.compile(
    r"descend|(?:highest|largest|biggest|high|large|big) to |(?:largest|highest|biggest) first|"
    r"with the (?:largest|highest|biggest)|falling|z to a"
)
LEAST = re.compile(r"smallest|lowest|least|minimum|shortest|fewest")
QUOTE = re.compile(r"[\"“'‘]([A-Za-z]+)[\"”'’]")


def _counting(question: str) -> Task | None:
    low = question.lower()
    if not re.search(r"how (?:many|often)|\bcount|number of|how much of", low) or has_passage(question):
        return None
    quoted = QUOTE.findall(question)
    letters = [word for word in quoted if len(word) == 1]
    words = [word for word in quoted if len(word) > 1]
    if len(letters) == 1 and len(words) == 1:
        return Task(tuple(words[0]), letters[0])
    items = listed(question)
    if len(items) < 2 or re.search(r"\d|\b(?:a|an|the)\b", " ".join(items)) or quoted:
        return None
    rest = question.replace(", ".join(items), "")
    named = [item for item in dict.fromkeys(items) if re.search(rf"\b{re.escape(item)}\b", rest)]
    whole = re.search(
        r"how long|\bin all\b|altogether|\b(?:has|have|holds?)\b|are (?:there )?(?:in|on) (?:the|this)", low
    )
    if len(named) > 1 or not (named or (whole and not re.search(r"how often|times|\bof (?:the|these)\b", low))):
        return None
    return Task(items, named[0] if named else "")


def _counted(task: Task, lines: Sequence[str], i: int) -> str:
    counts = [last_number(line) for line in lines[: i + 1]]
    if i >= len(task.items) or squeeze(lines[i].split(",")[0]).strip("\"'").lower() != task.items[i].lower():
        return f"item {i + 1} is another one"
    now, before = counts[i], counts[i - 1] if i else 0
    if now is None or before is None:
        return "there is no count"
    step = 1 if not task.how or task.items[i].lower() == task.how.lower() else 0
    return "" if now - before == step else "the count is wrong"


def _count_ends(task: Task, lines: Sequence[str], answer: str) -> str:
    if len(lines) < len(task.items):
        return "items are missing"
    return "" if number_of(answer) == last_number(lines[-1]) else "the answer is not the last count"


def _sorting(question: str) -> Task | None:
    low = question.lower()
    if not ORDER.search(low) or has_passage(question):
        return None
    items = listed(question)
    numbers = all(whole(item) is not None for item in items)
    if len(items) < 3 or not (numbers or re.search(r"alphabet|first letter|dictionary|a to z", low)):
        return None
    return Task(items, "down" if DOWN.search(low) else "up")


def _sorted(task: Task, lines: Sequence[str], i: int) -> str:
    rest = Counter(task.items)
    for line in lines[:i]:
        rest[squeeze(line.split(",")[0])] -= 1
    left = list(rest.elements())
    item, _, told = lines[i].partition(",")
    if not left:
        return "nothing is left to take"
    values = {text: whole(text) for text in task.items}
    numbers = all(value is not None for value in values.values())
    keyed = (lambda text: (values[text] or 0, "")) if numbers else (lambda text: (0, text.lower()))
    best = (max if task.how == "down" else min)(left, key=keyed)
    if squeeze(item) != best:
        return "this is not the next in order"
    left.remove(best)
    said = re.sub(r"^\W*left\W*", "", told).replace(",", " ").split()
    return "" if sorted(said) == sorted(left) or (not left and said in ([], ["none"])) else "what is left is wrong"


def _sort_ends(task: Task, lines: Sequence[str], answer: str) -> str:
    if len(lines) < len(task.items):
        return "items are missing"
    order = [squeeze(line.split(",")[0]) for line in lines]
    return "" if re.findall(r"[\w'-]+", answer) == order else "the answer is not the order of the steps"


def _best(question: str) -> Task | None:
    low = question.lower()
    most = re.search(r"largest|biggest|highest|greatest|maximum|longest", low)
    items = () if ORDER.search(low) else listed(question)
    if (
        not (most or LEAST.search(low))
        or len(items) < 3
        or any(whole(item) is None for item in items)
        or has_passage(question)
    ):
        return None
    return Task(items, "up" if most else "down")


def _kept(task: Task, lines: Sequence[str], i: int) -> str:
    if i >= len(task.items) or squeeze(lines[i].split(",")[0]) != task.items[i]:
        return f"item {i + 1} is another one"
    best = (max if task.how == "up" else min)(whole(item) or 0 for item in task.items[: i + 1])
    return "" if last_number(lines[i]) == best else "this is not the best so far"


def _best_ends(task: Task, lines: Sequence[str], answer: str) -> str:
    if len(lines) < len(task.items):
        return "items are missing"
    return "" if number_of(answer) == last_number(lines[-1]) else "the answer is not the best item"


def _reversing(question: str) -> Task | None:
    asks = QUOTE.sub("", question).lower()
    if asks.startswith("why") or not re.search(
        r"backwards?|back to front|in reverse|reversed?\b|mirror|from (?:the last|the end|its end)|right to left", asks
    ):
        return None
    words = [word for word in QUOTE.findall(question) if len(word) > 1]
    return Task(tuple(reversed(words[0]))) if len(words) == 1 and not re.search(r"step 1", question.lower()) else None


def _reversed(task: Task, lines: Sequence[str], i: int) -> str:
    letter, _, told = lines[i].partition(",")
    if i >= len(task.items) or squeeze(letter).strip("\"'").lower() != task.items[i].lower():
        return f"letter {i + 1} is another one"
    so_far = "".join(re.findall(r"[A-Za-z]", re.sub(r"^\W*now\b", "", told)))
    return "" if so_far.lower() == "".join(task.items[: i + 1]).lower() else "the letters so far are wrong"


def _reverse_ends(task: Task, lines: Sequence[str], answer: str) -> str:
    if len(lines) < len(task.items):
        return "letters are missing"
    right = "".join(re.findall(r"[A-Za-z]", answer)).lower() == "".join(task.items).lower()
    return "" if right else "the answer is not the letters of the steps"


REVERSE = Form(
    "Take the letters from the last to the first, and write what you have.",
    "Step 1: letter, now letters",
    _reversing,
    _reversed,
    _reverse_ends,
)
SORT = Form(
    "Take the next item in order each time, and write what is left.",
    "Step 1: item, left items",
    _sorting,
    _sorted,
    _sort_ends,
)
BEST = Form(
    "Go through the items in order and keep the best one.",
    "Step 1: item, best item",
    _best,
    _kept,
    _best_ends,
)
COUNT = Form(
    "Go through the items in order and keep the count.",
    "Step 1: item, count so far",
    _counting,
    _counted,
    _count_ends,
)
