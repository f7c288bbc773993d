"""Loading a causal language model and its tokenizer from a directory or by id, and saying what is wrong with it."""

from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any  # transformers' models and tokenizers are untyped

import torch
from safetensors import SafetensorError
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging

from models.architecture import config_of
from models.backend import ModelSpec
from models.device import device_of
from models.errors import BadSettings
from models.footprint import CACHE_BYTES, least_pages, page_bytes, pages_within, weights_bytes
from models.memory import LEDGER, Reservation
from models.model_folder import ModelFolder, locate
from models.paging import copies
from models.precision import Precision, precision_of, round_weights
from models.revision import digest, digest_of_folder

UNKNOWN_CONTEXT = 2048
"""Tokens of context for a model whose configuration does not say."""


@dataclass(frozen=True, slots=True, eq=False)
class Weights:
    """A model on its device, ready to run, its tokenizer, its context in tokens and the tokens that end an answer.

    `revision` changes with the files that it was read from; of a model read by its id, with its commit on the hub.
    `reservation` is what it holds of the memory for models; whoever closes the model closes it.
    """

    model: Any
    tokenizer: Any
    context: int
    ends: tuple[int, ...]
    revision: str = ""
    reservation: Reservation | None = None


def load(name: str, spec: ModelSpec) -> Weights:
    """Read the weights, once their memory and their cache's is reserved.

    Raises BadSettings for settings that cannot be meant, ModelUnavailable for a model that cannot be loaded here.
    """
    source = spec.path or spec.model
    if not source:
        raise BadSettings(f"models.{name} is in_process and needs a path: a directory or a model's id")
    for key in ("cache_mb", "threads"):
        _check_number(name, key, spec.extra.get(key))
    device = device_of(name, spec.device)
    precision = precision_of(name, spec.dtype, device)
    folder = locate(name, source)
    config = config_of(folder)
    tokenizer = tokenizer_of(folder)
    context = _context(config, tokenizer)
    reservation = _reserve(folder, spec, config, precision, context, device)
    with ExitStack() as stack:
        stack.callback(reservation.close)
        model = _model(folder, precision, device)
        stack.pop_all()  # whoever has the weights gives it back
    return Weights(model, tokenizer, context, _ends(model, tokenizer), revision_at(folder), reservation)


def _check_number(name: str, key: str, told: object) -> None:
    if told is not None and (isinstance(told, bool) or not isinstance(told, int | float) or told <= 0):
        raise BadSettings(f"models.{name}.extra.{key} = {told!r} must be a number above 0")


def _reserve(
    folder: ModelFolder, spec: ModelSpec, config: Any, precision: Precision, context: int, device: torch.device
) -> Reservation:
    told = spec.extra.get("cache_mb")
    most = CACHE_BYTES.get(device.type, CACHE_BYTES["cpu"]) if told is None else int(float(told) * 2**20)
    stored = getattr(config.get_text_config(), "dtype", None) or getattr(config, "dtype", None) or torch.float32
    itemsize = (stored if precision.dtype == "auto" else getattr(torch, precision.dtype)).itemsize
    page = page_bytes(config, itemsize)
    wanted = copies(config) * page * pages_within(config, itemsize, context, spec.concurrency, most)
    needed = weights_bytes(folder, config, precision)
    return LEDGER.reserve(folder.name, str(device), needed, wanted, page * least_pages(context))


def _model(folder: ModelFolder, precision: Precision, device: torch.device) -> Any:
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # transformers leaves it untyped
    try:
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            folder.source, dtype=precision.dtype, output_loading_info=True, trust_remote_code=False
        )
        model, report = loaded
        missing = sorted(report["missing_keys"])
        if missing:
            lacks = ", ".join(missing[:3])
            raise folder.wrong(f"the weights in {folder.source!r} lack {len(missing)} tensors: {lacks}")
        round_weights(folder.name, model, precision, device)
        return model.to(device).eval()
    except (torch.OutOfMemoryError, MemoryError) as failure:
        raise folder.wrong(
            f"{device} has too little memory for the weights of {folder.source!r}; use a smaller dtype, or close others"
        ) from failure
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, ImportError, SafetensorError) as failure:
        reason = " ".join(str(failure).split())[:400]
        raise folder.wrong(f"{folder.source!r} cannot be loaded: {reason}") from failure


def tokenizer_of(folder: ModelFolder) -> Any:
    """The tokenizer; transformers makes an empty one where there are no files, which is no tokenizer."""
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder.source, trust_remote_code=False)
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, ImportError, AttributeError) as failure:
        reason = " ".join(str(failure).split())[:300]
        raise folder.wrong(f"the tokenizer of {folder.source!r} cannot be read: {reason}") from failure
    files = {"tokenizer.json", *tokenizer.vocab_files_names.values()}
    if not any((folder.path / file).is_file() for file in files):
        raise folder.wrong(f"{folder.source!r} has no tokenizer: none of {', '.join(sorted(files))}")
    return tokenizer


def revision_at(folder: ModelFolder) -> str:
    """What the files of a model are; in the hub's cache a folder has its commit's name."""
    return digest(folder.source, folder.path.name) if folder.on_hub else digest_of_folder(folder.path)


def _context(config: Any, tokenizer: Any) -> int:
    known = getattr(config.get_text_config(), "max_position_embeddings", None) or tokenizer.model_max_length
    return int(known) if 0 < known < 10**9 else UNKNOWN_CONTEXT


def _ends(model: Any, tokenizer: Any) -> tuple[int, ...]:
    told = model.generation_config.eos_token_id
    told = tokenizer.eos_token_id if told is None else told
    if told is None:
        return ()
    return (told,) if isinstance(told, int) else tuple(told)
