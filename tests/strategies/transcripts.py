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
from strategies.core import Example, Passage, find
from strategies.core.demos import Demo, embedded
from strategies.fitted.clusters import Shares
from strategies.fitted.fit_mixture_of_prompts import ape_prompts
from tests.strategies.stage import Past, Ran, Shelf, WordEmbedder, run, saying

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
NUTS = "Tom buys 5 bags of 3 nuts and eats 4 of them. How many nuts are left?"
STORY = "Passage: Mira Voss was born in Halden. She moved to Orsk as a child.\nQuestion: Where was Mira Voss born?"
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


async def retrieval_linked() -> Ran:
    said = saying(COPIES, "<link>Of this city we know:</link>\nANSWER: the Orn")
    return await run(find("retrieval"), BORN, said, library=SHELF, order="linked")


async def retrieval_refined() -> Ran:
    said = saying(
        "no",
        "She comes from Halden by the Orn.\nANSWER: the Orn",
        "FEEDBACK: Copy the sentences.\nVERDICT: continue",
        "Mira Voss was born in Halden. Halden lies on the river Orn.\nANSWER: the Orn",
    )
    return await run(find("retrieval"), BORN, said, library=SHELF, order="refined", when="unknown")


async def chain_of_thought() -> Ran:
    return await run(find("chain_of_thought"), Request(TALK), saying("5 + 8 = 13, write 3, carry 1.\nAnswer: 623"))


async def supervised_chain_of_thought() -> Ran:
    first = "Step 1: 5 + 8 = 13, write 3, carry 1\nStep 2: 4 + 7 = 11, write 1, carry 1\nAnswer: 613"
    rest = (
        "Step 2: 4 + 7 + 1 = 12, write 2, carry 1\nStep 3: 3 + 2 + 1 = 6, write 6, carry 0\n"
        "Step 4: written 3 2 6\nAnswer: 623"
    )
    return await run(find("supervised_chain_of_thought"), Request(TALK), saying(first, rest))


async def self_consistency() -> Ran:
    said = [f"Step by step.\nAnswer: {answer}" for answer in ("613", "623", "623")]
    return await run(find("self_consistency"), Request(TALK), saying(*said), samples=3)


async def self_consistency_of_open_answers() -> Ran:
    why = ("light fades in the autumn", "water is short in the frost", "the wind of winter would tear at them")
    said = [f"Leaves fall because {one}, and so the tree lets all of them go before the cold comes." for one in why]
    return await run(find("self_consistency"), "Why do leaves fall?", saying(*said, "2"), samples=3, thinks=False)


async def few_shot() -> Ran:
    past = Past([Example("What is 340 + 270?", "610", 1.0, 0.9), Example("What is 12 + 30?", "42", 1.0, 0.8)])
    return await run(find("few_shot"), Request(TALK), saying("623"), memory=past)


async def analogical() -> Ran:
    said = saying(
        "Q: What is 1 + 1?\nA: Count one more.\nAnswer: 2\nQ: What is 20 + 30?\nA: 2 + 3 = 5 tens.\nAnswer: 50\n"
        "SOLUTION: 345 + 278 = 623.\nAnswer: 623"
    )
    return await run(find("analogical"), Request(TALK), said, fitted="none")


async def analogical_from_a_store() -> Ran:
    row = {"question": "What is 12 + 30?", "answer": "12 + 30 = 42.\nAnswer: 42", "verified": "arithmetic"}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fitted.json"
        path.write_text(json.dumps({"small": {"exemplars": [row]}}))
        said = saying("345 + 278 = 623.\nAnswer: 623")
        return await run(find("analogical"), Request(TALK), said, fitted=str(path))


async def sift() -> Ran:
    thin = "CONDITIONS:\n1. There are 5 bags.\nQUESTION: How many nuts are left?"
    whole = "CONDITIONS:\n1. There are 5 bags of 3 nuts.\n2. 4 are eaten.\nQUESTION: How many nuts are left?"
    right, wrong = "5 * 3 = 15. 15 - 4 = 11.\nAnswer: 11", "There are 5.\nAnswer: 5"
    said = saying(thin, wrong, right, thin, wrong, right, whole, whole, right, right)
    return await run(find("sift"), NUTS, said)


async def decompose() -> Ran:
    parts = "How many nuts are in 5 bags of 3?\nHow many are left after 4 are eaten?"
    tiny = Scripted("tiny", saying(parts))
    return await run(find("decompose"), NUTS, saying("15. 11.\nAnswer: 11"), peers={"tiny": tiny}, to="tiny")


async def input_action_output() -> Ran:
    rows = "Subquestion: How many are bought?\nInput: 5 (question), 3 (question)\nAction: 5 * 3\nOutput: {}\n"
    said = saying(rows.format(16) + "Answer: 12", rows.format(15) + "Answer: 11")
    return await run(find("input_action_output"), NUTS, said)


async def debate() -> Ran:
    def say(request: Request) -> str:
        prompt = request.messages[-1].text
        if "You argue for answer" in prompt:
            quote = "born in Halden" if "You argue for answer A" in prompt else "born in Orsk"
            return f"<argument>The text says <quote>{quote}</quote>.</argument>"
        if "Two people argued" in prompt:
            return "One quote holds.\nAnswer: " + ("A" if "Answer A: Halden" in prompt else "B")
        return "Halden"

    return await run(find("debate"), STORY, say, peers={"large": Scripted("large", "Orsk")}, rounds=2)


async def clarify() -> Ran:
    readings = ("Rename photos by date.", "Find duplicate documents in Python.", "Make a backup every night.")
    said = saying(*readings, "Happy to help. What should happen to your files?")
    return await run(find("clarify"), "Write me a script for my files.", said)


async def diverse() -> Ran:
    return await run(find("diverse"), "Write two poems about the sea.", saying("1. Blue.\n2. Grey."))


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
        retrieval_linked,
        retrieval_refined,
        chain_of_thought,
        supervised_chain_of_thought,
        self_consistency,
        self_consistency_of_open_answers,
        few_shot,
        analogical,
        analogical_from_a_store,
        sift,
        decompose,
        input_action_output,
        debate,
        clarify,
        diverse,
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
