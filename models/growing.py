"""Text that grows token by token: the readable difference after each step, cut at the first stop string."""

from collections.abc import Callable, Sequence

BROKEN = "\ufffd"
"""What a decoder writes for bytes that are no character yet; one character may span several tokens."""


class GrowingText:
    """Turns the tokens so far into the text to show next; holds back half characters and what may become a stop.

    Only the latest tokens are decoded again at each step, so a long answer costs no more per token than a short one.
    """

    def __init__(self, decode: Callable[[Sequence[int]], str], stops: Sequence[str] = ()) -> None:
        self._decode = decode
        self._stops = [stop for stop in stops if stop]
        self._before = self._read = 0
        self._held = ""
        self.stopped = False
        """Whether a stop string came up; nothing is shown from there on."""

    def grow(self, tokens: Sequence[int], last: bool = False) -> str:
        """What can be shown now, given all tokens of the answer so far; `last` lets go of what is held back."""
        if self.stopped:
            return ""
        self._held += self._fresh(tokens, last)
        ends = [self._held.find(stop) for stop in self._stops if stop in self._held]
        if ends:
            self.stopped = True
            return self._held[: min(ends)]
        keep = 0 if last else max((_overlap(self._held, stop) for stop in self._stops), default=0)
        shown, self._held = self._held[: len(self._held) - keep], self._held[len(self._held) - keep :]
        return shown

    def stops(self, tokens: Sequence[int]) -> bool:
        """Whether a stop string has come up, given all tokens of the answer so far."""
        self.grow(tokens)
        return self.stopped

    def _fresh(self, tokens: Sequence[int], last: bool) -> str:
        known = self._decode(tokens[self._before : self._read])
        whole = self._decode(tokens[self._before :])
        if not last and (whole.endswith(BROKEN) or len(whole) <= len(known)):
            return ""
        self._before, self._read = self._read, len(tokens)
        return whole[len(known) :]


def _overlap(text: str, stop: str) -> int:
    """The length of the longest ending of the text that begins the stop string."""
    return next((n for n in range(min(len(text), len(stop) - 1), 0, -1) if text.endswith(stop[:n])), 0)
