"""Always the same arm: the default arm of the settings, or the first that asks directly. It learns nothing."""

from collections.abc import Mapping, Sequence

from models.errors import BadSettings
from router.types import Arm, Candidate, Choice, Feedback, RouterSettings
from router.utility import Worth, prices
from router.views import unknown
from strategies.core import Query


def open_policy(settings: RouterSettings) -> "Fixed":
    """The policy. Raises BadSettings if the default arm is not written strategy@model."""
    try:
        arm = None if settings.default_arm is None else Arm.parse(settings.default_arm)
    except ValueError as wrong:
        raise BadSettings(f"router.default_arm: {wrong}") from wrong
    return Fixed(arm, settings)


class Fixed:
    """Chooses with certainty."""

    name = "fixed"

    def __init__(self, arm: Arm | None, settings: RouterSettings) -> None:
        self._arm, self._settings = arm, settings

    def choose(self, query: Query, candidates: Sequence[Candidate]) -> Choice:
        """The default arm if it may answer, else the first candidate that asks directly, else the first."""
        arms = [candidate.arm for candidate in candidates]
        direct = next((arm for arm in arms if arm.strategy == "direct"), arms[0])
        arm = self._arm if self._arm in arms else direct
        if arm == self._arm:
            why = f"{arm} is the default arm of the settings."
        elif self._arm is None:
            why = f"The settings name no default arm; {arm} is the first that may answer."
        else:
            why = f"The default arm {self._arm} may not answer this; {arm} is the first that may."
        dial = self._settings.quality if query.constraints.quality is None else query.constraints.quality
        taken = prices(candidates, dial, Worth.of(self._settings.params))
        return Choice(arm, {a: float(a == arm) for a in arms}, unknown(candidates, taken), why)

    def learn(self, feedback: Feedback) -> None:
        """Nothing to learn."""

    def beliefs(self) -> Mapping[str, object]:
        """The arm it prefers."""
        return {"policy": self.name, "default_arm": None if self._arm is None else str(self._arm)}
