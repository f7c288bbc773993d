"""A tiny Llama with random weights (seeded) and a byte-level tokenizer, written to a folder as any model is."""

from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

CONTEXT = 128
TEMPLATE = "{% for m in messages %}{{ m['role'][0] + ':' + m['content'] + '\n' }}{% endfor %}a:"


def write_tiny(folder: Path, template: str | None = TEMPLATE, seed: int = 5, width: int = 32) -> Path:
    """Write the model to the folder and return it. Every token is one byte, so that é takes two."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: i for i, token in enumerate(["<end>", *alphabet])}
    words = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    words.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    words.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, eos_token="<end>")  # type: ignore[no-untyped-call]  # untyped
    tokenizer.chat_template = template
    tokenizer.save_pretrained(folder)
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(vocabulary),
        hidden_size=width,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=CONTEXT,
        eos_token_id=0,
        bos_token_id=None,
        initializer_range=0.4,
    )
    model = LlamaForCausalLM(config)
    model.generation_config.eos_token_id = 0
    model.save_pretrained(folder)
    return folder
