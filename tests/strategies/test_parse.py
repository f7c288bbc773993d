"""What models write, read back: well-formed, sloppy and broken."""

from fractions import Fraction

import pytest

from strategies.core import parse


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"a": "one", "b": "two"}', {"a": "one", "b": "two"}),
        ('Sure! Here:\n```json\n{"a": "one"}\n```\nBye {', {"a": "one"}),
        ("{'a': 'it is one', 'b': \"two\"}", {"a": "it is one", "b": "two"}),
        ('{"a": "says {x} and }", "b": "c"}', {"a": "says {x} and }", "b": "c"}),
        ("{'a': 'says } too', 'b': 'c',}", {"a": "says } too", "b": "c"}),
        ('{"a": "one", "a": "two"}', None),
        ("{'a': 'one', 'a ': 'two'}", None),
        ('{"a": 1}', None),
        ('{"a": ["one"]}', None),
        ("{'a': __import__('os')}", None),
        ("{**others}", None),
        ('{"a": "one"', None),
        ("no braces", None),
        ("{" * 500, None),
        ("", None),
    ],
)
def test_a_mapping_is_read_from_json_or_python_and_never_run(text: str, found: dict[str, str] | None) -> None:
    assert parse.mapping(text) == found


def test_sections_are_found_whatever_surrounds_their_headings() -> None:
    text = "1. AGREED: a\nb\n## 2. Conflicts:\nnone\n**3. RESOLVED:** c\nUNION\nd"
    assert parse.sections(text, ("AGREED", "CONFLICTS", "RESOLVED", "ALONE", "UNION")) == {
        "AGREED": "a\nb",
        "CONFLICTS": "none",
        "RESOLVED": "c",
        "UNION": "d",
    }


def test_a_heading_inside_a_sentence_is_none() -> None:
    assert parse.sections("We AGREED: yes", ("AGREED",)) == {}


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("FINAL ANSWER: 623", "623"),
        ("so\n**FINAL ANSWER:** one\ntwo", "one\ntwo"),
        ("FINAL ANSWER: a\nFINAL ANSWER: b", "b"),
        ("end with FINAL ANSWER: x", None),
        ("FINAL ANSWER:   ", None),
        ("", None),
    ],
)
def test_what_follows_a_marker_is_all_the_rest(text: str, rest: str | None) -> None:
    assert parse.after(text, "FINAL ANSWER:") == rest


def test_a_line_is_read_to_its_end() -> None:
    assert parse.line("BECAUSE: x\nORDER: 2, 1\nANSWER: y", "ORDER:") == "2, 1"
    assert parse.line("ANSWER:\ny", "ANSWER:") == "y"
    assert parse.line("no", "ANSWER:") is None


def test_facts_are_lines_without_bullets_and_none_is_no_fact() -> None:
    assert parse.facts("- 623\n* it is Halden\n2. three") == ["623", "it is Halden", "three"]
    for nothing in ("none", "None.", "- none", "n/a", "no conflicts", ""):
        assert parse.facts(nothing) == []


def test_tags_are_read_closed_or_not() -> None:
    assert parse.tagged("<sentence>a  b</sentence>\n<Sentence>c\nd<sentence></sentence>", "sentence") == ["a b", "c"]
    assert parse.tagged("none", "sentence") == []


def test_quotes_are_read_straight_and_curly() -> None:
    assert parse.quoted('"one" and “two” but not \'three\' or ""') == ["one", "two"]


@pytest.mark.parametrize(
    ("text", "n", "found"),
    [
        ("2, 1", 2, (2, 1)),
        ("(3) > (1) > (2)", 3, (3, 1, 2)),
        ("1, 1", 2, None),
        ("1", 2, None),
        ("1, 2, 3", 2, None),
        ("0, 1", 2, None),
        ("9" * 5000, 1, None),
        ("", 1, None),
    ],
)
def test_only_a_true_permutation_is_one(text: str, n: int, found: tuple[int, ...] | None) -> None:
    assert parse.permutation(text, n) == found


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("12", 12),
        ("-1,200", -1200),
        ("−7", -7),
        ("٣", 3),
        ("9" * 300, int("9" * 300)),
        ("9" * 5000, None),
        ("2²", None),
        ("²", None),
        ("3.5", None),
        ("--3", None),
        ("ten", None),
        ("", None),
    ],
)
def test_a_whole_number_is_read_unless_it_is_endless(text: str, number: int | None) -> None:
    assert parse.whole(text) == number
    assert parse.exact(text) == (Fraction("3.5") if text == "3.5" else number)


def test_the_final_answer_is_what_follows_the_last_mark_or_all() -> None:
    assert parse.final("Answer: 1\nthen\n**Answer:** 2\n[1] source") == "2"
    assert parse.final(" just this ") == "just this"
    assert parse.final("Answer:") == "Answer:"


def test_sentences_end_at_their_marks() -> None:
    text = 'One is 3.5 m. "Two!" Three\nfour? five'
    assert [text[start:end] for start, end in parse.sentences(text)] == [
        "One is 3.5 m.",
        '"Two!"',
        "Three\nfour?",
        "five",
    ]
