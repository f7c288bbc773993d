"""Loading a causal language model and its tokenizer from a directory or by id, and saying what is wrong with it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any  # transformers' models and tokenizers are untyped

import torch
from safetensors import SafetensorError
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging

from models.backend import ModelSpec
from models.errors import BadSettings, ModelUnavailable
from models.revision import digest, digest_of_folder

UNKNOWN_CONTEXT = 2048
"""Tokens of context for a model whose configuration does not say."""


@dataclass(frozen=True, slots=True, eq=False)
class Weights:
    """A model on its device, ready to run, its tokenizer, its context in tokens and the tokens that end an answer.

    `revision` changes with the files that it was read from; of a model read by its id, with its commit on the hub.
    """

    model: Any
    tokenizer: Any
    context: int
    ends: tuple[int, ...]
    revision: str = ""


def load(name: str, spec: ModelSpec) -> Weights:
    """Read the weights. Raises BadSettings without a path, ModelUnavailable where they cannot be loaded."""
    source = spec.path or spec.model
    if not source:
        raise BadSettings(f"models.{name} is in_process and needs a path: a directory or a model's id")
    source = _place(name, source)
    device = torch.device(spec.device or ("cuda" if torch.cuda.is_available() else "cpu"))
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # transformers leaves it untyped
    try:
        tokenizer = AutoTokenizer.from_pretrained(source)
        dtype = spec.dtype or ("float32" if device.type == "cpu" else "auto")
        loaded: Any = AutoModelForCausalLM.from_pretrained(source, dtype=dtype, output_loading_info=True)
        model, report = loaded
        model = model.to(device).eval()
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, ImportError, SafetensorError) as failure:
        reason = " ".join(str(failure).split())[:400]
        raise ModelUnavailable(f"model {name!r} cannot be loaded from {source!r}: {reason}", model=name) from failure
    missing = sorted(report["missing_keys"])
    if missing:
        lacks = ", ".join(missing[:3])
        raise ModelUnavailable(f"the weights in {source!r} lack {len(missing)} tensors: {lacks}", model=name)
    return Weights(model, tokenizer, _context(model, tokenizer), _ends(model, tokenizer), _revision(source, model))


def _place(name: str, source: str) -> str:
    """The directory, or an id as it stands; what can only be a directory must exist."""
    path = Path(source).expanduser()
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise ModelUnavailable(f"model {name!r}: the directory {source!r} has no config.json", model=name)
        return str(path)
    if path.is_absolute() or source.startswith((".", "~")) or source.count("/") != 1:
        raise ModelUnavailable(f"model {name!r}: there is no directory {source!r}", model=name)
    return source


def _revision(source: str, model: Any) -> str:
    if Path(source).is_dir():
        return digest_of_folder(Path(source))
    return digest(source, str(getattr(model.config, "_commit_hash", None) or ""))


def _context(model: Any, tokenizer: Any) -> int:
    known = getattr(model.config.get_text_config(), "max_position_embeddings", None) or tokenizer.model_max_length
    return int(known) if 0 < known < 10**9 else UNKNOWN_CONTEXT


def _ends(model: Any, tokenizer: Any) -> tuple[int, ...]:
    told = model.generation_config.eos_token_id
    told = tokenizer.eos_token_id if told is None else told
    if told is None:
        return ()
    return (told,) if isinstance(told, int) else tuple(told)
