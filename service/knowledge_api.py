"""`/v1/knowledge`: documents in, listed, searched and out."""

from dataclasses import asdict
from typing import Annotated, Any  # Any: JSON

from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import Field, ValidationError
from starlette.datastructures import UploadFile

from models.errors import BadRequest
from service.errors import NotThere
from service.faults import Closed
from service.house import HouseOf
from store.library import DocumentInfo

router = APIRouter(tags=["knowledge"])

Title = Annotated[str, Field(min_length=1, max_length=500)]


class DocumentBody(Closed):
    """A document as text."""

    title: Title
    text: Annotated[str, Field(min_length=1)]


class SearchBody(Closed):
    """What to look for, and how many passages are wanted."""

    query: Annotated[str, Field(min_length=1)]
    k: Annotated[int, Field(ge=1, le=100)] = 5


@router.post("/v1/knowledge", status_code=201)
async def add(request: Request, house: HouseOf, title: str | None = None) -> dict[str, Any]:
    """Take one document in: JSON with title and text, a multipart form with a file, or the bytes as they are.

    Bytes as they are need their media type as content-type, and may have a title in the query string. The same
    document twice is one document.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    library = house.store.library
    if kind == "application/json":
        body = _document(await request.body())
        added = await library.add(body.title, body.text.encode(), "text/plain")
    elif kind == "multipart/form-data":
        async with request.form(max_files=1) as form:
            file = next((value for value in form.values() if isinstance(value, UploadFile)), None)
            if file is None:
                raise BadRequest("the form holds no file", param="file")
            named = form.get("title")
            name = file.filename or "document"
            called = named if isinstance(named, str) and named else title or name
            added = await library.add(called, await file.read(), name)
    elif kind:
        added = await library.add(title or "untitled", await request.body(), kind)
    else:
        raise BadRequest("a document needs a content-type: application/json, multipart/form-data or its own")
    return document_json(added)


@router.get("/v1/knowledge")
async def documents(house: HouseOf) -> dict[str, Any]:
    """All documents."""
    return {"object": "list", "data": [document_json(one) for one in await house.store.library.documents()]}


@router.delete("/v1/knowledge/{document_id}", status_code=204)
async def remove(document_id: str, house: HouseOf) -> Response:
    """Take a document out, with its passages."""
    if not await house.store.library.remove(document_id):
        raise NotThere(f"no document has the id {document_id!r}", param="id")
    return Response(status_code=204)


@router.post("/v1/knowledge/search")
async def search(body: SearchBody, house: HouseOf) -> dict[str, Any]:
    """The passages that fit best by meaning and words, best first; `score` is the cosine."""
    found = await house.store.library.search(body.query, body.k)
    return {"object": "list", "data": [asdict(passage) for passage in found]}


def _document(raw: bytes) -> DocumentBody:
    try:
        return DocumentBody.model_validate_json(raw)
    except ValidationError as wrong:
        raise RequestValidationError([{**one, "loc": ("body", *one["loc"])} for one in wrong.errors()]) from wrong


def document_json(document: DocumentInfo) -> dict[str, Any]:
    """A document of the library, without its text."""
    return {"object": "document", **asdict(document)}
