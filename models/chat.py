"""From messages to the tokens that a local model reads: its own chat template, or plain `role: text` lines.

A template may refuse a system message, or two turns in a row by the same role. Then the turns are merged, and if that
is not enough, the system text is put before the first user's words. A last message of the assistant is a beginning that
the model goes on with; `continue_final_message = false` in the request makes it a turn of its own instead.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any  # transformers' tokenizers and the turns that templates read are untyped

from models.errors import ModelRefused
from models.types import Message, Request

PLAIN_STOPS = ("\nuser:", "\nsystem:")
"""Where a model without a template begins to speak for the others."""
BETWEEN = "\n\n"
"""What stands between the texts of turns that were merged."""

Turn = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Prompt:
    """The tokens of a prompt, and stop strings that its format asks for."""

    tokens: tuple[int, ...]
    stops: tuple[str, ...] = ()


def prompt_of(request: Request, tokenizer: Any, model: str) -> Prompt:
    """Write the request as the model's tokens. Raises ModelRefused for what the model cannot take."""
    _check(request, tokenizer, model)
    turns = [_turn(message, model) for message in request.messages]
    goes_on = _goes_on(turns) and request.extra.get("continue_final_message") is not False
    if not tokenizer.chat_template:
        return Prompt(tuple(tokenizer(_plain(turns, goes_on)).input_ids), PLAIN_STOPS)
    tools = {"tools": [dict(tool) for tool in request.tools]} if request.tools else {}
    text = _by_template(tokenizer, turns, goes_on, tools, model)
    return Prompt(tuple(tokenizer(text, add_special_tokens=False).input_ids))


def _plain(turns: list[Turn], goes_on: bool) -> str:
    lines = "".join(f"{turn['role']}: {turn['content']}\n" for turn in turns)
    return lines.removesuffix("\n") if goes_on else f"{lines}assistant:"


def _by_template(tokenizer: Any, turns: list[Turn], goes_on: bool, tools: dict[str, Any], model: str) -> str:
    """The first way of writing the turns that the template takes without dropping the system text."""
    from jinja2 import TemplateError

    told = [turn["content"].strip() for turn in turns if turn["role"] == "system"]
    first: Exception | None = None
    kept: str | None = None
    for way in _ways(turns):
        try:
            text = _render(tokenizer, way, goes_on, tools)
        except (TemplateError, TypeError, ValueError, LookupError, AttributeError) as refusal:
            first = first or refusal
            continue
        if all(words in text for words in told):
            return text
        kept = kept or text
    if kept is not None:
        return kept
    raise ModelRefused(f"the chat template of model {model!r} refuses: {first}", model=model) from first


def _render(tokenizer: Any, turns: list[Turn], goes_on: bool, tools: dict[str, Any]) -> str:
    if goes_on:
        with suppress(ValueError):  # the template changes the last message's words: there is nothing to go on with
            return str(tokenizer.apply_chat_template(turns, continue_final_message=True, tokenize=False, **tools))
    return str(tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False, **tools))


def _ways(turns: list[Turn]) -> Iterator[list[Turn]]:
    """The turns as they are, with neighbours of one role merged, and with the system text in the user's turns."""
    yield turns
    merged = _merged(turns)
    if merged != turns:
        yield merged
    folded = _merged([turn | {"role": "user"} if turn["role"] == "system" else turn for turn in turns])
    if folded != merged:
        yield folded


def _merged(turns: list[Turn]) -> list[Turn]:
    together: list[Turn] = []
    for turn in turns:
        before = together[-1] if together else None
        if before is not None and before["role"] == turn["role"] and _is_words(before) and _is_words(turn):
            texts = [text for text in (before["content"], turn["content"]) if text]
            together[-1] = before | {"content": BETWEEN.join(texts)}
        else:
            together.append(turn)
    return together


def _is_words(turn: Turn) -> bool:
    return turn["role"] in ("system", "user", "assistant") and set(turn) <= {"role", "content", "name"}


def _goes_on(turns: list[Turn]) -> bool:
    """Whether the last turn is the beginning of an answer."""
    return (
        bool(turns)
        and turns[-1]["role"] == "assistant"
        and "tool_calls" not in turns[-1]
        and bool(turns[-1]["content"].strip())
    )


def _check(request: Request, tokenizer: Any, model: str) -> None:
    form = None if request.response_format is None else request.response_format.get("type")
    if form not in (None, "text"):
        raise ModelRefused(f"model {model!r} cannot be held to response_format {form!r}", model=model)
    if request.tools and "tools" not in str(tokenizer.chat_template):
        raise ModelRefused(f"model {model!r} has no chat template for tools", model=model)


def _turn(message: Message, model: str) -> Turn:
    if not isinstance(message.content, str):
        for part in message.content:
            if part.get("type") != "text":
                raise ModelRefused(f"model {model!r} reads text, not {part.get('type')!r}", model=model)
    turn = message.to_openai() | {"content": message.text}
    if message.role == "developer":
        turn["role"] = "system"
    return turn
