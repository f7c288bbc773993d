"""A back-end for tests that warns by the standard library's log, as libraries do, and then answers."""

import logging

from models.backend import ModelSpec
from models.scripted import Scripted
from models.types import Request


def open_backend(name: str, spec: ModelSpec) -> Scripted:
    return Scripted(name, say)


def say(request: Request) -> str:
    logging.getLogger("library").warning("odd %s", "thing")
    logging.getLogger("library").info("the prompt was %r", request.messages[-1].text)
    return "I have said it."
