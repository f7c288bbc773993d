"""All that an application does with the plain `openai` client: ask, stream, call tools, get data, say what was good.

python examples/sdk/ask.py [--address URL] [--key KEY] [plain] [stream] [tools] [structured]
"""

import argparse
import json
import sys
from collections.abc import Callable

import httpx
from openai import APIStatusError, OpenAI, OpenAIError
from openai.types.chat import (
    ChatCompletionMessageFunctionToolCall,
    ChatCompletionMessageFunctionToolCallParam,
    ChatCompletionMessageParam,
    ChatCompletionToolParam,
)
from pydantic import BaseModel, ValidationError

QUESTION, RIGHT = "What is 17 + 25?", "42"
ABOUT = "How many people live in Paris?"
TOOL: ChatCompletionToolParam = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather in a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
BROKEN = (OpenAIError, httpx.HTTPError, json.JSONDecodeError)
"""How an answer may break off; once a stream has begun, the client passes on what it meets as it is."""


class Place(BaseModel):
    """The form in which an answer is wanted."""

    city: str
    people: int


def plain(client: OpenAI) -> None:
    """A whole answer; `model="auto"` leaves model and strategy to the router, within the limits given."""
    answer = client.chat.completions.create(
        model="auto",
        messages=[{"role": "user", "content": QUESTION}],
        user="ada",
        extra_body={"pointsman": {"quality": 0.5, "max_calls": 4, "conversation": "an-example"}},
    )
    told = (answer.model_extra or {})["pointsman"]
    text = answer.choices[0].message.content or ""
    say(f"{text}\n[{told['arm']}, {told['calls']} calls: {told['why']}]")
    judge(client, answer.id, good=RIGHT in text)


def stream(client: OpenAI) -> None:
    """The same word by word; what was done comes with the last chunk."""
    answer_id, arm, text = "", "", ""
    chunks = client.chat.completions.create(
        model="auto",
        messages=[{"role": "user", "content": QUESTION}],
        stream=True,
        stream_options={"include_usage": True},
    )
    for chunk in chunks:
        answer_id, arm = chunk.id, (chunk.model_extra or {}).get("pointsman", {}).get("arm", arm)
        if chunk.choices and chunk.choices[0].delta.content:
            text += chunk.choices[0].delta.content
            sys.stdout.write(chunk.choices[0].delta.content)
            sys.stdout.flush()
    say(f"\n[{arm}]")
    judge(client, answer_id, good=RIGHT in text)


def tools(client: OpenAI) -> None:
    """The model calls a function, and answers with what it returned; such requests go to one model as they are."""
    messages: list[ChatCompletionMessageParam] = [{"role": "user", "content": "What is the weather in Paris?"}]
    asked = client.chat.completions.create(model="auto", messages=messages, tools=[TOOL]).choices[0].message
    calls = [call for call in asked.tool_calls or () if call.type == "function"]
    if not calls:
        say(f"no tool was called: {asked.content}")
        return
    messages.append({"role": "assistant", "content": asked.content, "tool_calls": [as_it_came(call) for call in calls]})
    for call in calls:
        say(f"{call.function.name}({call.function.arguments})")
        city = json.loads(call.function.arguments).get("city", "?")
        messages.append({"role": "tool", "tool_call_id": call.id, "content": f"Rain in {city}."})
    say(client.chat.completions.create(model="auto", messages=messages, tools=[TOOL]).choices[0].message.content or "")


def as_it_came(call: ChatCompletionMessageFunctionToolCall) -> ChatCompletionMessageFunctionToolCallParam:
    """A call of the model's, for the next request."""
    function = call.function
    return {"id": call.id, "type": "function", "function": {"name": function.name, "arguments": function.arguments}}


def structured(client: OpenAI) -> None:
    """An answer as an object of a class; a correction says what it should have been."""
    answer = client.chat.completions.parse(
        model="auto", messages=[{"role": "user", "content": ABOUT}], response_format=Place
    )
    say(repr(answer.choices[0].message.parsed))
    right = Place(city="Paris", people=2_100_000).model_dump_json()
    client.post("/feedback", body={"id": answer.id, "correction": right, "rater": "ada"}, cast_to=object)


def judge(client: OpenAI, answer_id: str, *, good: bool) -> None:
    """Say what an answer was worth: its id is the feedback's, and the key makes a repeat count once."""
    thumb = "up" if good else "down"
    judged = {"id": answer_id, "thumb": thumb, "rater": "ada", "idempotency_key": f"example-{answer_id}"}
    client.post("/feedback", body=judged, cast_to=object)


def say(text: str) -> None:
    """One line of output."""
    sys.stdout.write(f"{text}\n")


SHOWN: dict[str, Callable[[OpenAI], None]] = {
    "plain": plain,
    "stream": stream,
    "tools": tools,
    "structured": structured,
}


def main() -> None:
    """Show what was named, or everything; a model that cannot do one of them says so."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--address", default="http://127.0.0.1:8000")
    parser.add_argument("--key", default="none", help="an API key, where the service asks for one")
    parser.add_argument("what", nargs="*", metavar="|".join(SHOWN), help="what to show; everything by default")
    given = parser.parse_args()
    if unknown := set(given.what) - SHOWN.keys():
        parser.error(f"there is no {', '.join(sorted(unknown))}")
    with OpenAI(base_url=f"{given.address}/v1", api_key=given.key) as client:
        for name in given.what or SHOWN:
            say(f"--- {name}")
            try:
                SHOWN[name](client)
            except APIStatusError as error:
                words = error.body.get("message") if isinstance(error.body, dict) else error.message
                say(f"refused ({error.status_code}): {words}")
            except ValidationError:
                say("the answer has not the form that was asked for; this model is not held to schemas")
            except BROKEN as error:
                say(f"\nno whole answer: {str(error) or type(error).__name__}")


if __name__ == "__main__":
    main()
