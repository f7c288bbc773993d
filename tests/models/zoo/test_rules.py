"""Rules from demonstrations: one rule for ever in testing, a new one each time in training, and examples that tell."""

import random
import re
from collections import defaultdict

import pytest

from models.zoo import wordings_rules
from models.zoo.check import check
from models.zoo.languages import AUTOMATA, LAST, alphabet, belongs, lexicon, near_miss
from models.zoo.question import Question, Wordings
from models.zoo.rulebook import CATEGORY_OF, Rule, invent, parse
from models.zoo.rules import TASKS, demonstrations
from models.zoo.wordlists import CATEGORIES, CODENAMES, CONTENT, LABELS, LANGUAGES, SPELLED, TEST_CODENAMES
from tests.models.zoo.wording import strange_words

NAMED = ("label", "letter_rule", "number_rule")
WORDINGS = tuple(value for value in vars(wordings_rules).values() if isinstance(value, Wordings))


def made(task: str, split: str, n: int = 200) -> list[Question]:
    """n questions of a task."""
    rng = random.Random(f"{task}-{split}")
    return [TASKS[task](rng, split) for _ in range(n)]


def codename(question: Question) -> str:
    """The codename in the question."""
    return next(name for name in (*CODENAMES, *TEST_CODENAMES) if name in question.question)


def asked(question: Question) -> str:
    """The number or word that is asked about, read from the question."""
    if question.task == "label":
        return str(next(word for word in re.findall(r"\w+", question.question) if word in CATEGORY_OF))
    return str(re.findall(r'\d+|(?<=")[a-z]+(?=")', question.question)[0])


def by_letters(change: str, part: str, word: str) -> str:
    """The letter rules, written another way."""
    letters = list(word)
    if change == "begun":
        letters = [*part, *letters]
    elif change == "backwards":
        letters.reverse()
    elif change == "moved":
        letters.append(letters.pop(0))
    elif change == "doubled":
        letters = [letter for letter in letters for _ in (1, 2)]
    else:
        letters = letters[:1] if change == "first" else letters[-1:]
    return "".join(letters)


def by_number(change: str, part: str, number: str) -> int:
    """The number rules, written another way."""
    if change == "digit":
        return int(number[-1])
    if change == "times":
        return sum([int(number)] * int(part))
    return int(number) + (int(part) if change == "add" else -int(part))


def by_walk(language: str, letters: str) -> bool:
    """Whether the letters are a word: every walk of the automaton, not one look-up after the other."""
    edges = [(a, letter, b) for a, row in AUTOMATA[language].items() for letter, b in row.items()]
    states = {0}
    for letter in letters:
        states = {b for a, by, b in edges if by == letter and a in states}
    return LAST in states


@pytest.mark.parametrize("split", ["train", "test"])
def test_the_answers_are_right_when_recomputed(split: str) -> None:
    for q in made("label", split):
        labels = dict(part.split("=") for part in parse(str(q.rule)).parts[:-1])
        assert q.answer == next(labels[name] for name in labels if asked(q) in CATEGORIES[name])
    for q in made("letter_rule", split):
        rule = parse(str(q.rule))
        assert q.answer == by_letters(rule.change, rule.parts[0], asked(q))
    for q in made("number_rule", split):
        rule = parse(str(q.rule))
        assert int(q.answer) == by_number(rule.change, rule.parts[0], asked(q))
        assert 0 <= int(q.answer) <= 99
    for q in made("pattern", split):
        language = next(name for name in LANGUAGES if name in q.question)
        assert q.answer == ("yes" if by_walk(language, asked(q)) else "no")
        assert q.worked == f"{' '.join(asked(q))}. Answer: {q.answer}"


def test_in_testing_a_codename_has_one_rule_for_ever_and_in_training_another_each_time() -> None:
    for task in NAMED:
        rules: dict[str, set[str]] = defaultdict(set)
        for q in made(task, "test", 400):
            rules[codename(q)].add(str(q.rule).rsplit("|", 1)[0])
        assert len(rules) == 4
        assert all(len(seen) == 1 for seen in rules.values())
        rules.clear()
        for q in made(task, "train", 400):
            rules[codename(q)].add(str(q.rule).rsplit("|", 1)[0])
        assert sum(len(seen) > 1 for seen in rules.values()) > 30


def test_the_rules_of_testing_are_those_that_were_published() -> None:
    found = {str(q.rule).rsplit("|", 1)[0] for q in (*made("letter_rule", "test"), *made("number_rule", "test"))}
    assert found == {
        "letter_rule|Amberix|backwards",
        "letter_rule|Corvano|doubled",
        "letter_rule|Delphor|moved",
        "letter_rule|Frandel|begun|ka",
        "number_rule|Gildrin|add|7",
        "number_rule|Heskan|subtract|4",
        "number_rule|Jalvor|times|2",
        "number_rule|Kindrel|digit",
    }


@pytest.mark.parametrize("task", NAMED)
@pytest.mark.parametrize("split", ["train", "test"])
def test_demonstrations_follow_the_rule_of_the_question_about_other_inputs(task: str, split: str) -> None:
    rng = random.Random(2)
    for q in made(task, split):
        n = rng.randint(1, 6)
        demos = demonstrations(q, rng, n, split)
        assert len({asked(demo) for demo in demos} - {asked(q)}) == n
        for demo in demos:
            assert codename(demo) == codename(q)
            assert str(demo.rule).rsplit("|", 1)[0] == str(q.rule).rsplit("|", 1)[0]
            assert check(demo, demo.reply) == 1.0
        if task == "label" and n >= 3:
            assert CATEGORY_OF[asked(q)] in {CATEGORY_OF[asked(demo)] for demo in demos}


def test_three_demonstrations_of_a_number_rule_tell_the_answer() -> None:
    rng = random.Random(3)
    rivals = [("digit", "")] + [(c, str(k)) for c in ("add", "subtract", "times") for k in range(1, 10)]
    for q in made("number_rule", "train"):
        demos = demonstrations(q, rng, 3, "train")
        fit = [r for r in rivals if all(by_number(*r, asked(demo)) == int(demo.answer) for demo in demos)]
        assert {by_number(*r, asked(q)) for r in fit} == {int(q.answer)}


@pytest.mark.parametrize("task", ["shown", "pattern"])
def test_demonstrations_of_the_other_tasks_are_about_the_same_rule_or_language(task: str) -> None:
    rng = random.Random(4)
    for q in made(task, "train", 60):
        demos = demonstrations(q, rng, 3, "train")
        inputs = {str(one.rule).rsplit("|", 1)[1] for one in (q, *demos)}
        assert len(inputs) == 4
        assert {str(one.rule).rsplit("|", 1)[0] for one in demos} == {str(q.rule).rsplit("|", 1)[0]}


def test_demonstrations_of_a_language_leave_out_what_is_asked() -> None:
    q = next(one for one in made("pattern", "train") if one.answer == "yes")
    assert asked(q) not in {asked(demo) for demo in demonstrations(q, random.Random(7), 3000, "train")}


def test_demonstrations_refuse_what_they_cannot_give() -> None:
    rng = random.Random(5)
    with pytest.raises(ValueError, match="ask for fewer"):
        demonstrations(made("number_rule", "test", 1)[0], rng, 500, "test")
    with pytest.raises(ValueError, match="no rule"):
        demonstrations(Question("x-1", "words", "x", "?", "a", "a", "word"), rng, 2, "test")


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_shown_rule_follows_from_its_examples(split: str) -> None:
    kinds = set()
    for q in made("shown", split):
        pairs = re.findall(r'"?(\w+)"? -> "?(\w+)"?', q.question)
        rule = parse(str(q.rule))
        given = rule.parts[-1]
        kinds.add(rule.change)
        assert 3 <= len(pairs) <= 4
        assert given not in dict(pairs)
        if rule.change == "":
            assert {out for one, out in pairs if CATEGORY_OF[one] == CATEGORY_OF[given]} == {q.answer}
        elif q.checker == "number":
            rivals = [("digit", "")] + [(c, str(k)) for c in ("add", "subtract", "times") for k in range(1, 10)]
            fit = [r for r in rivals if all(by_number(*r, one) == int(out) for one, out in pairs)]
            assert {by_number(*r, given) for r in fit} == {int(q.answer)}
        else:
            part = rule.parts[0]
            assert all(by_letters(rule.change, part, one) == out for one, out in pairs)
            assert by_letters(rule.change, part, given) == q.answer
    assert len(kinds) == 11


def test_the_working_of_a_shown_rule_holds() -> None:
    for q in made("shown", "train", 300):
        said = str(q.worked)
        for left, sign, right, result in re.findall(r"(\d+) ([-+*]) (\d+) = (\d+)", said):
            a, b = int(left), int(right)
            assert {"+": a + b, "-": a - b, "*": a * b}[sign] == int(result)
        for one, result in re.findall(r"(\w+) -> (\w+)", said):
            assert f"{one} -> {result}" in q.question
        for spelled, result in re.findall(r"\. ([a-z](?: [a-z])+): ([a-z ]+)\.", said):
            assert f'"{spelled.replace(" ", "")}"' in q.question
            assert result.replace(" ", "") == q.answer


@pytest.mark.parametrize("task", [*NAMED, "shown"])
def test_the_checker_takes_the_reply_and_the_working_and_no_near_miss(task: str) -> None:
    for q in made(task, "test"):
        assert check(q, q.reply) == 1.0
        assert (q.worked is None) == (task != "shown")
        assert q.worked is None or (q.worked.endswith(f"Answer: {q.answer}") and check(q, q.worked) == 1.0)
        assert check(q, str(int(q.answer) + 300) if q.checker == "number" else f"{q.answer}x") == 0.0


def test_the_checker_takes_the_right_one_of_yes_and_no() -> None:
    for q in made("pattern", "test"):
        assert check(q, q.reply) == 1.0
        assert check(q, str(q.worked)) == 1.0
        assert check(q, "no" if q.answer == "yes" else "yes") == 0.0


@pytest.mark.parametrize("wordings", WORDINGS)
def test_a_wording_of_testing_is_new_but_its_words_are_not(wordings: Wordings) -> None:
    assert strange_words(wordings) == set()


def test_no_content_of_testing_is_drawn_in_training() -> None:
    assert len(WORDINGS) == 5
    for task in NAMED:
        assert {codename(q) for q in made(task, "train", 2000)} <= set(CODENAMES)
        assert {codename(q) for q in made(task, "test", 500)} <= set(TEST_CODENAMES)
    for task in ("shown", "pattern"):
        trained = {q.rule for q in made(task, "train", 2000)}
        assert not trained & {q.rule for q in made(task, "test", 2000)}


def test_half_of_the_rows_are_words_and_the_others_miss_by_one_letter() -> None:
    asks = made("pattern", "test", 1000)
    assert 440 < sum(q.answer == "yes" for q in asks) < 560
    for q in asks[:100]:
        if q.answer == "no":
            language = next(name for name in LANGUAGES if name in q.question)
            w = asked(q)
            near = (w[:i] + c + w[i + 1 :] for i in range(len(w)) for c in alphabet(language))
            assert any(belongs(language, one) for one in near)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_has_hundreds_of_words_of_four_to_seven_letters(language: str) -> None:
    words = lexicon(language)
    assert len(words) == len(set(words)) > 700
    assert {len(w) for w in words} == {4, 5, 6, 7}
    assert 5 <= len(alphabet(language)) <= 6
    assert all(by_walk(language, w) for w in words)
    parts = {w[:i] for w in words[:200] for i in range(len(w))}
    assert {belongs(language, w) for w in parts} == {True, False}
    assert all(belongs(language, w) == by_walk(language, w) for w in parts)
    rng = random.Random(8)
    assert not any(by_walk(language, near_miss(rng, language)) for _ in range(200))


def test_a_rule_is_read_back_as_it_was_written() -> None:
    rng = random.Random(6)
    for kind in NAMED * 30:
        rule = invent(rng, kind)
        assert parse(str(rule)) == rule
    assert Rule("letter_rule", "X", "begun", ("ka",)).apply("lamp") == "kalamp"


def test_the_lists_of_words_do_not_overlap() -> None:
    words = [word for row in CATEGORIES.values() for word in row]
    invented = [*LABELS, *(name.lower() for name in (*CODENAMES, *TEST_CODENAMES, *LANGUAGES))]
    assert len(words) == len(set(words))
    assert len(invented) == len(set(invented))
    assert not set(words) & {*SPELLED, *LABELS}
    assert not set(invented) & {*SPELLED, *CONTENT}
    assert len(CATEGORIES) >= 6
    assert min(map(len, CATEGORIES.values())) >= 10
    assert (len(LABELS), len(CODENAMES), len(TEST_CODENAMES)) == (40, 48, 12)
