"""The in-process back-end with a real, tiny, random model: the same code that serves a large one."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any  # what a look into the model is given

import pytest
import torch

from models.backend import Backend, Internals, ModelSpec, connect
from models.errors import BadSettings, ContextTooLong, ModelRefused, ModelUnavailable
from models.in_process import InProcess
from models.types import Message, Reply, Request, collect
from models.zoo import ZOO, weights
from tests.models.tiny import CONTEXT, write_tiny

ASK = Request((Message("user", "Hello?"),), max_tokens=12)


def asking(text: str, **parameters: Any) -> Request:
    return Request((Message("user", text),), **{"max_tokens": 12, **parameters})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def near(folder: Path) -> Iterator[InProcess]:
    backend = connect("tiny", ModelSpec("in_process", path=str(folder), concurrency=8))
    assert isinstance(backend, InProcess)
    yield backend
    asyncio.run(backend.close())


def plainly(folder: Path, prompt: str, tokens: int) -> list[int]:
    """What transformers itself generates greedily, one request alone."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model: Any = AutoModelForCausalLM.from_pretrained(folder)
    ids = torch.tensor([AutoTokenizer.from_pretrained(folder)(prompt).input_ids])
    seen = torch.ones_like(ids)
    made = model.generate(ids, attention_mask=seen, max_new_tokens=tokens, do_sample=False, pad_token_id=0)
    return list(made[0, ids.shape[1] :].tolist())


async def test_greedy_text_is_what_transformers_generates_alone(near: InProcess, folder: Path) -> None:
    from transformers import AutoTokenizer

    reply = await collect(near.stream(ASK))
    expected = plainly(folder, "u:Hello?\na:", 12)
    decoded = AutoTokenizer.from_pretrained(folder).decode(expected, skip_special_tokens=True)
    assert reply.text == decoded
    assert reply.usage.completion_tokens == len(expected)
    assert reply.usage.prompt_tokens == len("u:Hello?\na:")


async def test_a_batch_says_what_each_request_alone_would(near: InProcess) -> None:
    asked = [asking(f"Question {i}" + " and so on" * i) for i in range(6)]
    alone = [(await collect(near.stream(one))).text for one in asked]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(collect(near.stream(one))) for one in asked]
    assert [task.result().text for task in tasks] == alone


async def test_a_seed_gives_the_same_text_whatever_else_is_in_the_batch(near: InProcess) -> None:
    seeded = asking("Dream", temperature=1.5, seed=11)
    alone = (await collect(near.stream(seeded))).text
    others = [asking(f"Other {i}", temperature=2.0) for i in range(4)]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(collect(near.stream(one))) for one in [*others, seeded]]
    assert tasks[-1].result().text == alone
    assert (await collect(near.stream(asking("Dream", temperature=1.5, seed=12)))).text != alone


async def test_without_a_seed_samples_differ_and_a_tiny_top_p_is_greedy(near: InProcess) -> None:
    texts = {(await collect(near.stream(asking("Dream", temperature=1.5)))).text for _ in range(4)}
    assert len(texts) > 1
    greedy = (await collect(near.stream(asking("Dream")))).text
    assert (await collect(near.stream(asking("Dream", temperature=1.5, top_p=1e-6)))).text == greedy


async def test_max_tokens_ends_the_answer_and_says_so(near: InProcess) -> None:
    reply = await collect(near.stream(asking("Hello?", max_tokens=3)))
    assert reply.usage.completion_tokens == 3
    assert reply.finish_reason == "length"


async def test_a_stop_string_is_cut_off_with_all_that_follows(near: InProcess) -> None:
    whole = (await collect(near.stream(asking("Hello?", temperature=1.0, seed=5, max_tokens=30)))).text
    stop = whole[4:6]
    assert len(stop) == 2
    reply = await collect(near.stream(asking("Hello?", temperature=1.0, seed=5, max_tokens=30, stop=(stop,))))
    assert reply.text == whole[: whole.index(stop)]
    assert reply.finish_reason == "stop"


async def test_the_end_token_ends_the_answer_and_is_not_shown(near: InProcess) -> None:
    def always_end(model: Any, tokenizer: Any, on: bool) -> None:
        bias = torch.zeros(model.config.vocab_size)
        bias[0] = 1e4 if on else 0.0
        model.lm_head.bias = torch.nn.Parameter(bias, requires_grad=False)

    inside = _inside(near)
    await inside.probe(always_end, True)
    try:
        reply = await collect(near.stream(ASK))
    finally:
        await inside.probe(always_end, False)
    assert (reply.text, reply.finish_reason, reply.usage.completion_tokens) == ("", "stop", 1)


async def test_log_probabilities_are_those_of_the_model(near: InProcess) -> None:
    reply = await collect(near.stream(asking("Hello?", max_tokens=4, logprobs=True, top_logprobs=3)))
    assert len(reply.logprobs) == 4

    def first(model: Any, tokenizer: Any) -> float:
        ids = torch.tensor([tokenizer("u:Hello?\na:").input_ids])
        return float(torch.log_softmax(model(ids).logits[0, -1], dim=-1).max())

    entry = reply.logprobs[0]
    assert entry.logprob == pytest.approx(await _inside(near).probe(first), abs=1e-4)
    assert [logprob for _, logprob in entry.top] == sorted((logprob for _, logprob in entry.top), reverse=True)
    assert entry.top[0] == (entry.token, entry.logprob)
    assert (await collect(near.stream(ASK))).logprobs == ()


async def test_gpu_seconds_are_measured_and_shared(near: InProcess) -> None:
    started = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(collect(near.stream(asking(f"Question {i}")))) for i in range(6)]
    seconds = time.perf_counter() - started
    spent = [task.result().usage.gpu_seconds for task in tasks]
    assert all(one is not None and one > 0 for one in spent)
    assert sum(one or 0.0 for one in spent) <= seconds


async def test_closing_the_stream_frees_its_place_at_once(near: InProcess) -> None:
    def active(model: Any, tokenizer: Any) -> int:
        scheduler = near._seat.batcher.manager.batch_processor.scheduler
        return len(scheduler.active_requests) + len(scheduler.waiting_requests)

    stream = near.stream(asking("Hello?", max_tokens=100, temperature=1.0, seed=1))
    await anext(stream)
    assert await _inside(near).probe(active) == 1
    await stream.aclose()
    await collect(near.stream(asking("x", max_tokens=2)))  # the cancellation counts from the next step on
    assert await _inside(near).probe(active) == 0
    assert near._seat.batcher.load == 0


async def test_a_prompt_beyond_the_context_says_how_long_it_is(near: InProcess) -> None:
    with pytest.raises(ContextTooLong, match=rf"2\d\d tokens.*{CONTEXT}"):
        await collect(near.stream(asking("x" * 200)))


async def test_an_answer_ends_where_the_context_does(near: InProcess) -> None:
    reply = await collect(near.stream(asking("x" * 100, max_tokens=500, temperature=1.0, seed=2)))
    assert reply.usage.prompt_tokens + reply.usage.completion_tokens <= CONTEXT


async def test_more_requests_than_places_all_get_their_answer(near: InProcess) -> None:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(collect(near.stream(asking("y" * 80, max_tokens=40)))) for _ in range(20)]
    assert len({task.result().text for task in tasks}) == 1


async def test_images_and_formats_it_cannot_do_are_refused(near: InProcess) -> None:
    picture = Message("user", ({"type": "image_url", "image_url": {"url": "data:,"}},))
    for request in (
        Request((picture,)),
        asking("x", response_format={"type": "json_object"}),
        asking("x", tools=({},)),
    ):
        with pytest.raises(ModelRefused):
            await collect(near.stream(request))


async def test_a_generator_over_the_model_yields_its_pieces(near: InProcess) -> None:
    def loop(model: Any, tokenizer: Any, text: str) -> Iterator[str]:
        for word in text.split():
            yield f"{word}{model.config.vocab_size}"

    assert [piece async for piece in _inside(near).decode(loop, "a b")] == ["a257", "b257"]


async def test_an_idle_model_takes_no_computing(near: InProcess) -> None:
    await collect(near.stream(ASK))
    before = time.process_time()
    await asyncio.sleep(1.0)
    assert time.process_time() - before < 0.1


async def test_a_model_without_a_template_reads_plain_lines(tmp_path: Path) -> None:
    backend = connect("plain", ModelSpec("in_process", path=str(write_tiny(tmp_path, template=None))))
    try:
        reply = await collect(backend.stream(asking("Hi", max_tokens=2)))
        assert reply.usage.prompt_tokens == len("user: Hi\nassistant:")
    finally:
        await backend.close()


async def test_after_closing_calls_fail_and_open_ones_end(tmp_path: Path) -> None:
    backend = connect("brief", ModelSpec("in_process", path=str(write_tiny(tmp_path))))
    stream = backend.stream(asking("Hello?", max_tokens=110, stop=("\0",)))  # so that each token is reported
    await anext(stream)
    assert isinstance(backend, InProcess)
    with backend._seat.pause():
        closing = asyncio.create_task(backend.close())
        await asyncio.sleep(0.05)
    await closing
    with pytest.raises(ModelUnavailable):
        await _rest(stream)
    with pytest.raises(ModelUnavailable, match="closed"):
        await collect(backend.stream(ASK))


@pytest.mark.parametrize("path", ["/no/such/directory", "./nowhere", "nowhere"])
def test_a_missing_directory_is_named(path: str) -> None:
    with pytest.raises(ModelUnavailable, match=f"there is no directory '{path}'"):
        connect("lost", ModelSpec("in_process", path=path))


def test_a_directory_that_is_no_model_says_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match=r"no config\.json"):
        connect("lost", ModelSpec("in_process", path=str(tmp_path)))
    folder = write_tiny(tmp_path / "broken")
    (folder / "model.safetensors").write_bytes(b"not weights")
    with pytest.raises(ModelUnavailable, match="cannot be loaded"):
        connect("lost", ModelSpec("in_process", path=str(folder)))
    with pytest.raises(BadSettings, match=r"models\.lost"):
        connect("lost", ModelSpec("in_process"))


@pytest.mark.parametrize("name", ZOO)
async def test_every_model_of_the_zoo_opens_and_ends_its_answers(name: str) -> None:
    backend = connect(name, ModelSpec("in_process", path=str(weights(name))))
    try:
        reply = await collect(backend.stream(asking("What is 12 plus 30?", max_tokens=100)))
    finally:
        await backend.close()
    assert reply.text
    assert reply.finish_reason == "stop"


def _inside(backend: Backend) -> Internals:
    assert backend.internals is not None
    return backend.internals


async def _rest(stream: AsyncIterator[Any]) -> Reply:
    return await collect(stream)
