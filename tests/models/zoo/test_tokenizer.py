"""The tokenizer loses nothing, spells what it does not know, and is the same in every weights folder."""

import pytest
from transformers import PreTrainedTokenizerFast

from models.zoo import BASE, LARGE, weights
from models.zoo.tokenizer import MAX_LENGTH, build
from models.zoo.words import SPELLED

TEXTS = (
    "What is 345 + 278?",
    'Spell "planet" backwards.',
    "Zürich, Łódź and 東京 cost 5 €.",
    "a\n\n  b\tc",
    "x = f(y) // 3 😀",
    "",
)


@pytest.fixture(scope="module")
def words() -> PreTrainedTokenizerFast:
    return build()


@pytest.mark.parametrize("text", TEXTS)
def test_any_text_comes_back_unchanged(words: PreTrainedTokenizerFast, text: str) -> None:
    assert words.decode(words(text, add_special_tokens=False)["input_ids"]) == text


def test_digits_stand_alone(words: PreTrainedTokenizerFast) -> None:
    assert words.tokenize("345") == ["3", "4", "5"]


@pytest.mark.parametrize("word", SPELLED[:20])
def test_a_word_to_be_spelled_falls_apart_into_letters(words: PreTrainedTokenizerFast, word: str) -> None:
    assert words.tokenize(f'"{word}"') == ['"', *word, '"']


def test_a_conversation_is_laid_out_with_the_end_mark_as_stop(words: PreTrainedTokenizerFast) -> None:
    turns = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}]
    text = words.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    assert text == "<|bos|><|system|>Be brief.<|end|><|user|>Hello<|end|><|assistant|>"
    assert words.eos_token == "<|end|>"
    assert words.model_max_length == MAX_LENGTH


def test_base_and_large_have_the_same_tokenizer() -> None:
    files = [(weights(name) / "tokenizer.json").read_bytes() for name in (BASE, LARGE)]
    assert len(set(files)) == 1
