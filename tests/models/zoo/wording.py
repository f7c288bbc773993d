"""What the tests of every family ask of its wordings."""

from models.zoo.question import Wordings
from tests.models.zoo.draws import unseen


def strange_words(wordings: Wordings) -> set[str]:
    """The words and whole templates of testing that are wrong: a word no template of training has, one trained on."""
    assert len(wordings.train) >= 17
    assert len(wordings.test) >= 5
    assert len({*wordings.train, *wordings.test}) >= 22
    return unseen(wordings) | (set(wordings.test) & set(wordings.train))
