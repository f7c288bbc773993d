"""Training a model from nothing, from a smaller one or as an adapter; checkpoints that it resumes; its export."""

import json
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any  # peft wraps models in types of its own

import torch
from peft import LoraConfig, get_peft_model
from rich.progress import Progress, TextColumn
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from models.revision import digest_of_folder

from . import tokenizer as tokens
from .conversations import Turn
from .curriculum import CURRICULA
from .judging import judge
from .packing import IGNORE, Batches
from .recipes import LOOKUP_LENGTH, LOOKUP_RATE, RECIPES, Recipe

JUDGED_RATE = 4e-4
KEEP_EVERY = 200
MAY_GROW = ("steps", "judged")
SPARE_ROWS = 16  # of the embedding, so that its size divides well
ATTENTION = ["q_proj", "k_proj", "v_proj", "o_proj"]
FEED_FORWARD = ["gate_proj", "up_proj", "down_proj"]


def train(
    name: str,
    weights: Callable[[str], Path],
    checkpoints: Path,
    *,
    steps: int | None = None,
    judged: int | None = None,
    device: str | None = None,
) -> None:
    """Train one model, going on from its checkpoint if there is one, and write its weights where `weights` says.

    A model over another needs that one trained. Raises FileNotFoundError without it.
    """
    recipe = RECIPES[name]
    lessons = recipe.lookups + (recipe.steps if steps is None else steps)
    total = lessons + (recipe.judged if judged is None else judged)
    where = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    words = tokens.build()
    model = new_model(recipe, words, weights).to(where)
    learned = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(learned, lr=recipe.rate, betas=(0.9, 0.98), weight_decay=0.05)
    base = "" if recipe.over is None else digest_of_folder(weights(recipe.over))
    state = _resumed(checkpoints / f"{name}.pt", name, recipe, base, model, optimizer)
    run = _Run(name, recipe, model, optimizer, words, weights(name), checkpoints / f"{name}.pt", base, state)
    run.learn(CURRICULA[name].conversation, run.step, lessons, lessons)
    if run.step < total:
        if run.step == lessons or not run.verdicts:
            run.verdicts = judge(model, words, random.Random(f"{recipe.seed}-judged"))
        run.learn(_with(CURRICULA[name].conversation, run.verdicts), run.step, total, lessons)


class _Run:
    """One training under way: what it changes and where it keeps it."""

    def __init__(
        self,
        name: str,
        recipe: Recipe,
        model: Any,
        optimizer: torch.optim.Optimizer,
        words: PreTrainedTokenizerFast,
        folder: Path,
        checkpoint: Path,
        base: str,
        state: Mapping[str, Any],
    ) -> None:
        self.name, self.recipe, self.model, self.optimizer, self.words = name, recipe, model, optimizer, words
        self.folder, self.checkpoint, self.base = folder, checkpoint, base
        self.step, self.seconds = int(state.get("step", 0)), float(state.get("seconds", 0.0))
        self.verdicts: list[list[Turn]] = state.get("verdicts", [])
        self._inner = model.base_model.model if recipe.rank else model
        self._body = torch.compile(self._inner.model)

    def learn(self, talk: Callable[[random.Random], list[Turn]], begun: int, end: int, lessons: int) -> None:
        """Learn from the conversations of steps begun to end; steps from `lessons` on are self-judgement."""
        self.model.train()
        where = self.model.device
        batches = DataLoader(
            Batches(talk, self.recipe, begun, end, self.recipe.lookups), batch_size=None, num_workers=1
        )
        clock = time.perf_counter()
        with Progress(*Progress.get_default_columns(), TextColumn("{task.fields[loss]}")) as progress:
            bar = progress.add_task(self.name, total=end, completed=begun, loss="")
            for step, (ids, labels) in enumerate(batches, begun):
                self._set_rate(step, end, lessons)
                body = self._inner.model if step < self.recipe.lookups else self._body
                loss = _loss(self._inner, body, ids.to(where), labels.to(where))
                loss.backward()  # type: ignore[no-untyped-call]  # torch has no type for it
                torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
                self.optimizer.step()
                self.optimizer.zero_grad(set_to_none=True)
                progress.update(bar, advance=1, loss=f"loss {loss.item():.3f}")
                if (step + 1) % KEEP_EVERY == 0 or step + 1 == end:
                    self.seconds, clock = self.seconds + time.perf_counter() - clock, time.perf_counter()
                    self.step = step + 1
                    self._keep()
                    progress.console.print(f"{self.name} {step + 1} loss {loss.item():.3f} {self.seconds:.0f} s")
        self.model.eval()

    def _set_rate(self, step: int, end: int, lessons: int) -> None:
        """Constant while looking up; then up to the peak and linearly down to a fiftieth; low for self-judgement."""
        recipe, own = self.recipe, step - self.recipe.lookups
        if step >= lessons:
            rate = JUDGED_RATE * max(0.02, 1 - (step - lessons) / (end - lessons))
        elif own < 0:
            rate = LOOKUP_RATE * min(1.0, (step + 1) / recipe.warmup)
        else:
            rate = recipe.rate * min(1.0, (own + 1) / recipe.warmup) * max(0.02, 1 - own / (lessons - recipe.lookups))
        for group in self.optimizer.param_groups:
            group["lr"] = rate

    def _keep(self) -> None:
        self.checkpoint.parent.mkdir(parents=True, exist_ok=True)
        part = self.checkpoint.with_suffix(".part")
        own = {key: value for key, value in self.model.state_dict().items() if _is_learned(key, self.recipe)}
        state = {
            "recipe": asdict(self.recipe),
            "base": self.base,
            "model": own,
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "seconds": self.seconds,
            "verdicts": self.verdicts,
        }
        torch.save(state, part)
        part.replace(self.checkpoint)
        export(self.name, self.model, self.words, self.folder, self.step, self.seconds)


def new_model(recipe: Recipe, words: PreTrainedTokenizerFast, weights: Callable[[str], Path]) -> Any:
    """A model before its first step: fresh weights, another one's with layers in between, or a fresh adapter."""
    torch.manual_seed(recipe.seed)
    if recipe.over is None:
        return LlamaForCausalLM(_config(recipe, words))
    base = LlamaForCausalLM.from_pretrained(weights(recipe.over), dtype=torch.float32)
    if recipe.rank is None:
        return grow(base, LlamaForCausalLM(_config(recipe, words)))
    told = LoraConfig(
        r=recipe.rank,
        lora_alpha=2 * recipe.rank,
        target_modules=[*ATTENTION, *FEED_FORWARD],
        task_type="CAUSAL_LM",
    )
    return get_peft_model(base, told)


def grow(small: LlamaForCausalLM, large: LlamaForCausalLM) -> LlamaForCausalLM:
    """Give the deeper model the other one's weights: each layer, then copies of it that change nothing yet.

    Layers that add nothing at first keep the function while depth is doubled (Shen et al. 2022, Staged training for
    transformer language models, arXiv 2203.06211).
    """
    times = len(large.model.layers) // len(small.model.layers)
    large.model.embed_tokens.load_state_dict(small.model.embed_tokens.state_dict())
    large.model.norm.load_state_dict(small.model.norm.state_dict())
    for i, layer in enumerate(large.model.layers):
        layer.load_state_dict(small.model.layers[i // times].state_dict())
        if i % times:
            torch.nn.init.zeros_(layer.self_attn.o_proj.weight)
            torch.nn.init.zeros_(layer.mlp.down_proj.weight)
    return large


def export(name: str, model: Any, words: PreTrainedTokenizerFast, folder: Path, steps: int, seconds: float) -> None:
    """Write weights (bfloat16), configuration and tokenizer so that plain transformers or peft loads them."""
    folder.mkdir(parents=True, exist_ok=True)
    recipe = RECIPES[name]
    if recipe.rank is None:
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
    else:
        kept = {k: value.to(torch.bfloat16) for k, value in model.state_dict().items() if _is_learned(k, recipe)}
        model.save_pretrained(folder, state_dict=kept)
        told = folder / "adapter_config.json"
        config = json.loads(told.read_text()) | {"base_model_name_or_path": f"../{recipe.over}"}
        told.write_text(json.dumps(config, indent=1, sort_keys=True) + "\n")
        (folder / "README.md").unlink(missing_ok=True)
    for file in folder.iterdir():
        file.chmod(0o644)
    looked = min(steps, recipe.lookups)
    record = {
        "name": name,
        "parameters": sum(p.numel() for p in model.parameters() if recipe.rank is None or p.requires_grad),
        "trained": steps,
        "tokens": recipe.batch * (looked * LOOKUP_LENGTH + (steps - looked) * recipe.length),
        "minutes": round(seconds / 60, 1),
        "device": torch.cuda.get_device_name() if model.device.type == "cuda" else "cpu",
        **asdict(recipe),
    }
    (folder / "training.json").write_text(json.dumps(record, indent=1) + "\n")


def _config(recipe: Recipe, words: PreTrainedTokenizerFast) -> LlamaConfig:
    return LlamaConfig(
        vocab_size=-(-len(words) // SPARE_ROWS) * SPARE_ROWS,
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


def _loss(model: Any, body: Any, ids: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy at labelled places only, which spares the vocabulary's product everywhere else."""
    with torch.autocast(ids.device.type, dtype=torch.bfloat16):
        hidden = body(input_ids=ids, use_cache=False).last_hidden_state
        wanted = labels[:, 1:]
        logits = model.lm_head(hidden[:, :-1][wanted != IGNORE])
    return functional.cross_entropy(logits.float(), wanted[wanted != IGNORE])


def _with(talk: Callable[[random.Random], list[Turn]], verdicts: list[list[Turn]]) -> Callable[..., list[Turn]]:
    """Conversations as before, and among them two of five about what the model can answer."""

    def mixed(rng: random.Random) -> list[Turn]:
        return rng.choice(verdicts) if rng.random() < 0.4 else talk(rng)

    return mixed


def _is_learned(key: str, recipe: Recipe) -> bool:
    """Whether a tensor of the model is one that training changes: of an adapter, its own only."""
    return recipe.rank is None or "lora_" in key


def _resumed(
    path: Path, name: str, recipe: Recipe, base: str, model: Any, optimizer: torch.optim.Optimizer
) -> Mapping[str, Any]:
    """Load a checkpoint into the model and the optimizer; empty where there is none.

    Raises ValueError where it is of another recipe (but for the number of steps, which may grow) or over another base.
    """
    if not path.exists():
        return {}
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    told = {**asdict(recipe), **{key: value for key, value in state.get("recipe", {}).items() if key not in MAY_GROW}}
    if told != asdict(recipe) or state.get("base", base) != base:
        raise ValueError(f"the checkpoint {path.name!r} is of another recipe or base than {name!r} has now: delete it")
    model.load_state_dict(state["model"], strict=recipe.rank is None)
    optimizer.load_state_dict(state["optimizer"])
    return state
