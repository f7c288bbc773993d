"""`ask`: one question from the shell; the answer on stdout, what goes on meanwhile on stderr."""

import asyncio
import json
import logging
import sys
import time
from contextlib import aclosing

from rich.console import Console
from rich.status import Status
from rich.table import Table

from models.types import Message, Request
from router.types import Decision
from service import log
from service.account import Account
from service.house import opened
from service.router_api import decision_json
from service.sections import Settings
from strategies.core import Noted, Token


def ask(settings: Settings, question: str, model: str, *, explain: bool, as_json: bool) -> int:
    """Ask and print; 0 when there was an answer. Raises UserError, and NoArmLeft when there was none."""
    log.configure(logging.WARNING)
    asyncio.run(_ask(settings, question, model, explain, as_json))
    return 0


async def _ask(settings: Settings, question: str, model: str, explain: bool, as_json: bool) -> None:
    console = Console(stderr=True, highlight=False)
    with console.status("opening the models") as status:
        async with opened(settings) as house:
            status.update("reading the documents")
            await house.documents.wait()
            status.update("choosing")
            begun = time.perf_counter()
            decision = await house.engine.decide(Request((Message("user", question),)), model)
            status.update(f"asking {decision.arm}")
            account = Account(decision, begun)
            async with aclosing(house.run(decision)) as events:
                async for event in events:
                    account.take(event)
                    if isinstance(event, Noted):
                        console.print(event.text, style="dim", markup=False)
                    elif isinstance(event, Token) and not as_json:
                        _write(event.text, status)
            if as_json:
                _print_json(account, question, explain)
            else:
                _write("\n", status)
                if explain:
                    _explain(decision, account)


def _write(text: str, status: Status) -> None:
    status.stop()  # the spinner would draw over the answer
    sys.stdout.write(text)
    sys.stdout.flush()


def _print_json(account: Account, question: str, explain: bool) -> None:
    whole = account.completion()
    answer = whole["choices"][0]["message"]["content"]
    told = {"id": whole["id"], "question": question, "answer": answer, "pointsman": whole["pointsman"]}
    if explain:
        told["decision"] = decision_json(account.decision)
    sys.stdout.write(json.dumps(told, ensure_ascii=False, indent=2) + "\n")


def _explain(decision: Decision, account: Account) -> None:
    """The decision as text: the arm, why, and what was expected of every arm, best first."""
    console = Console(highlight=False)
    told = account.told()
    table = Table("arm", "chance", "quality, 90 %", "rests on", "seconds", box=None, pad_edge=False)
    for arm, estimate in sorted(decision.estimates.items(), key=lambda pair: -pair[1].utility):
        table.add_row(
            str(arm),
            f"{decision.propensities.get(arm, 0.0):.3f}",
            f"{estimate.quality:.2f} ({estimate.low:.2f} to {estimate.high:.2f})",
            f"{estimate.n:.0f}",
            "?" if estimate.seconds is None else f"{estimate.seconds:.2f}",
        )
    console.print()
    console.print(f"{told['arm']} answered in {told['seconds']:.2f} s with {told['calls']} calls.", markup=False)
    if "error" in told:
        console.print(f"It stood in for {told['chosen']}, which failed: {told['error']}", markup=False)
    console.print(decision.why, markup=False)
    console.print(table)
    console.print(f"id: {decision.id}", markup=False)
