"""Golden transcripts: every prompt of a strategy as the model sees it, in order; written anew by

python -m tests.strategies.transcripts
"""

import asyncio
import json
import random
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from models.scripted import Scripted
from models.types import Message, Request
from strategies.core import Passage, find
from strategies.fitted.clusters import Shares
from strategies.fitted.fit_mixture_of_prompts import Demo, ape_prompts
from strategies.mixture_of_prompts import embedded
from tests.strategies.stage import Ran, Shelf, WordEmbedder, run, saying

FOLDER = Path(__file__).parent / "transcripts"
SUM = "What is 345 + 278?"
BORN = "Which river flows through the city where Mira Voss was born?"
TALK = (
    Message("system", "Answer in English."),
    Message("user", "What is 2 + 2?"),
    Message("assistant", "4"),
    Message("user", SUM),
)
ROLES = '{"bookkeeper": "adds column by column", "teacher": "shows the working", "estimator": "rounds first"}'
MERGED = """1. AGREED: 623
2. CONFLICTS: 623 against 613
3. RESOLVED: 623
4. ALONE: none
5. UNION: 623
6. COMBINED: 623
7. CHOICE: combined - it keeps what most experts said
FINAL ANSWER: 623"""
SHELF = Shelf(
    [
        Passage("p1", "Halden lies on the river Orn. Its mayor is Ida Brandt.", "Gazetteer of cities", 0.8),
        Passage("p2", "Mira Voss was born in Halden. Mira Voss plays the violin.", "Register of people", 0.7),
    ]
)
COPIES = "<sentence>Mira Voss was born in Halden.</sentence>\n<sentence>Halden lies on the river Orn.</sentence>"


async def direct() -> Ran:
    return await run(find("direct"), Request(TALK), saying("623"))


async def multi_expert() -> Ran:
    return await run(find("multi_expert"), Request(TALK), saying("a bookkeeper", ROLES, "623", "623", "613", MERGED))


async def self_reflection() -> Ran:
    said = saying("613", '"613" is wrong: the sum does not hold.', "5 + 8 = 13, write 3, carry 1. Answer: 623")
    return await run(find("self_reflection"), Request(TALK), said)


async def self_reflection_with_a_peer() -> Ran:
    said = saying("the Tarn", '"Tarn" is wrong: another model says Orn.', "the Orn")
    return await run(
        find("self_reflection"), BORN, said, peers={"large": Scripted("large", saying("The river is the Orn."))}
    )


async def self_reflection_with_a_library() -> Ran:
    said = saying(
        "I do not know.", '"I do not know." is wrong: the library says where.', "Mira Voss was born in Halden."
    )
    return await run(find("self_reflection"), "Where was Mira Voss born?", said, library=SHELF)


async def cascade() -> Ran:
    large = Scripted("large", saying("623"))
    return await run(find("cascade"), Request(TALK), saying("613"), peers={"large": large})


async def cascade_by_agreement() -> Ran:
    said = saying("the Tarn", "the Orn", "the Lee", "the Dee")
    large = Scripted("large", saying("The river is the Orn."))
    return await run(find("cascade"), BORN, said, peers={"large": large})


async def retrieval() -> Ran:
    said = saying(COPIES, "BECAUSE: sentence 1 names the city.\nORDER: 1, 2\nANSWER: the Orn")
    return await run(find("retrieval"), BORN, said, library=SHELF)


async def mixture_of_prompts() -> Ran:
    centre = (await WordEmbedder().embed([embedded(SUM)]))[0].tolist()
    demos = [["What is 12 + 30?", "42"], ["What is 7 + 8?", "15"]]
    region = {"instruction": "Add the two numbers.", "demos": demos, "centre": centre}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fitted.json"
        path.write_text(json.dumps({"small": {"regions": [region]}}))
        return await run(find("mixture_of_prompts"), Request(TALK), saying("623"), fitted=str(path))


SCENES: Mapping[str, Callable[[], Awaitable[Ran]]] = {
    scene.__name__: scene
    for scene in (
        direct,
        multi_expert,
        self_reflection,
        self_reflection_with_a_peer,
        self_reflection_with_a_library,
        retrieval,
        mixture_of_prompts,
        cascade,
        cascade_by_agreement,
    )
}


def written(ran: Ran) -> str:
    """The run as text: each call with its model, temperature, messages and reply, then the notes and the answer."""
    rows = []
    for i, call in enumerate(ran.calls, 1):
        heat = "" if call.request.temperature is None else f", temperature {call.request.temperature:g}"
        rows.append(f"===== call {i}: {call.label}, model {call.model}{heat}")
        for message in call.request.messages:
            rows += [f"----- {message.role}", message.text]
        rows += ["----- reply", call.reply.text if call.reply else ""]
    return "\n".join([*rows, "===== notes", *ran.notes, "===== answer", ran.text, ""])


async def transcript(name: str) -> str:
    """The transcript of one scene."""
    return written(await SCENES[name]())


def ape() -> str:
    """One question for an instruction, as the offline fit asks it."""
    pool = [Demo(f"What is {i} + {i}?", str(2 * i)) for i in range(10)]
    return ape_prompts(pool, Shares(((0, 1), (2, 3)), (4, 5, 6, 7, 8, 9)), 10, random.Random(0))[0] + "\n"


def main() -> None:
    """Write every transcript."""
    FOLDER.mkdir(exist_ok=True)
    for name in SCENES:
        (FOLDER / f"{name}.txt").write_text(asyncio.run(transcript(name)))
    (FOLDER / "fit_mixture_of_prompts.txt").write_text(ape())


if __name__ == "__main__":
    main()
