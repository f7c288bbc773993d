"""LoRA adapters over one base, all in one batch: each must say what peft's own model says alone."""

import asyncio
import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any  # peft's and transformers' models are untyped

import pytest
import torch
from peft import IA3Config, LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from models.backend import ModelSpec, connect
from models.errors import ModelUnavailable
from models.in_process import InProcess
from models.memory import LEDGER
from models.types import Message, Reply, Request, collect
from tests.models.tiny import write_tiny

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")  # peft's

PLAIN: dict[str, Any] = {"r": 4, "lora_alpha": 16, "target_modules": ["q_proj", "v_proj"]}
WIDE: dict[str, Any] = {
    "r": 8,
    "lora_alpha": 8,
    "use_rslora": True,
    "target_modules": ["q_proj", "k_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
    "rank_pattern": {"down_proj": 3},
    "alpha_pattern": {"q_proj": 24},
}
OTHER: dict[str, Any] = {"r": 2, "lora_alpha": 12, "target_modules": ["o_proj", "up_proj"]}


def write_adapter(folder: Path, base: Path, seed: int, **settings: Any) -> Path:
    """An adapter with random weights, as peft saves it; it names its base beside it."""
    torch.manual_seed(seed)
    made: Any = get_peft_model(
        AutoModelForCausalLM.from_pretrained(base), LoraConfig(task_type="CAUSAL_LM", **settings)
    )
    for name, weight in made.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(weight, std=0.3)
    made.save_pretrained(folder)
    change(folder, base_model_name_or_path=f"../{base.name}")
    return folder


def change(folder: Path, **settings: Any) -> None:
    config = json.loads((folder / "adapter_config.json").read_text())
    (folder / "adapter_config.json").write_text(json.dumps({**config, **settings}))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("experts")
    base = write_tiny(home / "base")
    for seed, (name, settings) in enumerate({"plain": PLAIN, "wide": WIDE, "other": OTHER}.items()):
        write_adapter(home / name, base, seed, **settings)
    return home


NAMES = ("base", "plain", "wide", "other")


def opened(home: Path, *names: str, **settings: Any) -> list[InProcess]:
    found = [connect(name, ModelSpec("in_process", path=str(home / name), **settings)) for name in names]
    assert all(isinstance(one, InProcess) for one in found)
    return found  # type: ignore[return-value]  # just checked


@pytest.fixture(scope="module")
def experts(home: Path) -> Iterator[dict[str, InProcess]]:
    found = dict(zip(NAMES, opened(home, *NAMES), strict=True))
    yield found
    for one in found.values():
        asyncio.run(one.close())


def asking(text: str, **parameters: Any) -> Request:
    return Request((Message("user", text),), **{"max_tokens": 24, **parameters})


async def say(backend: InProcess, request: Request) -> Reply:
    return await collect(backend.stream(request))


def alone(home: Path, name: str, text: str, tokens: int = 24) -> str:
    """What peft's own model says greedily, without any batch."""
    tokenizer = AutoTokenizer.from_pretrained(home / "base")
    model: Any = AutoModelForCausalLM.from_pretrained(home / "base")
    if name != "base":
        model = PeftModel.from_pretrained(model, str(home / name))
    ids = torch.tensor([tokenizer(f"u:{text}\na:").input_ids])
    seen = torch.ones_like(ids)
    torch.set_num_threads(1)
    made = model.generate(input_ids=ids, attention_mask=seen, max_new_tokens=tokens, do_sample=False, pad_token_id=0)
    return str(tokenizer.decode(made[0, ids.shape[1] :], skip_special_tokens=True))


async def together(experts: dict[str, InProcess], calls: list[tuple[str, Request]]) -> list[Reply]:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(say(experts[name], request)) for name, request in calls]
    return [task.result() for task in tasks]


async def test_a_mixed_batch_says_what_peft_says_of_each_alone(experts: dict[str, InProcess], home: Path) -> None:
    calls = [(name, f"{text} {name[:n]}") for n, text in enumerate(("Hello", "Why is that")) for name in NAMES]
    replies = await together(experts, [(name, asking(text)) for name, text in calls])
    assert [reply.text for reply in replies] == [alone(home, name, text) for name, text in calls]


async def test_the_same_prompt_gives_each_expert_its_own_answer(experts: dict[str, InProcess], home: Path) -> None:
    text = "The same long beginning for all of the experts, longer than two pages of the cache."
    first = await together(experts, [(name, asking(text)) for name in NAMES])
    again = [await say(experts[name], asking(text)) for name in reversed(NAMES)]
    expected = [alone(home, name, text) for name in NAMES]
    assert [reply.text for reply in first] == expected
    assert [reply.text for reply in reversed(again)] == expected
    assert len(set(expected)) == len(NAMES)


async def test_a_seed_gives_an_expert_the_same_text_in_any_batch(experts: dict[str, InProcess]) -> None:
    seeded = {name: asking("Dream", temperature=1.2, top_p=0.9, seed=7) for name in NAMES}
    single = [(await say(experts[name], seeded[name])).text for name in NAMES]
    noise = [(name, asking(f"Other {i}", temperature=2.0)) for i in range(3) for name in NAMES]
    mixed = await together(experts, [*noise, *seeded.items()])
    assert [reply.text for reply in mixed[-len(NAMES) :]] == single
    assert len(set(single)) == len(NAMES)


async def test_log_probabilities_and_looks_see_the_expert(experts: dict[str, InProcess]) -> None:
    def first(model: Any, tokenizer: Any) -> float:
        ids = torch.tensor([tokenizer("u:Hello\na:").input_ids])
        return float(torch.log_softmax(model(ids).logits[0, -1], dim=-1).max())

    seen = set()
    for backend in experts.values():
        assert backend.internals is not None
        reply = await say(backend, asking("Hello", max_tokens=1, logprobs=True))
        looked = await backend.internals.probe(first)
        assert reply.logprobs[0].logprob == pytest.approx(looked, abs=1e-4)
        seen.add(round(looked, 5))
    assert len(seen) == len(NAMES)


async def test_models_over_one_base_share_weights_thread_and_cache(experts: dict[str, InProcess]) -> None:
    assert len({id(one._seat.batcher) for one in experts.values()}) == 1
    assert sum(thread.name.startswith("model ") for thread in threading.enumerate()) == 1


async def test_revisions_differ_and_change_with_the_base(home: Path, tmp_path: Path) -> None:
    write_tiny(tmp_path / "base", seed=6)
    pair = opened(home, "base", "plain")
    elsewhere = connect(
        "plain", ModelSpec("in_process", path=str(home / "plain"), extra={"base": str(tmp_path / "base")})
    )
    try:
        assert isinstance(elsewhere, InProcess)
        assert len({*(one.revision for one in pair), elsewhere.revision}) == 3
    finally:
        for one in (*pair, elsewhere):
            await one.close()


async def test_a_base_may_close_before_its_experts_and_an_expert_before_its_base(home: Path) -> None:
    apart: dict[str, Any] = {"extra": {"threads": 1}}  # an engine of their own
    base, plain, other = opened(home, "base", "plain", "other", **apart)
    batcher = base._seat.batcher
    expected = (await say(plain, asking("Hello"))).text
    await base.close()
    with pytest.raises(ModelUnavailable, match="closed"):
        await say(base, asking("Hello"))
    assert (await say(plain, asking("Hello"))).text == expected
    stream = other.stream(asking("Hello", max_tokens=100, stop=("\0",)))  # with a stop string each token is reported
    await anext(stream)
    with batcher.pause():
        closing = asyncio.create_task(other.close())
        await asyncio.sleep(0.05)
    await closing
    with pytest.raises(ModelUnavailable, match="closed"):
        await collect(stream)
    assert (await say(plain, asking("Hello"))).text == expected
    again = opened(home, "other", **apart)[0]
    assert again._seat.batcher is batcher
    assert (await say(again, asking("Hello"))).text == alone(home, "other", "Hello")
    for one in (plain, again):
        await one.close()
    assert not batcher.manager.is_running()


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"use_dora": True}, "not plain LoRA: it has use_dora"),
        ({"bias": "all"}, "not plain LoRA: it has bias='all'"),
        ({"modules_to_save": ["lm_head"]}, "modules_to_save"),
        ({"base_model_name_or_path": "../nowhere"}, "nowhere"),
        ({"base_model_name_or_path": None}, "names no base model"),
        ({"base_model_name_or_path": "../wider"}, "does not fit its base"),
    ],
)
def test_what_cannot_be_served_is_refused_and_named(home: Path, changed: dict[str, Any], why: str) -> None:
    folder = home / "changed"
    shutil.copytree(home / "plain", folder)
    if not (home / "wider").exists():
        write_tiny(home / "wider", width=64)
    try:
        change(folder, **changed)
        with pytest.raises(ModelUnavailable, match=why):
            connect("changed", ModelSpec("in_process", path=str(folder)))
    finally:
        shutil.rmtree(folder)
    assert not any(thread.name == "model changed" for thread in threading.enumerate())


def test_damaged_and_missing_weights_are_named(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "plain"
    shutil.copytree(home / "plain", folder)
    spec = ModelSpec("in_process", path=str(folder), extra={"base": str(home / "base")})
    (folder / "adapter_model.safetensors").write_bytes(b"not weights")
    with pytest.raises(ModelUnavailable, match="cannot be read"):
        connect("plain", spec)
    (folder / "adapter_model.safetensors").unlink()
    with pytest.raises(ModelUnavailable, match=r"has no adapter_model\.safetensors"):
        connect("plain", spec)


def test_an_adapter_of_another_kind_is_refused(home: Path, tmp_path: Path) -> None:
    made: Any = get_peft_model(AutoModelForCausalLM.from_pretrained(home / "base"), IA3Config(task_type="CAUSAL_LM"))
    made.save_pretrained(tmp_path)
    with pytest.raises(ModelUnavailable, match="type IA3; only LORA"):
        connect("other", ModelSpec("in_process", path=str(tmp_path), extra={"base": str(home / "base")}))


async def test_an_expert_that_closes_while_its_request_is_on_its_way_harms_nobody(home: Path) -> None:
    base, plain, other = opened(home, "base", "plain", "other")
    batcher = plain._seat.batcher
    ask = Request((Message("user", "Hello?"),), max_tokens=6)
    with batcher.pause():
        asked = asyncio.create_task(collect(other.stream(ask)))
        for _ in range(1000):
            if batcher.manager.input_queue.qsize():
                break
            await asyncio.sleep(0.005)
        closing = asyncio.create_task(other.close())
        await asyncio.sleep(0.05)
    with pytest.raises(ModelUnavailable, match="closed"):
        await asyncio.wait_for(asked, 10)
    await closing
    assert (await collect(plain.stream(ask))).usage.completion_tokens == 6
    again = opened(home, "other")[0]
    assert (await collect(again.stream(ask))).text == (await collect(again.stream(ask))).text
    for one in (again, plain, base):
        await one.close()


def test_an_expert_that_cannot_be_opened_leaves_no_engine_behind(home: Path, tmp_path: Path) -> None:
    shutil.copytree(home / "base", tmp_path / "base")
    shutil.copytree(home / "plain", tmp_path / "plain")
    for file in ("tokenizer.json", "tokenizer_config.json"):
        (tmp_path / "plain" / file).write_text("{")
    before = {thread.name for thread in threading.enumerate()}
    with pytest.raises(ModelUnavailable, match="tokenizer"):
        opened(tmp_path, "plain")
    assert {thread.name for thread in threading.enumerate()} <= before
    assert LEDGER.held("cpu").get("plain") is None


def test_an_adapter_of_the_output_layer_is_refused(home: Path, tmp_path: Path) -> None:
    shutil.copytree(home / "base", tmp_path / "base")
    shutil.copytree(home / "plain", tmp_path / "head")
    file = tmp_path / "head" / "adapter_model.safetensors"
    vocabulary, width = AutoModelForCausalLM.from_pretrained(home / "base").lm_head.weight.shape
    head = {"lora_A": torch.ones(4, width), "lora_B": torch.ones(vocabulary, 4)}
    save_file({**load_file(file), **{f"base_model.model.lm_head.{k}.weight": v for k, v in head.items()}}, file)
    with pytest.raises(ModelUnavailable, match="lm_head"):
        opened(tmp_path, "head")


async def test_the_same_device_said_in_other_words_is_the_same_engine(home: Path) -> None:
    base, plain = opened(home, "base", device="cpu")[0], opened(home, "plain", dtype="float32")[0]
    assert base._seat.batcher is plain._seat.batcher
    await base.close()
    await plain.close()
