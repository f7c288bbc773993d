"""Turning a growing text into pieces to show: stops at stop strings, and holds back what may still change."""

from collections.abc import Sequence

BROKEN = "\N{REPLACEMENT CHARACTER}"  # what half a character decodes to


class Cutter:
    """Fed the whole text so far, returns what is new and safe to show: not half a character, not half a stop string."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops, self._text, self._shown = tuple(stop for stop in stops if stop), "", 0
        self.stopped = False

    def feed(self, text: str, *, last: bool = False) -> str:
        """The next piece; after a stop string was found, what stands before it and then nothing more."""
        if self.stopped:
            return ""
        self._text = text
        found = [at for at in (text.find(stop, max(0, self._shown - 1)) for stop in self._stops) if at >= 0]
        if found:
            self.stopped = True
            return self._show(min(found))
        return self._show(len(text) if last else self._safe(text))

    def rest(self) -> str:
        """What was held back, when no more comes."""
        return "" if self.stopped else self._show(len(self._text))

    def _show(self, end: int) -> str:
        piece = self._text[self._shown : end]
        self._shown = max(self._shown, end)
        return piece

    def _safe(self, text: str) -> int:
        end = len(text.rstrip(BROKEN))
        for stop in self._stops:
            for size in range(min(len(stop) - 1, end), 0, -1):
                if text.endswith(stop[:size], 0, end):
                    end -= size
                    break
        return end
