"""Throwaway models of the zoo's shapes with random weights, for benchmarks of speed: they never end by themselves."""

import random
from pathlib import Path

import torch
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM

from models.zoo import tokenizer as tokens

SHAPES = {"base": (128, 4), "large": (256, 8)}
"""Width and layers by name: about one million parameters and seven."""
WORDS = ("the", "a", "number", "of", "what", "is", "word", "count", "sort", "how", "many", "then", "answer", "list")


def write_shape(folder: Path, name: str, seed: int = 1, width: int | None = None, layers: int | None = None) -> Path:
    """Write a Llama of that shape (or of another, if told) with the zoo's tokenizer into a folder, in bfloat16."""
    told, deep = SHAPES.get(name, (0, 0))
    width, layers = width or told, layers or deep
    words = tokens.build()
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=-(-len(words) // 16) * 16,
        hidden_size=width,
        intermediate_size=width * 8 // 3 // 32 * 32,
        num_hidden_layers=layers,
        num_attention_heads=width // 32,
        num_key_value_heads=width // 32,
        max_position_embeddings=tokens.MAX_LENGTH,
        initializer_range=0.1,
        tie_word_embeddings=True,
        pad_token_id=words.pad_token_id,
        bos_token_id=words.bos_token_id,
        eos_token_id=None,
    )
    model = LlamaForCausalLM(config).to(torch.bfloat16)  # type: ignore[arg-type]  # transformers wraps its type away
    model.generation_config = GenerationConfig(do_sample=False, pad_token_id=0)  # type: ignore[no-untyped-call]  # untyped
    model.save_pretrained(folder)
    words.eos_token = None
    words.save_pretrained(folder)
    return folder


def prompt(rng: random.Random, words: int) -> str:
    """A text of so many words, never the same."""
    return " ".join(rng.choice(WORDS) for _ in range(words))
