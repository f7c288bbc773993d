"""`litellm`, as applications call an OpenAI-compatible server through it."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any  # litellm is untyped

import litellm
import pytest
from litellm.exceptions import NotFoundError

from tests.service.clients.conftest import Stubbed
from tests.service.clients.test_openai import HEARD

QUIET = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::ResourceWarning")
ASKED = [{"role": "user", "content": "How many herons?"}]


@QUIET
@pytest.mark.parametrize("stream", [False, True])
def test_litellm_gets_an_answer(stubbed: Stubbed, stream: bool) -> None:
    call: dict[str, Any] = {"model": "openai/auto", "api_base": f"{stubbed.served.url}/v1", "api_key": "none"}
    answer = completion(**call, stream=stream)
    if stream:
        text = "".join(part.choices[0].delta.content or "" for part in answer)
    else:
        text = answer.choices[0].message.content
        assert answer.usage.total_tokens > 0
    assert text == HEARD


@QUIET
def test_a8_litellm_raises_its_own_error_for_ours(stubbed: Stubbed) -> None:
    call: dict[str, Any] = {"model": "openai/nobody", "api_base": f"{stubbed.served.url}/v1", "api_key": "none"}
    with pytest.raises(NotFoundError, match="nobody"):
        completion(**call)


def completion(**call: Any) -> Any:
    """The answer, got in a thread: in the main one litellm leaves an event loop behind that nobody closes."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(litellm.completion, messages=ASKED, num_retries=0, **call).result()
