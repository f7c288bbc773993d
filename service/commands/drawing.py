"""Drawing a replay: quality against cost for every policy and arm, or regret along the stream."""

from collections.abc import Sequence
from pathlib import Path

from models.errors import BadRequest
from router.outcomes import OutcomeTable
from router.replay import Plan
from router.verdict import Verdict, Yardstick

SUFFIXES = (".png", ".svg", ".pdf")


def check_drawing(path: Path, table: OutcomeTable, plan: Plan) -> None:
    """Whether it can be drawn. Raises BadRequest, before the work that would be lost."""
    if not path.parent.is_dir():
        raise BadRequest(f"there is no folder {str(path.parent)!r} for the plot", param="plot")
    if path.suffix not in SUFFIXES:
        raise BadRequest(f"a plot is a file ending in {', '.join(SUFFIXES)}, not {path.name!r}", param="plot")
    if plan.feedback == "full" and table.spent is None and len(table.arms) > 2:
        raise BadRequest(
            f"{table.name} knows no cost_usd, seconds or completion_tokens of every arm, and a plot of quality against "
            "cost needs one of them; with --feedback bandit the plot is one of regret",
            param="plot",
        )


def draw(path: Path, yardstick: Yardstick, verdicts: Sequence[Verdict]) -> None:
    """Write the picture: of regret where there is some, else of quality against cost. Raises BadRequest."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 5))
    try:
        if any(one.regrets for one in verdicts):
            for one in verdicts:
                axes.plot([at.queries for at in one.regrets], [at.regret for at in one.regrets], label=one.policy)
            axes.axhline(0.0, color="grey", linestyle="--", label=f"best single arm ({yardstick.arm})")
            axes.set_xlabel("queries of the stream")
            axes.set_ylabel("regret: score by which the best single arm is ahead")
        else:
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
        axes.set_title(f"{yardstick.table.name}, {len(yardstick.table)} queries", fontsize=10)
        axes.legend(fontsize=8)
        figure.tight_layout()
        figure.savefig(path, dpi=120)
    except OSError as wrong:
        raise BadRequest(f"cannot write the plot {str(path)!r}: {wrong.strerror}", param="plot") from wrong
    finally:
        pyplot.close(figure)
