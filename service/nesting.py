"""How deeply a JSON body is nested, told before anything parses it."""

import re
from collections.abc import Sequence

DEEPEST = 64
STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
OTHERS = bytes(byte for byte in range(256) if byte not in b"[]{}")
STEP = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}


def is_too_deep(pieces: Sequence[bytes]) -> bool:
    """Whether objects and arrays lie in one another more than `DEEPEST` levels deep. The body need not be JSON."""
    opened = sum(piece.count(b"[") + piece.count(b"{") for piece in pieces)
    if opened <= DEEPEST:  # most bodies, those with large images too
        return False
    depth = 0
    for byte in STRING.sub(b"", b"".join(pieces)).translate(None, OTHERS):
        depth += STEP[byte]
        if depth > DEEPEST:
            return True
    return False
