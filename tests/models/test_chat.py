"""Prompts by chat template, with templates as models bring them, and what becomes of turns that they refuse."""

from pathlib import Path
from typing import Any  # tokenizers are untyped

import pytest
from transformers import AutoTokenizer

from models.chat import PLAIN_STOPS, prompt_of
from models.errors import ModelRefused
from models.types import Message, Request
from tests.models.tiny import write_tiny

GEMMA = (
    "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "{% for m in messages %}{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}"
    "{{ '<' + ('model' if m['role'] == 'assistant' else m['role']) + '>' + m['content'] | trim + '</>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<model>' }}{% endif %}"
)
ALTERNATING = (
    "{% set loops = messages %}{% if messages[0]['role'] == 'system' %}"
    "{% set loops = messages[1:] %}{{ '[SYS]' + messages[0]['content'] + '[/SYS]' }}{% endif %}"
    "{% for m in loops %}{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('roles must alternate') }}{% endif %}"
    "{% if m['role'] == 'user' %}{{ '[I]' + m['content'] + '[/I]' }}{% else %}{{ m['content'] + '.' }}{% endif %}"
    "{% endfor %}"
)
SILENT = (
    "{% for m in messages %}{% if m['role'] != 'system' %}{{ m['role'] + '=' + m['content'] + ';' }}{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}{{ 'assistant=' }}{% endif %}"
)
SAYING = "{% for m in messages %}{{ m['role'] + '=' + m['content'] + ';' }}{% endfor %}{{ 'assistant=' }}"


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return AutoTokenizer.from_pretrained(write_tiny(Path(tmp_path_factory.mktemp("tiny")), template=None))


def written(tokenizer: Any, template: str | None, *turns: str, **extra: Any) -> str:
    """The prompt in words, for turns written as `role: text`."""
    tokenizer.chat_template = template
    messages = tuple(Message(role, text) for role, _, text in (turn.partition(": ") for turn in turns))
    return str(tokenizer.decode(prompt_of(Request(messages, extra=extra), tokenizer, "tiny").tokens))


def test_a_system_message_that_the_template_refuses_goes_before_the_first_question(tokenizer: Any) -> None:
    assert written(tokenizer, GEMMA, "system: Be brief.", "user: Hi") == "<user>Be brief.\n\nHi</><model>"


def test_turns_of_one_role_in_a_row_are_merged_where_the_template_refuses_them(tokenizer: Any) -> None:
    assert written(tokenizer, GEMMA, "user: A", "user: B", "assistant: C", "user: D") == (
        "<user>A\n\nB</><model>C</><user>D</><model>"
    )


def test_merging_leaves_the_system_message_where_the_template_takes_one(tokenizer: Any) -> None:
    prompt = written(tokenizer, ALTERNATING, "system: Be brief.", "user: A", "user: B")
    assert prompt == "[SYS]Be brief.[/SYS][I]A\n\nB[/I]"


def test_a_system_message_in_the_middle_becomes_the_users(tokenizer: Any) -> None:
    prompt = written(tokenizer, ALTERNATING, "user: A", "assistant: B", "system: Now rhyme.", "user: C")
    assert prompt == "[I]A[/I]B.[I]Now rhyme.\n\nC[/I]"


def test_a_system_message_that_the_template_drops_in_silence_is_kept(tokenizer: Any) -> None:
    assert written(tokenizer, SILENT, "system: Be brief.", "user: Hi") == "user=Be brief.\n\nHi;assistant="


def test_turns_that_the_template_takes_are_left_as_they_are(tokenizer: Any) -> None:
    assert written(tokenizer, SAYING, "system: S", "user: A", "user: B") == "system=S;user=A;user=B;assistant="


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("{{ raise_exception('only on Sundays') }}", "only on Sundays"),
        ("{% for m in messages %}", "Unexpected end of template"),
        ("{{ 1 + messages[0]['content'] }}", "unsupported operand"),
    ],
)
def test_a_template_that_fails_is_a_refusal_with_its_reason(tokenizer: Any, template: str, why: str) -> None:
    with pytest.raises(ModelRefused, match=rf"template of model 'tiny' refuses.*{why}"):
        written(tokenizer, template, "system: S", "user: A")


def test_the_beginning_of_an_answer_is_gone_on_with(tokenizer: Any) -> None:
    assert written(tokenizer, GEMMA, "user: Count.", "assistant: One, two,") == "<user>Count.</><model>One, two,"
    assert written(tokenizer, GEMMA, "system: S", "user: A", "assistant: B") == "<user>S\n\nA</><model>B"
    assert written(tokenizer, None, "user: Count.", "assistant: One,") == "user: Count.\nassistant: One,"


def test_a_last_turn_of_the_assistant_is_a_whole_one_if_the_request_says_so(tokenizer: Any) -> None:
    prompt = written(tokenizer, SAYING, "user: A", "assistant: B", continue_final_message=False)
    assert prompt == "user=A;assistant=B;assistant="
    assert written(tokenizer, None, "user: A", "assistant: B", continue_final_message=False).endswith("B\nassistant:")


def test_an_answer_that_the_template_rewrites_is_a_whole_turn(tokenizer: Any) -> None:
    template = SAYING.replace(
        "m['content'] +", "(m['content'] | upper if m['role'] == 'assistant' else m['content']) +"
    )
    assert written(tokenizer, template, "user: a", "assistant: b").endswith("assistant=B;assistant=")


def test_an_empty_beginning_is_none(tokenizer: Any) -> None:
    assert written(tokenizer, None, "user: A", "assistant: ").endswith("assistant: \nassistant:")


def test_a_model_without_a_template_reads_lines_and_stops_at_the_others(tokenizer: Any) -> None:
    tokenizer.chat_template = None
    prompt = prompt_of(Request((Message("developer", "S"), Message("user", "A"))), tokenizer, "tiny")
    assert tokenizer.decode(prompt.tokens) == "system: S\nuser: A\nassistant:"
    assert prompt.stops == PLAIN_STOPS
