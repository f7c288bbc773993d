"""Looks into a model whose batch is running: the numbers of the plain model, and a batch that goes on unharmed."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any  # transformers' models and tokenizers are untyped

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, Gemma2Config, Gemma2ForCausalLM

from models.backend import Backend, Internals, ModelSpec, connect
from models.errors import ModelUnavailable
from models.internals import attentions, hidden_states
from models.types import Message, Request, collect
from tests.models.tiny import write_tiny

TEXT = "What does a look into a model cost?"
WRITING = [
    Request((Message("user", f"Number {i}" * (i + 1)),), max_tokens=40, temperature=1.0, seed=i) for i in range(6)
]


def write_gemma(folder: Path) -> Path:
    """A model whose batch runs with another attention (it caps its logits), and has a sliding window."""
    write_tiny(folder)
    torch.manual_seed(6)
    config = Gemma2Config(
        vocab_size=257,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=16,
        max_position_embeddings=128,
        sliding_window=16,
        initializer_range=0.4,
        eos_token_id=0,
        bos_token_id=None,
    )
    Gemma2ForCausalLM(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module", params=[write_tiny, write_gemma], ids=["llama", "gemma"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(request.param(tmp_path_factory.mktemp("model")))


@pytest.fixture(scope="module")
def near(folder: Path) -> Iterator[Backend]:
    backend = connect("tiny", ModelSpec("in_process", path=str(folder), device="cpu", concurrency=8))
    yield backend
    asyncio.run(backend.close())


def inside(backend: Backend) -> Internals:
    assert backend.internals is not None
    return backend.internals


def plainly(folder: Path, **asked: bool) -> Any:
    """What a freshly loaded model gives for the text."""
    model: Any = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager" if asked else None)
    with torch.no_grad():
        return model(torch.tensor([AutoTokenizer.from_pretrained(folder)(TEXT).input_ids]), **asked)


async def written(backend: Backend) -> list[str]:
    """All that the six requests say, asked at once."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(collect(backend.stream(one))) for one in WRITING]
    return [task.result().text for task in tasks]


async def test_hidden_states_are_those_of_the_plain_model(near: Backend, folder: Path) -> None:
    states = await inside(near).probe(hidden_states, TEXT)
    expected = torch.cat(plainly(folder, output_hidden_states=True).hidden_states)
    assert states.shape == (3, len(TEXT), 32)
    torch.testing.assert_close(states, expected, atol=1e-4, rtol=1e-4)


async def test_attentions_are_those_of_the_plain_model(near: Backend, folder: Path) -> None:
    tokens = AutoTokenizer.from_pretrained(folder)(TEXT).input_ids
    weights = await inside(near).probe(attentions, tokens)
    expected = torch.cat(plainly(folder, output_attentions=True).attentions)
    assert weights.shape == (2, 2, len(TEXT), len(TEXT))
    torch.testing.assert_close(weights, expected, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(weights.sum(-1), torch.ones(weights.shape[:-1]))


async def test_a_look_may_ask_the_inner_model_too(near: Backend, folder: Path) -> None:
    def look(model: Any, tokenizer: Any) -> Any:
        ids = torch.tensor([tokenizer(TEXT).input_ids])
        both = model.model(ids, output_attentions=True, output_hidden_states=True)
        return torch.cat(both.attentions), torch.cat(both.hidden_states), model(ids).logits

    weights, states, logits = await inside(near).probe(look)
    expected = plainly(folder, output_attentions=True, output_hidden_states=True)
    torch.testing.assert_close(weights, torch.cat(expected.attentions), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(states, torch.cat(expected.hidden_states), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(logits, plainly(folder).logits, atol=1e-3, rtol=1e-4)


async def test_looks_while_a_batch_is_writing_give_the_same_and_leave_it_unharmed(near: Backend) -> None:
    undisturbed = await written(near)
    quiet = await inside(near).probe(attentions, TEXT), await inside(near).probe(hidden_states, TEXT)
    writing = asyncio.create_task(written(near))
    looked = 0
    while not writing.done():
        torch.testing.assert_close(await inside(near).probe(attentions, TEXT), quiet[0])
        torch.testing.assert_close(await inside(near).probe(hidden_states, TEXT), quiet[1])
        looked += 1
    assert looked > 1
    assert await writing == undisturbed


async def test_a_loop_with_attentions_between_the_steps_of_the_batch_writes_what_generate_does(
    near: Backend, folder: Path
) -> None:
    def greedy(model: Any, tokenizer: Any) -> Iterator[str]:
        ids, cache = torch.tensor([tokenizer(TEXT).input_ids]), None
        for i in range(6):
            out = model(ids, past_key_values=cache, use_cache=True, output_attentions=i % 2 == 0)
            assert i % 2 or out.attentions[1].shape[-1] == len(TEXT) + i
            ids, cache = out.logits[:, -1:].argmax(-1), out.past_key_values
            yield f"{int(ids)} "

    writing = asyncio.create_task(written(near))
    pieces = [piece async for piece in inside(near).decode(greedy)]
    await writing
    model: Any = AutoModelForCausalLM.from_pretrained(folder)
    ids = torch.tensor([AutoTokenizer.from_pretrained(folder)(TEXT).input_ids])
    made = model.generate(
        ids, attention_mask=torch.ones_like(ids), max_new_tokens=6, do_sample=False, pad_token_id=0, eos_token_id=-1
    )
    assert "".join(pieces).split() == [str(token) for token in made[0, ids.shape[1] :].tolist()]


async def test_a_look_that_fails_leaves_the_batch_as_it_was(near: Backend) -> None:
    def broken(model: Any, tokenizer: Any) -> None:
        model(torch.tensor([[1, 2]]), output_attentions=True)
        raise ZeroDivisionError

    before = await written(near)
    with pytest.raises(ZeroDivisionError):
        await inside(near).probe(broken)
    assert await written(near) == before


async def test_a_look_into_a_closed_model_says_so(tmp_path: Path) -> None:
    backend = connect("brief", ModelSpec("in_process", path=str(write_tiny(tmp_path)), device="cpu"))
    await backend.close()
    with pytest.raises(ModelUnavailable, match="worker of model 'brief' has stopped"):
        await inside(backend).probe(hidden_states, TEXT)
