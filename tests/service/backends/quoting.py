"""A back-end for tests that says its key in the log when it is opened, as a careless library may."""

import logging

from models.backend import ModelSpec
from models.scripted import Scripted


def open_backend(name: str, spec: ModelSpec) -> Scripted:
    logging.getLogger("library").warning("opened with %s", spec.extra["extra_headers"]["x-key"])
    return Scripted(name, lambda _: "I have said it.")
