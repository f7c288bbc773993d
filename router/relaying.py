"""Strategies that pass on what only a plain call can give."""

from collections.abc import Sequence

from models.errors import BadRequest
from models.types import Request
from router.types import Candidate
from strategies.direct import direct


def relaying(candidates: Sequence[Candidate], request: Request) -> Sequence[Candidate]:
    """Where the request wants what only a plain call can give, the strategies that pass it on. Raises BadRequest."""
    wants = {
        "tools": bool(request.tools),
        "response_format": request.response_format is not None,
        "logprobs": request.logprobs,
        "n": request.n > 1,
    }
    asked = [name for name, wanted in wants.items() if wanted]
    left = [one for one in candidates if one.strategy.relays] if asked else candidates
    if request.tools or request.n > 1:
        left = [one for one in left if one.strategy.name == direct.name]
    if not left:
        names = ", ".join(sorted({one.strategy.name for one in candidates}))
        raise BadRequest(f"{asked[0]} cannot be passed on by {names}; use direct or auto", param=asked[0])
    return left
