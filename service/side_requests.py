"""Side requests: what chat apps ask for themselves (titles, tags, follow-ups, ...), told apart from what people ask.

An app may say so itself (Open WebUI: the header `X-OpenWebUI-Task`, or `metadata.task`). Otherwise the prompt is known
by how it begins and how it ends, in a request of one user message and no answers: whoever quotes such a prompt in a
chat, or asks something about it, gets an ordinary answer. Open WebUI also begins a question with documents by
"### Task:"; that is none. The prompts: open_webui/config.py of Open WebUI; src/utils/title.ts of LibreChat's agents,
and the client of LibreChat before those.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from models.types import Request
from router.types import Decision
from service.wire import ChatBody, Turn

TITLE, TAGS, FOLLOW_UPS, AUTOCOMPLETE, QUERIES = "title", "tags", "follow_ups", "autocomplete", "queries"
IMAGE_PROMPT, EMOJI, MERGE, TOOL_CHOICE = "image_prompt", "emoji", "merge", "tool_choice"

TASKS: Final = {
    "title_generation": TITLE,
    "tags_generation": TAGS,
    "follow_up_generation": FOLLOW_UPS,
    "autocomplete_generation": AUTOCOMPLETE,
    "query_generation": QUERIES,
    "image_prompt_generation": IMAGE_PROMPT,
    "emoji_generation": EMOJI,
    "moa_response_generation": MERGE,
    "function_calling": TOOL_CHOICE,
}
"""Open WebUI's names of its tasks."""

TASK_HEADER = "x-openwebui-task"
HISTORY_END = r"</chat_history>\s*\Z"
PROMPTS: Final = tuple(
    (kind, re.compile(begins, re.IGNORECASE), re.compile(ends, re.IGNORECASE))
    for kind, begins, ends in (
        (TITLE, r"### Task:\s+Generate a concise(?:, [\d-]+ word)? title\b", HISTORY_END),
        (TAGS, r"### Task:\s+Generate [\d-]+ broad tags\b", HISTORY_END),
        (FOLLOW_UPS, r"### Task:\s+Suggest [\d-]+ relevant follow-?up\b", HISTORY_END),
        (QUERIES, r"### Task:\s+Analyze the chat history to determine the necessity of generating", HISTORY_END),
        (IMAGE_PROMPT, r"### Task:\s+Generate a detailed prompt for an?m? image generation task\b", HISTORY_END),
        (AUTOCOMPLETE, r"### Task:\s+You are an autocompletion system\b", r"</text>\s*#{1,4} Output:\s*\Z"),
        (EMOJI, r"Your task is to reflect the speaker's likely facial expression", r"\nMessage: ```[\s\S]*```\s*\Z"),
        (
            MERGE,
            r"You have been provided with a set of responses from various models to the latest user query\b",
            r"\nResponses from models:",
        ),
        (TITLE, r"Provide a concise, 5-word-or-less title for the conversation\b", r"\n\nConversation:\n"),
        (TITLE, r"Please generate a concise, 5-word-or-less title for the conversation\b", r"\|\|>Title:\s*\Z"),
        (
            TITLE,
            r"Analyze this conversation and provide:\s+1\. The detected language of the conversation",
            r"\n\n(?:User|Human): ",
        ),
        (
            TITLE,
            r"Please generate a concise title \(max \d+ characters\) for a conversation that starts with",
            r"\bTitle:\s*\Z",
        ),
    )
)
TOOL_PROMPT = re.compile(r"Available Tools: [\s\S]*(?:\"tool_calls\": \[|Return an empty string if no tools match)")
TOOL_QUESTION = re.compile(r"(?:Query: |History:\n)")
UNFILLED = re.compile(r"\{\{ ?(?:MESSAGES|prompt|TOOLS|TYPE)|\{convo\}")
"""A template as its documentation shows it: somebody asks about it."""

THINKING, SWITCH = "thinking", "chat_template_kwargs"
"""What a model offers that knows the switch, and the field of the body that is the switch."""


def side_of(body: ChatBody, headers: Mapping[str, str]) -> str | None:
    """The kind of side request that this is; None for what a person asks."""
    metadata = (body.model_extra or {}).get("metadata")
    for named in (headers.get(TASK_HEADER), metadata.get("task") if isinstance(metadata, dict) else None):
        if kind := TASKS.get(str(named or "").lower().removeprefix("tasks.")):
            return kind
    said = [turn for turn in body.messages if turn.role not in ("system", "developer")]
    told = [turn for turn in body.messages if turn.role in ("system", "developer")]
    if len(said) > 1 or any(turn.role != "user" for turn in said):
        return None
    if not said:  # LibreChat once sent its title prompts as a system message alone
        said = told[-1:]
    text = _text(said[0]).lstrip() if said else ""
    if told and TOOL_QUESTION.match(text) and TOOL_PROMPT.match(_text(told[-1]).lstrip()):
        return TOOL_CHOICE
    for kind, begins, ends in PROMPTS:
        if begins.match(text):
            return kind if ends.search(text) and not UNFILLED.search(text) else None
    return None


def unthinking(decision: Decision, offers: Callable[[str], frozenset[str]]) -> Decision:
    """A side request goes out with thinking switched off, where every model that may answer it offers "thinking".

    A title of a few words is lost when a model spends the request's tokens on thinking. The switch is a field of the
    body (`chat_template_kwargs`, which vLLM, SGLang and llama.cpp know) that other servers may refuse, and a fallback
    gets the same request: so it is sent only where the settings of all of them say `offers = ["thinking"]`. The log
    keeps the request as it came; one that says itself whether to think is left as it is.
    """
    request = decision.seen or decision.query.request
    if decision.query.origin.side is None or SWITCH in request.extra:
        return decision
    if not all(THINKING in offers(arm.model) for arm in decision.propensities):
        return decision
    return replace(decision, seen=replace(request, extra={**request.extra, SWITCH: {"enable_thinking": False}}))


def as_question(request: Request) -> Request:
    """A side request that came as a system message alone, as a question: models answer users."""
    if any(message.role == "user" for message in request.messages):
        return request
    *before, last = request.messages
    return replace(request, messages=(*before, replace(last, role="user")))


def _text(turn: Turn) -> str:
    if isinstance(turn.content, list):
        return "\n".join(part.text for part in turn.content if part.text)
    return turn.content or ""
