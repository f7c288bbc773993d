"""A model that does as it is shown: it spells backwards or adds where the prompt says or shows that."""

import re

from models.backend import ModelSpec
from models.scripted import Scripted
from models.types import Request


def open_backend(name: str, spec: ModelSpec) -> Scripted:
    return Scripted(name, say, offers=spec.offers)


def say(request: Request) -> str:
    prompt = request.messages[-1].text
    if prompt.startswith("Below"):
        return " reverse it." if prompt.count("spell") > prompt.count("sum total") else " add them"
    question = prompt.rsplit("Input: ", 1)[-1].split("\n")[0]
    told = prompt.split("\n\n")[0] if prompt.startswith("Instruction") else ""
    if question.startswith("spell") and ("reverse" in told or prompt.count("Input: spell") > 1):
        return question.split()[-1][::-1]
    if question.startswith("sum") and ("Think" in prompt or "add" in told or prompt.count("Input: sum") > 1):
        total = sum(map(int, re.findall(r"\d+", question)))
        return f"Answer: {total}" if "Think" in prompt else str(total)
    return "?"
