"""From messages to the tokens that a local model reads: its own chat template, or plain `role: text` lines."""

from dataclasses import dataclass
from typing import Any  # transformers' tokenizers are untyped

from models.errors import ModelRefused
from models.types import Message, Request

PLAIN_STOPS = ("\nuser:", "\nsystem:")
"""Where a model without a template begins to speak for the others."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """The tokens of a prompt, and stop strings that its format asks for."""

    tokens: tuple[int, ...]
    stops: tuple[str, ...] = ()


def prompt_of(request: Request, tokenizer: Any, model: str) -> Prompt:
    """Write the request as the model's tokens. Raises ModelRefused for what the model cannot take."""
    _check(request, tokenizer, model)
    turns = [_turn(message, model) for message in request.messages]
    if not tokenizer.chat_template:
        lines = "".join(f"{turn['role']}: {turn['content']}\n" for turn in turns)
        return Prompt(tuple(tokenizer(f"{lines}assistant:").input_ids), PLAIN_STOPS)
    from jinja2 import TemplateError

    tools = {"tools": [dict(tool) for tool in request.tools]} if request.tools else {}
    try:
        text = tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False, **tools)
    except TemplateError as refusal:
        raise ModelRefused(f"the chat template of model {model!r} refuses: {refusal}", model=model) from refusal
    return Prompt(tuple(tokenizer(text, add_special_tokens=False).input_ids))


def _check(request: Request, tokenizer: Any, model: str) -> None:
    form = None if request.response_format is None else request.response_format.get("type")
    if form not in (None, "text"):
        raise ModelRefused(f"model {model!r} cannot be held to response_format {form!r}", model=model)
    if request.tools and "tools" not in str(tokenizer.chat_template):
        raise ModelRefused(f"model {model!r} has no chat template for tools", model=model)


def _turn(message: Message, model: str) -> dict[str, Any]:
    if not isinstance(message.content, str):
        for part in message.content:
            if part.get("type") != "text":
                raise ModelRefused(f"model {model!r} reads text, not {part.get('type')!r}", model=model)
    turn = message.to_openai() | {"content": message.text}
    if message.role == "developer":
        turn["role"] = "system"
    return turn
