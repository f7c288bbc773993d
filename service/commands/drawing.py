"""Drawing a replay: quality against cost, regret along the stream, or each policy's gain where costs are unknown."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from models.errors import BadRequest
from router.verdict import Verdict, Yardstick

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SUFFIXES = (".png", ".svg", ".pdf")
Z95 = 1.96


def check_drawing(path: Path) -> None:
    """Whether it can be drawn. Raises BadRequest, before the work that would be lost."""
    if not path.parent.is_dir():
        raise BadRequest(f"there is no folder {str(path.parent)!r} for the plot", param="plot")
    if path.suffix not in SUFFIXES:
        raise BadRequest(f"a plot is a file ending in {', '.join(SUFFIXES)}, not {path.name!r}", param="plot")


def draw(path: Path, yardstick: Yardstick, verdicts: Sequence[Verdict]) -> None:
    """Write the picture: of regret where there is some, else of quality against cost, else of gains alone.

    Raises BadRequest where the file cannot be written.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 5))
    try:
        if any(one.regrets for one in verdicts):
            _regret(axes, yardstick, verdicts)
        elif any(one.curve is not None for one in verdicts):
            _by_cost(axes, yardstick, verdicts)
        else:
            _gains(axes, yardstick, verdicts)
        axes.set_title(f"{yardstick.table.name}, {len(yardstick.table)} queries", fontsize=10)
        axes.legend(fontsize=8)
        figure.tight_layout()
        figure.savefig(path, dpi=120)
    except OSError as wrong:
        raise BadRequest(f"cannot write the plot {str(path)!r}: {wrong.strerror}", param="plot") from wrong
    finally:
        pyplot.close(figure)


def _regret(axes: "Axes", yardstick: Yardstick, verdicts: Sequence[Verdict]) -> None:
    for one in verdicts:
        axes.plot([at.queries for at in one.regrets], [at.regret for at in one.regrets], label=one.policy)
    axes.axhline(0.0, color="grey", linestyle="--", label=f"best single arm ({yardstick.arm})")
    axes.set_xlabel("queries of the stream")
    axes.set_ylabel("regret: score by which the best single arm is ahead")


def _by_cost(axes: "Axes", yardstick: Yardstick, verdicts: Sequence[Verdict]) -> None:
    for one in verdicts:
        if one.curve is not None:
            hull = one.curve.hull
            axes.plot(hull.cost, 100 * hull.score, marker=".", label=one.policy)
    for arm in yardstick.arms:
        if arm.cost is not None:
            axes.plot(arm.cost, 100 * arm.score, "k+")
            axes.annotate(arm.arm, (arm.cost, 100 * arm.score), fontsize=7)
    axes.axhline(100 * yardstick.oracle, color="grey", linestyle=":", label="oracle")
    axes.set_xlabel(f"cost of a query ({yardstick.axis})")
    axes.set_ylabel("score, points of 100")


def _gains(axes: "Axes", yardstick: Yardstick, verdicts: Sequence[Verdict]) -> None:
    ranked = sorted(verdicts, key=lambda one: one.score)
    means, errors = [100 * one.gain.mean for one in ranked], [100 * Z95 * one.gain.se for one in ranked]
    axes.errorbar(means, range(len(ranked)), xerr=errors, fmt="o", capsize=3, label="gain and its 95 % interval")
    axes.set_yticks(range(len(ranked)), [one.policy for one in ranked])
    axes.axvline(0.0, color="grey", linestyle="--", label=f"best single arm ({yardstick.arm})")
    axes.set_xlabel("gain over the best single arm, points of 100; the table knows no costs of every arm")
