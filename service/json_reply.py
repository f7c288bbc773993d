"""A reply as JSON, written by orjson."""

from typing import Any  # JSON

from fastapi.responses import Response

from models.quick_json import dumps


class JsonReply(Response):
    """As starlette's JSONResponse, in a fifth of its time."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """The body."""
        return dumps(content)
