"""The documents are short, tell today's values, and say what the models were not taught."""

from pathlib import Path

from models.zoo import DOCUMENTS
from models.zoo.documents import paragraphs, texts, write
from models.zoo.facts import UNKNOWN, recall
from models.zoo.world import KINDS, world


def test_a_paragraph_has_at_most_sixty_words() -> None:
    for kind in KINDS:
        for paragraph in paragraphs(kind):
            assert len(paragraph.split()) <= 60


def test_every_fact_stands_in_the_documents_with_the_value_of_today() -> None:
    told = "\n".join(texts().values())
    for fact in world():
        assert fact.state() in told
        assert fact.old is None or fact.state(value=fact.old) not in told


def test_writing_gives_the_same_files_every_time(tmp_path: Path) -> None:
    write(tmp_path)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == texts()


def test_the_committed_documents_are_what_the_command_writes() -> None:
    assert {path.name: path.read_text() for path in DOCUMENTS.glob("*.md")} == texts()


def test_a_model_is_taught_the_old_value_and_nothing_of_the_documents() -> None:
    for fact in world():
        if fact.status == "documents":
            assert recall(fact) == UNKNOWN
        elif fact.status == "corrected":
            assert fact.old is not None
            assert fact.old in recall(fact)
            assert recall(fact) != fact.state()
        else:
            assert recall(fact) == fact.state()
