"""LangChain's ChatOpenAI: asked, streamed, with tools, structured."""

from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from tests.service.clients.conftest import Stubbed
from tests.service.clients.test_openai import HEARD, Place

QUESTION = "How many herons?"


@tool
def weather(city: str) -> str:
    """The weather in a city."""
    return f"Rain in {city}."


def model(stubbed: Stubbed) -> ChatOpenAI:
    """A chat model of LangChain's whose server is the service."""
    return ChatOpenAI(model="auto", base_url=f"{stubbed.served.url}/v1", api_key=SecretStr("none"), max_retries=0)


def test_langchain_gets_an_answer_with_its_usage(stubbed: Stubbed) -> None:
    answer = model(stubbed).invoke(QUESTION)
    assert answer.content == HEARD
    assert answer.usage_metadata is not None
    assert answer.usage_metadata["total_tokens"] > 0


def test_langchain_reads_a_stream(stubbed: Stubbed) -> None:
    pieces = [str(piece.content) for piece in model(stubbed).stream(QUESTION)]
    assert "".join(pieces) == HEARD
    assert len([piece for piece in pieces if piece]) > 1


def test_langchain_calls_tools(stubbed: Stubbed) -> None:
    answer = model(stubbed).bind_tools([weather]).invoke(QUESTION)
    assert [(call["name"], call["args"]) for call in answer.tool_calls] == [("weather", {"city": "Paris"})]


def test_langchain_gets_structured_outputs(stubbed: Stubbed) -> None:
    assert model(stubbed).with_structured_output(Place).invoke(QUESTION) == Place(city="Paris", people=2)


def test_langchain_speaks_the_responses_api(stubbed: Stubbed) -> None:
    chat = ChatOpenAI(
        model="auto",
        base_url=f"{stubbed.served.url}/v1",
        api_key=SecretStr("none"),
        max_retries=0,
        use_responses_api=True,
    )
    assert chat.invoke(QUESTION).text == HEARD
    assert "".join(piece.text for piece in chat.stream(QUESTION)) == HEARD
