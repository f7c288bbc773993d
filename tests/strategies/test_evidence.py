"""What an answer claims, what a passage bears out, and the passage inside a message."""

import pytest

from strategies.core.carried import passage_in
from strategies.core.evidence import about, abstains, claims, misplaced, missing, names, phrase, telling
from strategies.core.verify import agree

PASSAGE = "Mira Voss was born in Halden. Mira Voss plays the violin. Ida Brandt lives in Orsk. Tarn opened in 1920."
BORN = "Where was Mira Voss born?"


@pytest.mark.parametrize(
    "message",
    [
        f"Passage: {PASSAGE}\nQuestion: {BORN}",
        f"Question: {BORN}\nPassage: {PASSAGE}",
        f"Read this: {PASSAGE}\nNow answer: {BORN}",
        f"Here is a text.\n{PASSAGE}\nUse it to answer: {BORN}",
        f"{BORN}\nThe answer is in this passage: {PASSAGE}",
        f"<context>{PASSAGE}</context>\n{BORN}",
        f'"""{PASSAGE}"""\n{BORN}',
        f"**Context:**\n{PASSAGE}\n\n{BORN}",
        f"{PASSAGE}\n\n{BORN}",
        f"{BORN} {PASSAGE}",
    ],
)
def test_a_passage_is_found_in_many_layouts(message: str) -> None:
    found = passage_in(message)
    assert found is not None
    assert found.passage == PASSAGE
    assert BORN in found.rest
    assert "violin" not in found.rest


def test_a_labelled_passage_may_have_paragraphs() -> None:
    found = passage_in(f"Passage:\nOne two three four.\n\nFive six seven eight.\n\n{BORN}")
    assert found is not None
    assert found.passage.endswith("Five six seven eight.")


@pytest.mark.parametrize(
    "message",
    [
        BORN,
        "What is 345 + 278?",
        "Tom has 5 red pens. He buys 7 blue pens. He loses one of them. What number of pens does he have?",
        "Anna has some apples. She gives some away. How many are left?",
        "Here is a question for you. Order these words from A to Z: ugemro, ido, osahaz, weah",
        "Text: hello",
        "Write a short story about a dragon. It should be funny. It should rhyme.",
        "",
    ],
)
def test_other_messages_carry_no_passage(message: str) -> None:
    assert passage_in(message) is None


def test_names_are_capitalised_within_a_sentence_or_in_pairs_and_numbers_count() -> None:
    assert names("Mira Voss was born in Halden. She left in 1920. Later came Orsk.") == [
        "Mira", "Voss", "Halden", "1920", "Orsk",
    ]  # fmt: skip
    assert names("Where is it?") == []


def test_a_claim_is_what_the_question_does_not_say() -> None:
    assert claims("Mira Voss was born in Halden.", BORN) == ["Halden"]
    assert claims("She plays the violin.", "What does Mira Voss play?") == ["violin"]
    assert claims("I thought of Lisbon first. Answer: Halden", BORN) == ["Halden"]
    assert claims("Yes.", BORN) == []


@pytest.mark.parametrize(
    ("answer", "absent"),
    [
        ("Mira Voss was born in Halden.", []),
        ("Halden", []),
        ("halden", []),
        ("Lisbon", ["Lisbon"]),
        ("Mira Voss was born in Lisbon in 1920.", ["Lisbon"]),
        ("In 1921.", ["1921"]),
        ("The violin.", []),
        ("The cello.", ["cello"]),
        ("Ida Brandt plays the harp.", ["harp"]),
        ("a violin that is played near home with an unheard melody lasting", ["near", "unheard", "melody", "lasting"]),
    ],
)
def test_claims_that_the_passage_does_not_mention_are_missing(answer: str, absent: list[str]) -> None:
    assert missing(answer, BORN, PASSAGE) == absent


def test_a_finding_quotes_the_last_words_that_are_missing_as_they_stand() -> None:
    assert phrase(["Ida", "Brandt"], "It is Ida Brandt.") == "Ida Brandt"
    assert phrase(["Urban", "Rusk", "Istria"], "Urban Rusk lives in Istria.") == "Istria"
    assert phrase([], "Halden") == ""


def test_a_value_of_somebody_else_is_misplaced() -> None:
    assert misplaced("Mira Voss was born in Orsk.", BORN, PASSAGE)
    assert not misplaced("Mira Voss was born in Halden.", BORN, PASSAGE)
    assert not misplaced("Orsk", BORN, PASSAGE)


def test_a_value_of_somebody_who_is_linked_is_not_misplaced() -> None:
    passage = "The brother of Zeno Thorn is Ida Brandt. Ida Brandt plays the cello. Wanda Yates plays the harp."
    asked = "What does the brother of Zeno Thorn play?"
    assert not misplaced("The brother of Zeno Thorn plays the cello.", asked, passage)
    assert misplaced("The brother of Zeno Thorn plays the harp.", asked, passage)


def test_not_knowing_is_seen() -> None:
    assert abstains("I do not know.")
    assert abstains("Sorry, I can't say.")
    assert not abstains("Halden")


def test_the_telling_sentences_share_most_words_with_the_question() -> None:
    assert telling(BORN, [PASSAGE]) == ["Mira Voss was born in Halden."]
    assert telling("What of Mira Voss?", [PASSAGE]) == ["Mira Voss was born in Halden.", "Mira Voss plays the violin."]


def test_passages_about_the_question_name_what_it_names() -> None:
    rows = ["Ida Voss lives in Orsk.", "Mira Voss lives in Halden.", "Nobody."]
    assert about(BORN, rows) == [rows[1]]
    assert about("Where was Otto Kern born?", rows) == []
    assert about("where is it?", rows) == [rows[0]]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Halden", "Mira Voss was born in Halden.", True),
        ("In halden!", "Halden", True),
        ("Answer: 623", "It is 623.", True),
        ("Halden", "Lisbon", False),
        ("623", "613", False),
        ("yes", "no", False),
        ("Yes.", "yes", True),
    ],
)
def test_two_answers_agree_if_they_say_the_same_beyond_the_question(one: str, other: str, same: bool) -> None:
    assert agree(one, other, BORN) is same
