"""Whether two answers are the same: as options, truth values, mathematics or plain text; and the answer in a reply.

After the graders of Hendrycks et al. 2021, "Measuring Mathematical Problem Solving With the MATH Dataset", and of
Lewkowycz et al. 2022, "Solving Quantitative Reasoning Problems with Language Models"; the rules for units, percentages,
options and rounding are ours and stand beside the code that keeps them.
"""

import re
from dataclasses import dataclass

from strategies.core.latex import boxed, plain_math
from strategies.core.notation import LONGEST
from strategies.core.quantity import Quantities, quantities, same_quantities

VERB = r"(?:is|are|would be|equals|should be)"
MARK = re.compile(
    rf"\banswer[ *_]{{0,4}}(?:{VERB}\b)?[ *_]{{0,4}}[:=][ \t*_]*|\banswer {VERB}\b[ \t*_]*|^####[ \t]*",
    re.IGNORECASE | re.MULTILINE,
)
SENTENCE_END = re.compile(r"(?<![A-Z])(?<!\bDr)(?<!\bMr)(?<!\bSt)(?<!\bMrs)[.!?][*_]*\s+(?=[A-Z])")
LEAD = re.compile(
    r"(?:so|thus|therefore|hence|then|finally),?\s+|=\s*|(?:approximately|about|around|roughly|exactly|only)\s+|"
    r"(?:the|my|our)\s+(?:final |correct |right |exact )?(?:answer|result|value|solution|total)\s*"
    r"(?:is|are|:|=|equals|would be)\s*:?\s*|(?:it|that|this|they|there)(?:'s| is| are| was| were)\s+",
    re.IGNORECASE,
)
OPTION = re.compile(
    r"(?:option |choice )?(?:\(([A-J])\)|([A-J])(?:[).:](?=\s|$)|$))\s*(.*)|(?:option|choice) ([A-J])\b\s*(.*)",
    re.IGNORECASE,
)
OFFERED = re.compile(r"(?:(?<=\s)|^)\(?([A-J])[).:]\s")
TRUE, FALSE = frozenset(["yes", "yeah", "yep", "true", "correct"]), frozenset(["no", "nope", "false", "incorrect"])
TRUTH = re.compile(r"([a-z]+)(?:\s*[,.;:!-]\s.*|\W*)", re.IGNORECASE | re.DOTALL)
WORD = re.compile(r"(?<![\w.])-?\d+(?:[.,:/]\d+)*|\d+(?:[.,:/]\d+)*|[^\W_]+|[+#=<>^%$€£&|~/\\*]")
ARTICLES = frozenset(["a", "an", "the"])
COUNT = re.compile(r"(?<![\w.])-?[$€£]?\d[\d,]*(?:\.\d+)?(?:/\d+)?(?:\s?(?:%|°|[A-Za-z]+\b))?")
ASKS_PERCENT = re.compile(r"(?<![\d.])(?<!\d )\bpercent(?:age)?\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Option:
    """A lettered option, and its text where it is given."""

    letter: str
    text: str


def same_answer(one: str, other: str, question: str = "") -> bool:
    """Whether two answers to a question say the same.

    Equal are numbers, fractions, quantities in units of one kind, lists element by element, equations, and expressions
    with the same value; an option and its letter or its text (from the question); "yes" and "true"; texts but for case,
    punctuation and articles. A sentence with one number in it equals that number. Of more than 300 characters, only the
    words count. See `quantity` for the finer rules.
    """
    return compared(one, other, question) is True


def compared(one: str, other: str, question: str = "") -> bool | None:
    """As `same_answer`; None where a side is prose, so that only its meaning could tell."""
    first, second = bare_answer(one), bare_answer(other)
    if not first or not second:
        return False
    if "".join(first.split()).casefold() == "".join(second.split()).casefold():
        return True
    options = [_option(text) for text in (first, second)]
    if any(options):
        settled = _same_option(options, (first, second), question)
        if settled is not None:
            return settled
    truths = [_truth(text) for text in (first, second)]
    if truths[0] is not None and truths[1] is not None:
        return truths[0] == truths[1]
    left, right = _mathematics(first), _mathematics(second)
    if (left is None or right is None) and _plain(first) == _plain(second):
        return True
    if left is not None or right is not None:
        left, right = left or _counted(first), right or _counted(second)
    if left is None or right is None:
        return None
    return same_quantities(left, right, bool(ASKS_PERCENT.search(question[-4000:])))


def answer_in(reply: str) -> str:
    """The answer of a reply: its last `\\boxed{}`, else what follows its last "Answer:", else its last line."""
    found = marked(reply)
    if found is not None:
        return found
    rows = [row.strip() for row in reply.splitlines() if row.strip(" \t`*_-")]
    return bare_answer(rows[-1]) if rows else ""


def marked(reply: str) -> str | None:
    """What a reply marks as its answer, by `\\boxed{}`, "Answer:", "the answer is" or "####"; None if nothing."""
    inside = boxed(reply)
    if inside:
        return inside
    for match in reversed(list(MARK.finditer(reply))):
        row = reply[match.end() :].lstrip().split("\n", 1)[0]
        first = SENTENCE_END.split(row, maxsplit=1)[0].strip()
        if first.strip(" .*_:"):
            return bare_answer(first)
    return None


def bare_answer(text: str) -> str:
    """The answer without its box, marks, lead-in ("so it is"), emphasis and full stop; white space squeezed."""
    inside = boxed(text) if "boxed" in text else None
    text = " ".join((inside or text).split()).strip(" *_`\"'“”")
    for _ in range(3):
        lead = LEAD.match(text)
        if lead is None or lead.end() == len(text):
            break
        text = text[lead.end() :].lstrip(" *_`\"'“”")
    return re.sub(r"(?<=[^\W\d])!+$", "", text.rstrip(".。 ")).rstrip(" *_`\"'“”.")


def _mathematics(text: str) -> Quantities | None:
    return quantities(plain_math(text)) if len(text) <= LONGEST else None


def _counted(text: str) -> Quantities | None:
    """The one number of a sentence, with its unit; None if there is none, or more than one."""
    found = COUNT.findall(plain_math(text)) if len(text) <= LONGEST else []
    if len(found) != 1:
        return None
    return quantities(found[0].rstrip(".,")) or quantities(found[0].split()[0])


def _option(text: str) -> Option | None:
    match = OPTION.fullmatch(text)
    if match is None:
        return None
    return Option((match[1] or match[2] or match[4]).upper(), (match[3] or match[5] or "").strip(" .:-"))


def _same_option(options: list[Option | None], texts: tuple[str, str], question: str) -> bool | None:
    """Letters decide, with the texts where the question offers no options; None where an option cannot be looked up."""
    one, other = options
    offered = _offered(question)
    if one is not None and other is not None:
        if one.letter == other.letter:
            return not (one.text and other.text) or bool(offered) or compared(one.text, other.text)
        return False
    letter, text = (one, texts[1]) if one is not None else (other, texts[0])
    said = "" if letter is None else letter.text or offered.get(letter.letter, "")
    return compared(said, text) if said else None


def _offered(question: str) -> dict[str, str]:
    """The options of a question, by their letters; empty if it has not at least the first two."""
    found = list(OFFERED.finditer(question[-4000:]))
    ends = [*(match.start() for match in found[1:]), None]
    rows = {m[1]: question[-4000:][m.end() : end].strip() for m, end in zip(found, ends, strict=False)}
    return {name: text.split("\n", 1)[0] for name, text in rows.items()} if {"A", "B"} <= rows.keys() else {}


def _truth(text: str) -> bool | None:
    match = TRUTH.fullmatch(text)
    word = match[1].lower() if match else ""
    return True if word in TRUE else False if word in FALSE else None


def _plain(text: str) -> tuple[str, ...]:
    """The words and numbers of a text, or, if it has none, its signs."""
    text = re.sub(r"(?<=\w)['’](?=\w)|(?<=\b[^\W\d])\.(?=[^\W\d]\b)", "", text.casefold().replace("−", "-"))
    found = [word for word in WORD.findall(text) if word not in ARTICLES]
    return tuple(found) if any(word[-1].isalnum() for word in found) else tuple("".join(text.split()))
