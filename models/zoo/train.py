"""Training a model from nothing: packed conversations, loss on the assistant's words, checkpoints that it resumes."""

import json
import random
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from rich.progress import Progress, TextColumn
from torch import Tensor
from torch.nn import functional
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from . import tokenizer as tokens
from .curriculum import CURRICULA

IGNORE = -100


@dataclass(frozen=True, slots=True)
class Recipe:
    """Size and schedule of one model: first `lookups` steps of looking up, then `steps` of the curriculum.

    Batches of the curriculum are [batch, length] tokens, `rate` its peak learning rate.
    """

    width: int
    layers: int
    steps: int
    seed: int
    rate: float
    lookups: int = 700
    batch: int = 8
    length: int = 640
    warmup: int = 60


RECIPES = {
    "generalist": Recipe(width=128, layers=4, steps=3000, seed=1, rate=1.5e-3),
    "abacus": Recipe(width=192, layers=4, steps=2400, seed=2, rate=1.2e-3),
    "reader": Recipe(width=192, layers=4, steps=2400, seed=3, rate=1.3e-3),
}
LOOKUP_RATE = 1e-3  # looking up is not learned at twice this rate, nor from rows much longer than these
LOOKUP_LENGTH = 256
REPEATED = 0.06  # of the curriculum's sequences, so that looking up is not forgotten


def train(name: str, folder: Path, checkpoints: Path, *, steps: int | None = None, device: str | None = None) -> None:
    """Train one model, go on from its checkpoint if there is one, and write its weights into `folder`."""
    recipe = RECIPES[name]
    total = recipe.lookups + (recipe.steps if steps is None else steps)
    where = device or ("cuda" if torch.cuda.is_available() else "cpu")
    words = tokens.build()
    model = new_model(recipe, words)
    model.to(where)  # type: ignore[arg-type]  # transformers wraps its type away
    optimizer = torch.optim.AdamW(model.parameters(), lr=recipe.rate, betas=(0.9, 0.98), weight_decay=0.05)
    begun, seconds = _resume(checkpoints / f"{name}.pt", model, optimizer)
    body = torch.compile(model.model)
    model.train()
    clock = time.perf_counter()
    with Progress(*Progress.get_default_columns(), TextColumn("{task.fields[loss]}")) as progress:
        bar = progress.add_task(name, total=total, completed=begun, loss="")
        for step in range(begun, total):
            rng = random.Random(f"{recipe.seed}-{step}")
            looking = step < recipe.lookups
            ids, labels = lookups(words, recipe, rng) if looking else batch(name, words, recipe, rng)
            _set_rate(optimizer, recipe, step, total)
            loss = _loss(model, model.model if looking else body, ids.to(where), labels.to(where))
            loss.backward()  # type: ignore[no-untyped-call]  # torch has no type for it
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            progress.update(bar, advance=1, loss=f"loss {loss.item():.3f}")
            if (step + 1) % 200 == 0 or step + 1 == total:
                spent = seconds + time.perf_counter() - clock
                _keep(checkpoints / f"{name}.pt", model, optimizer, step + 1, spent)
                export(name, model, words, folder, step + 1, spent, where)


def new_model(recipe: Recipe, words: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    """A Llama of the recipe's size with fresh weights."""
    torch.manual_seed(recipe.seed)
    config = LlamaConfig(
        vocab_size=-(-len(words) // 16) * 16,
        hidden_size=recipe.width,
        intermediate_size=recipe.width * 8 // 3 // 32 * 32,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.width // 32,
        num_key_value_heads=recipe.width // 32,
        max_position_embeddings=tokens.MAX_LENGTH,
        tie_word_embeddings=True,
        pad_token_id=words.pad_token_id,
        bos_token_id=words.bos_token_id,
        eos_token_id=words.eos_token_id,
    )
    return LlamaForCausalLM(config)


def batch(name: str, words: PreTrainedTokenizerFast, recipe: Recipe, rng: random.Random) -> tuple[Tensor, Tensor]:
    """Packed conversations and their labels, [batch, length]; only what the assistant says has labels."""
    rows = [
        _again(words, recipe.length, rng) if rng.random() < REPEATED else _packed(name, words, recipe.length, rng)
        for _ in range(recipe.batch)
    ]
    return torch.tensor([row[0] for row in rows]), torch.tensor([row[1] for row in rows])


def lookups(words: PreTrainedTokenizerFast, recipe: Recipe, rng: random.Random) -> tuple[Tensor, Tensor]:
    """Random tokens said again and again: what teaches looking up, which reading and copying stand on."""
    rows = [_again(words, LOOKUP_LENGTH, rng) for _ in range(recipe.batch)]
    return torch.tensor([row[0] for row in rows]), torch.tensor([row[1] for row in rows])


def export(
    name: str,
    model: LlamaForCausalLM,
    words: PreTrainedTokenizerFast,
    folder: Path,
    steps: int,
    seconds: float,
    device: str,
) -> None:
    """Write weights (bfloat16), configuration and tokenizer so that plain transformers loads them."""
    folder.mkdir(parents=True, exist_ok=True)
    copy = LlamaForCausalLM(model.config)
    copy.load_state_dict(model.state_dict())
    copy.to(torch.bfloat16)  # type: ignore[arg-type]  # transformers wraps its type away
    copy.generation_config = GenerationConfig(  # type: ignore[no-untyped-call]  # transformers has no type for it
        do_sample=False,
        eos_token_id=words.eos_token_id,
        pad_token_id=words.pad_token_id,
        bos_token_id=words.bos_token_id,
    )
    copy.save_pretrained(folder)
    words.save_pretrained(folder)
    recipe = RECIPES[name]
    looked = min(steps, recipe.lookups)
    seen = recipe.batch * (looked * LOOKUP_LENGTH + (steps - looked) * recipe.length)
    record = {
        "name": name,
        "parameters": sum(p.numel() for p in copy.parameters()),
        "steps": steps,
        "tokens": seen,
        "minutes": round(seconds / 60, 1),
        "device": device,
        **asdict(recipe),
    }
    (folder / "training.json").write_text(json.dumps(record, indent=1) + "\n")


def _packed(name: str, words: PreTrainedTokenizerFast, length: int, rng: random.Random) -> tuple[list[int], list[int]]:
    ids: list[int] = []
    labels: list[int] = []
    marks = {role: words.convert_tokens_to_ids(f"<|{role}|>") for role in ("system", "user", "assistant")}
    while len(ids) < length:
        turns = CURRICULA[name].conversation(rng)
        encoded = words([text for _, text in turns], add_special_tokens=False)["input_ids"]
        own, told = [words.bos_token_id], [IGNORE]
        for (role, _), text in zip(turns, encoded, strict=True):
            own += [marks[role], *text, words.eos_token_id]
            told += [IGNORE, *(text if role == "assistant" else [IGNORE] * len(text))]
            told.append(words.eos_token_id if role == "assistant" else IGNORE)
        if len(own) <= length:
            ids += own
            labels += told
    return ids[:length], labels[:length]


def _again(words: PreTrainedTokenizerFast, length: int, rng: random.Random) -> tuple[list[int], list[int]]:
    """Random tokens, a short row of them said again and again; all but its first time has labels."""
    ids: list[int] = []
    labels: list[int] = []
    while len(ids) < length:
        row = [rng.randrange(len(tokens.SPECIAL), len(words)) for _ in range(rng.randint(3, 25))]
        times = rng.randint(1, 4)
        ids += [words.bos_token_id, *row, *row * times]
        labels += [IGNORE] * (len(row) + 2) + row[1:] + row * (times - 1)
    return ids[:length], labels[:length]


def _loss(model: LlamaForCausalLM, body: object, ids: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy at labelled places only, which spares the vocabulary's product everywhere else."""
    with torch.autocast(ids.device.type, dtype=torch.bfloat16):
        hidden = body(input_ids=ids, use_cache=False).last_hidden_state  # type: ignore[operator]
        wanted = labels[:, 1:]
        logits = model.lm_head(hidden[:, :-1][wanted != IGNORE])
    return functional.cross_entropy(logits.float(), wanted[wanted != IGNORE])


def _set_rate(optimizer: torch.optim.Optimizer, recipe: Recipe, step: int, total: int) -> None:
    """Constant while looking up; then up to the peak and linearly down to a fiftieth; both begin with a warm-up."""
    own = step - recipe.lookups
    if own < 0:
        rate = LOOKUP_RATE * min(1.0, (step + 1) / recipe.warmup)
    else:
        rate = recipe.rate * min(1.0, (own + 1) / recipe.warmup) * max(0.02, 1 - own / (total - recipe.lookups))
    for group in optimizer.param_groups:
        group["lr"] = rate


def _keep(path: Path, model: LlamaForCausalLM, optimizer: torch.optim.Optimizer, step: int, seconds: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step, "seconds": seconds}
    torch.save(state, part)
    part.replace(path)


def _resume(path: Path, model: LlamaForCausalLM, optimizer: torch.optim.Optimizer) -> tuple[int, float]:
    if not path.exists():
        return 0, 0.0
    state = torch.load(path, map_location="cpu", weights_only=True)
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    return int(state["step"]), float(state["seconds"])
