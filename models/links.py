"""Images and files that a request names by address: a model's server may fetch them, this process never does.

litellm fetches them itself for providers that want the bytes. Whoever may ask a question could so have this machine
call any address, inside the user's network too.
"""

from collections.abc import Iterator
from typing import Any  # JSON

from models.errors import ModelRefused
from models.types import Request

PASSED_ON = frozenset({"openai", "hosted_vllm", "mistral", "groq", "deepseek", "lm_studio"})
"""Providers for which litellm hands the address on as it stands."""
SCHEMES = ("http:", "https:", "ftp:", "file:", "gs:", "s3:")


def refuse_links(request: Request, provider: str, model: str) -> None:
    """Let a request with addresses pass only where they are handed on. Raises ModelRefused."""
    if provider in PASSED_ON:
        return
    for address in _addresses([part for one in request.messages for part in _parts(one.content)]):
        raise ModelRefused(
            f"model {model!r} takes images and files only as data: URLs, not from {address[:60]!r}", model=model
        )


def _parts(content: Any) -> list[Any]:
    return [] if isinstance(content, str) else [part for part in content if part.get("type") != "text"]


def _addresses(value: Any) -> Iterator[str]:
    """Every text in these parts that is an address."""
    if isinstance(value, str) and value.lstrip()[:8].lower().startswith(SCHEMES):
        yield value
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _addresses(one)
    elif hasattr(value, "values"):
        yield from _addresses(list(value.values()))
