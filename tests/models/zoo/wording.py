"""What the tests of every family ask of its wordings."""

import re

from models.zoo.question import Wordings


def strange_words(wordings: Wordings) -> set[str]:
    """The words and whole templates of testing that are wrong: a word no template of training has, one trained on."""
    assert len(wordings.train) >= 17
    assert len(wordings.test) >= 5
    assert len({*wordings.train, *wordings.test}) >= 22
    return (_words(wordings.test) - _words(wordings.train)) | (set(wordings.test) & set(wordings.train))


def _words(templates: tuple[str, ...]) -> set[str]:
    return {word for text in templates for word in re.findall(r"[a-z]+", re.sub(r"\{\w+\}", " ", text.lower()))}
