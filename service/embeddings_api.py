"""`POST /v1/embeddings`: the service's own embedder, in the shape of OpenAI's embeddings."""

import base64
from typing import Annotated, Any, Literal  # Any: JSON

import numpy as np
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, field_validator

from models.errors import BadRequest, UnknownModel
from service.faults import Items
from service.house import HouseOf
from strategies.core.query import Vector

router = APIRouter(tags=["openai"])

Words = Annotated[str, Field(min_length=1)]
MOST = 2048


class EmbeddingBody(BaseModel):
    """The body of a request for embeddings; `model` is auto or the embedder's name."""

    model_config = ConfigDict(extra="ignore")

    input: Words | Annotated[Items[Words], Field(min_length=1, max_length=MOST)]
    model: str = "auto"
    encoding_format: Literal["float", "base64"] | None = "float"
    dimensions: int | None = None

    @field_validator("input", mode="before")
    @classmethod
    def _words(cls, given: object) -> object:
        """Some clients (LangChain, unless told otherwise) send the numbers of OpenAI's own tokens."""
        if isinstance(given, list) and any(isinstance(one, int | list) for one in given):
            raise ValueError("send texts: this embedder cannot read the token numbers of another tokenizer")
        return given


@router.post("/v1/embeddings")
async def embed(body: EmbeddingBody, house: HouseOf) -> dict[str, Any]:
    """Unit embeddings of one text or several, in their order. `usage` counts words: the embedder tells no tokens."""
    embedder = house.embedder
    if body.model not in ("auto", embedder.name):
        raise UnknownModel(f"unknown embedder {body.model!r}; there is {embedder.name}", param="model")
    if body.dimensions not in (None, embedder.size):
        raise BadRequest(f"dimensions: this embedder has {embedder.size}, not {body.dimensions}", param="dimensions")
    texts = [body.input] if isinstance(body.input, str) else body.input
    rows = await embedder.embed(texts)
    words = sum(len(text.split()) for text in texts)
    return {
        "object": "list",
        "model": embedder.name,
        "data": [
            {"object": "embedding", "index": index, "embedding": _coded(row, body.encoding_format)}
            for index, row in enumerate(rows)
        ],
        "usage": {"prompt_tokens": words, "total_tokens": words},
    }


def _coded(row: Vector, form: str | None) -> list[float] | str:
    if form == "base64":
        return base64.b64encode(np.ascontiguousarray(row, dtype="<f4").tobytes()).decode()
    return [float(value) for value in row]
