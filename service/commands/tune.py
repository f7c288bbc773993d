"""`tune`: everything that is fitted from the log, fitted again; what passes its gate is promoted, if that is wanted."""

import asyncio
import json
import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any  # JSON

from router.policies import policies as there_are
from router.tuning import Challenger, TooLittle, Trial, compare, steps, variants
from service import log
from service.commands.fitted import Fitted, refitted
from service.commands.off_policy import known, past, ticking
from service.commands.paper import paper
from service.commands.trials import as_told, show
from service.house import opened_store
from service.sections import Settings
from service.versioned import Serving, serving
from store import Store

CHALLENGERS = ("layered", "thompson", "nearest", "clusters", "logistic", "linucb")


@dataclass(frozen=True, slots=True)
class Report:
    """What was found: the policy's trial, the other things that are fitted, and the version that came of it.

    `trial` is None where the log holds too little to compare policies by; `short` says how much that is.
    """

    trial: Trial | None
    fitted: Sequence[Fitted]
    promoted: int | None = None
    short: str = ""


def tune(settings: Settings, policies: Sequence[str] = (), *, apply: bool, as_json: bool, budget: int = 0) -> int:
    """Compare challengers with the policy in use on the log, print the report, and with `apply` promote the best.

    `policies` are the challengers' names (none: the usual ones and the incumbent's variants). Only a lower bound of
    the gain above zero promotes. A log too short for that may still tell of raters, costs and gates; one without any
    judgement raises TooLittle. `budget` calls may be made to fit mixtures of prompts. Raises UserError, StoreError.
    """
    log.configure(logging.WARNING)
    names = known(policies)
    report = asyncio.run(_tune(settings, names, apply, budget))
    if as_json:
        sys.stdout.write(json.dumps(_told(report), ensure_ascii=False, allow_nan=False, indent=2) + "\n")
    else:
        _show(report, settings, apply)
    return 0


def roll_back(settings: Settings, version: int) -> int:
    """Use an earlier version again; 0 is none, so that the settings alone say what serves. Raises UnknownVersion."""
    log.configure(logging.WARNING)
    asyncio.run(_roll_back(settings, version))
    told = "no version: what the settings say" if version == 0 else f"version {version}"
    sys.stdout.write(f"In use from the next start on: {told}.\n")
    return 0


async def _tune(settings: Settings, names: Sequence[str], apply: bool, budget: int) -> Report:
    async with opened_store(settings) as store:
        now = await asyncio.to_thread(serving, settings.router, store.policies)
        log_so_far = await asyncio.to_thread(past, store)
        try:
            # By the file alone, as a version that is kept will serve: what is in use brings its own parameters.
            traffic = log_so_far.traffic(settings.router.spec())
        except TooLittle as short:
            if not log_so_far.feedback:
                raise
            found = await refitted(settings, store, log_so_far, apply=apply, budget=budget)
            return Report(None, found, short=str(short))
        challengers = candidates(now, names)
        with ticking("policies", steps(len(challengers))) as tick:
            trial = await asyncio.to_thread(compare, traffic, challengers, now.challenger, tick=tick)
        fitted = await refitted(settings, store, log_so_far, apply=apply, budget=budget)
        promoted = await _promote(store, trial) if apply else None
    return Report(trial, fitted, promoted)


def candidates(now: Serving, names: Sequence[str] = ()) -> list[Challenger]:
    """Who is compared with what is in use: the policies named, or the usual ones and other parameters of its own."""
    wanted = names or [name for name in CHALLENGERS if name in there_are()]
    own = now.challenger
    others = [replace(one, params={**own.params, **one.params}) for one in variants(own.policy)]
    found = [Challenger(name) for name in wanted] + ([] if names else others)
    return [one for one in found if one != own]


async def _promote(store: Store, trial: Trial) -> int | None:
    """Keep the best challenger as a version and use it; None where nobody passed."""
    best = trial.best
    if best is None:
        return None
    fitted = {"policy": best.challenger.policy, "params": dict(best.challenger.params)}
    version = await store.policies.add(best.challenger.policy, fitted, as_told(trial))
    await store.policies.promote(version)
    return version


async def _roll_back(settings: Settings, version: int) -> None:
    async with opened_store(settings) as store:
        if version == 0:
            await store.policies.withdraw()
        else:
            await store.policies.promote(version)


def _told(report: Report) -> dict[str, Any]:
    trial = report.trial
    best = None if trial is None else trial.best
    return {
        **({"policies": [], "notes": [report.short]} if trial is None else as_told(trial)),
        "best": None if best is None else str(best.challenger),
        "fitted": [{"what": one.what, "lines": list(one.lines)} for one in report.fitted],
        "promoted": report.promoted,
    }


def _show(report: Report, settings: Settings, apply: bool) -> None:
    console = paper()
    if report.trial is None:
        console.print(f"Policies are not compared: {report.short}.", markup=False)
    else:
        show(report.trial, console)
    for section in report.fitted:
        console.print()
        console.print(section.what, style="bold", markup=False)
        for line in section.lines:
            console.print(line, markup=False)
    console.print()
    best = None if report.trial is None else report.trial.best
    if report.trial is None:
        console.print("No policy is promoted.", markup=False)
    elif best is None:
        console.print("Nothing is promoted: no gain has a lower bound above zero.", markup=False)
    elif report.promoted is None:
        console.print(f"{best.challenger} passes the gate; --apply would promote it.", markup=False)
    else:
        console.print(
            f"Promoted {best.challenger} as version {report.promoted}, in use from the next start on; "
            "--rollback goes back.",
            markup=False,
        )
        if "policy" in settings.router.model_fields_set:
            console.print("The settings name router.policy, which wins over it: take that line out.", markup=False)
