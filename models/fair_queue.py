"""A line for turns that is fair to callers: they are served in rounds, one waiting call of each, not first come.

J. Nagle (1987), "On Packet Switches with Infinite Storage": one queue for each source, served round-robin, so that a
source that sends much delays itself alone. P. E. McKenney (1990), "Stochastic Fairness Queueing": when the room for
waiting is used up, the longest queue gives way.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Hashable

Turn = asyncio.Future[None]
"""Done when it is the call's turn; cancelled if nobody waits for it any more."""


class FairQueue:
    """The calls that wait, by caller; whoever's turn it was last is served last."""

    def __init__(self) -> None:
        self._lines: OrderedDict[Hashable, deque[Turn]] = OrderedDict()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def join(self, caller: Hashable) -> Turn:
        """Wait in the caller's line."""
        turn: Turn = asyncio.get_running_loop().create_future()
        self._lines.setdefault(caller, deque()).append(turn)
        self._count += 1
        return turn

    def leave(self, caller: Hashable, turn: Turn) -> None:
        """Wait no longer; it leaves no gap."""
        line = self._lines.get(caller)
        if line is not None and turn in line:
            line.remove(turn)
            self._count -= 1
            if not line:
                del self._lines[caller]

    def next(self) -> Turn | None:
        """The next one's turn, in rounds over the callers; None if nobody waits."""
        while self._lines:
            caller, line = self._lines.popitem(last=False)
            turn = line.popleft()
            self._count -= 1
            if line:
                self._lines[caller] = line
            if not turn.done():
                return turn
        return None

    def sweep(self) -> None:
        """Let go the turns whose calls were given up a moment ago and have not left yet."""
        for caller, line in list(self._lines.items()):
            for turn in [one for one in line if one.done()]:
                self.leave(caller, turn)

    def give_way(self, caller: Hashable) -> Turn | None:
        """The youngest turn of the longest line, which leaves it, if that is longer than the caller's would become."""
        if not self._lines:
            return None
        greedy = max(self._lines, key=lambda one: len(self._lines[one]))
        if len(self._lines[greedy]) <= len(self._lines.get(caller, ())) + 1:
            return None
        turn = self._lines[greedy][-1]
        self.leave(greedy, turn)
        return turn
