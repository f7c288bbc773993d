"""What a user's next turn says of the answer before it, unasked: that it was wrong, that it did not help, thanks.

Such signals are cheap and plentiful and often misread, so they weigh little, come from a rater of their own
(`implicit`), and name their kind in the log. Looked for are words at the beginning of the turn, in a handful of
languages, and the same question once more.
"""

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass

RATER = "implicit"
ASKED_AGAIN = "asked_again"
NEAR = 0.9
"""The least cosine of two wordings of one question, by the packaged embedder; it alone does not tell 25 from 26."""
LONGEST = 4000
BEGINNING = 200
"""Characters of a turn in which it may turn to the answer before it."""

SIDE = re.compile(r"\s*### Task:")
"""How chat programs begin what they ask for themselves: titles, tags, follow-ups."""

LEAD = "no nope sorry hm+ well but wait ok okay thanks thx nein aber danke non mais merci pero não mas nee maar"
"""What may stand before it, as often as it likes. Words are set apart by spaces here and below."""
IT = "(?:that|this|it|(?:the|your) answer)"
NOT_SO = r"(?:(?:still|just|simply|completely|totally|quite)\s+)*"
WRONG = (
    rf"{IT}(?:['’]?s| is| was)\s+{NOT_SO}(?:wrong|incorrect|false)\b(?!\s+(?:that|of|to)\b)",
    rf"{IT}(?:['’]?s not| is not| was not| isn['’]?t| wasn['’]?t)\s+"
    rf"{NOT_SO}(?:(?:right|correct|true)\b(?!\s+(?:that|of|to)\b)|what i (?:asked|meant|wanted))",
    r"you(?:['’]?re| are| were)\s+(?:still\s+)?(?:wrong|mistaken|incorrect)\b",
    r"(?:wrong|incorrect|falsch)\s*(?:[.!,:;]|$)",
    r"wrong answer|not what i (?:asked|meant|wanted)|you misunderstood|try again",
    r"(?:(?:das|dies|es|(?:die|deine|ihre) antwort) )?(?:ist |war )?(?:so |leider |aber )*"
    r"(?:stimmt (?:so |leider |aber )*nicht|nicht (?:richtig|korrekt|wahr))",
    r"(?:das|dies|es|(?:die|deine|ihre) antwort) (?:ist|war) (?:so |leider |aber )*falsch",
    r"c['’]est (?:faux|incorrect|une erreur)|ce n['’]est pas (?:ça|correct|juste|vrai|ce que)",
    r"(?:eso|esto) (?:no es (?:correcto|cierto|verdad|lo que)|est[áa] mal|es (?:falso|incorrecto))|te equivocas",
    r"(?:questo )?(?:non è (?:corretto|giusto|vero|quello che)|è sbagliato)|ti sbagli",
    r"(?:isso )?(?:não está (?:certo|correto)|está errado)",
    r"dat (?:klopt niet|is (?:fout|niet (?:juist|waar|goed)))",
    r"(?:это )?(?:неверно|неправильно)|это не так|to nieprawda|to jest źle",
    r"不对|不對|错了|錯了|違います|間違って|틀렸",
)
GLAD = "ok okay great perfect super cool nice awesome wonderful excellent yes ah oh toll prima parfait perfecto"
THANKS = (
    r"thanks|thank you|thx|many thanks|danke(?: dir| ihnen| sch[öo]n)?|dankesch[öo]n|vielen dank|merci",
    r"(?:muchas )?gracias|grazie|(?:muito )?obrigad[oa]|dank je|dank u|bedankt|спасибо|dzięki",
    r"dziękuję|谢谢|謝謝|ありがとう|감사합니다",
)
VERY = r"(?:\s+(?:so much|very much|a lot|again|sehr|beaucoup|bien|mille|muito|wel|for (?:the|your|this|that)\s+\w+))*"
BUT = re.compile(r"\b(?:but|aber|mais|pero|ma|mas|maar|но)\b", re.IGNORECASE)


def _beginning(lead: str, any_of: tuple[str, ...], rest: str = "") -> re.Pattern[str]:
    """What a turn begins with, after as many words of the lead as it likes."""
    first = "|".join(lead.split())
    return re.compile(rf"(?:(?:{first})\b[\s,.!:;-]*)*(?:{'|'.join(any_of)}){rest}", re.IGNORECASE)


IS_WRONG = _beginning(LEAD, WRONG)
IS_THANKS = _beginning(GLAD, THANKS, VERY + r"\s*(?:$|[.!,;:)]|[^\w\s])")
_MORE = "another more next continue further else weiter mehr noch andere autre encore plus otro otra más altro ancora"
ONWARD = frozenset(_MORE.split())
"""Who says this again asks for more of the same, and does not complain."""
_SMALL = (
    "a an the is are was were do does did of in on at to for and or me my i you your it its please again but so just "
    "what which who whom that how why when where can could would will s ask asked said tell give know want need "
    "der die das ein eine ist sind und oder mir ich du sie es bitte nochmal noch aber was wer wie warum wann wo kannst "
    "le la les un une est et ou de du moi je tu vous que qui comment pourquoi el los las y o es por favor"
)
SMALL = frozenset(_SMALL.split())
"""Words that any question may have."""


@dataclass(frozen=True, slots=True)
class Signal:
    """What was heard: its kind, what it makes the answer worth (0..1), what it weighs, and in words why."""

    kind: str
    reward: float
    weight: float
    words: str


def heard(before: str, now: str, cosine: float | None) -> Signal | None:
    """What the turn `now` says of the answer to the question `before`; None for most turns.

    `cosine` is that of the embeddings of the two; without it only near-equal wordings count as the same question.
    """
    said = now[:BEGINNING].strip()
    if SIDE.match(now) or SIDE.match(before) or not said:
        return None
    if IS_WRONG.match(said):
        return Signal("correction_signal", 0.0, 0.2, "the next turn says that the answer was wrong")
    if asked_again(before, now, cosine):
        return Signal(ASKED_AGAIN, 0.0, 0.15, "the next turn asks the same again")
    if IS_THANKS.match(said) and not BUT.search(said):
        return Signal("thanks", 1.0, 0.1, "the next turn says thanks")
    return None


def asked_again(before: str, now: str, cosine: float | None) -> bool:
    """Whether two turns ask the same: all words that matter alike, or near in meaning and none of them exchanged.

    Numbers must agree; short turns ("Go on") and turns that ask for more do not count.
    """
    old, new = words(before), words(now)
    if (min(len(old), len(new)) < 3 and len("".join(old)) < 8) or ONWARD & {*old, *new}:
        return False
    if [word for word in old if word.isdigit()] != [word for word in new if word.isdigit()]:
        return False
    lost, added = _unmatched(old, new), _unmatched(new, old)
    if not lost and not added:
        return True
    return cosine is not None and cosine >= NEAR and not (lost and added)


def words(text: str) -> list[str]:
    """The words of a text, in order, whatever their case, their width and the punctuation."""
    return re.findall(r"\w+", unicodedata.normalize("NFKC", text[:LONGEST]).casefold())


def _unmatched(some: Collection[str], others: Collection[str]) -> set[str]:
    """The words that matter and have no like among the others; `reverse` and `reverses` are alike."""
    theirs = set(others) - SMALL
    return {word for word in set(some) - SMALL if not any(_alike(word, other) for other in theirs)}


def _alike(one: str, other: str) -> bool:
    shared = min(len(one), len(other))
    return one == other or (shared >= 4 and abs(len(one) - len(other)) <= 2 and one[:shared] == other[:shared])
