"""Links on which anybody who was given one may judge one answer: signed with a key's digest, never with the key.

The token is HMAC-SHA256 over "feedback:" and the answer's id, the secret being the SHA-256 of an API key in hexadecimal
digits; its first 32 hexadecimal digits are enough. A bot can make it from its own key; a revoked key's links are dead.
"""

import hashlib
import hmac
from collections.abc import Collection

PREFIX = "/v1/feedback/"
DIGITS = 32


def is_link(path: str) -> bool:
    """Whether a path is a link's, which lets in by its token in place of a key."""
    return path.startswith(PREFIX) and "/" not in path[len(PREFIX) :]


def token_of(decision_id: str, digest: str) -> str:
    """The token of an answer's link for the key with this digest."""
    return hmac.new(digest.encode(), f"feedback:{decision_id}".encode(), hashlib.sha256).hexdigest()[:DIGITS]


def signer(decision_id: str, token: str, digests: Collection[str]) -> str | None:
    """The digest of the key that signed it, if it is one of these; all are tried, so that time tells nothing."""
    given = token.encode()
    matches = [one for one in digests if hmac.compare_digest(given, token_of(decision_id, one).encode())]
    return matches[0] if matches else None
