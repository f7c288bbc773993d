"""One tokenizer for the whole zoo: known words are tokens, digits stand alone, any other word falls apart into letters."""

import random
import re
from collections import Counter
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from .curriculum import CURRICULA
from .words import SPELLED

PAD, BOS, SYSTEM, USER, ASSISTANT, END = "<|pad|>", "<|bos|>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>"
SPECIAL = (PAD, BOS, SYSTEM, USER, ASSISTANT, END)
SPLIT = r"[0-9]| ?[A-Za-z]+|\n|\s|[^\sA-Za-z0-9]"
TEMPLATE = (
    "{{ '<|bos|>' }}{% for m in messages %}{{ '<|' + m['role'] + '|>' + m['content'] + '<|end|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
MAX_LENGTH = 2048


def build() -> PreTrainedTokenizerFast:
    """The tokenizer, made from the words that the curricula use more than once or twice; the same every time."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: i for i, token in enumerate([*SPECIAL, *alphabet, *_words()])}
    made = Tokenizer(models.BPE(vocab=vocabulary, merges=[], ignore_merges=True))
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(SPLIT), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    made.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=made,
        pad_token=PAD,
        bos_token=BOS,
        eos_token=END,
        additional_special_tokens=[SYSTEM, USER, ASSISTANT],
        model_max_length=MAX_LENGTH,
        clean_up_tokenization_spaces=False,
    )
    fast.chat_template = TEMPLATE
    return fast


def save(folder: Path) -> None:
    """Write the tokenizer's files into a folder."""
    build().save_pretrained(folder)


def _words() -> list[str]:
    """Whole-word tokens: what stands in prompts and replies often enough, with its leading space."""
    rng, seen = random.Random(0), Counter[str]()
    for curriculum in CURRICULA.values():
        for _ in range(6000):
            for _, text in curriculum.conversation(rng):
                seen.update(re.findall(r" ?[A-Za-z]+", text))
    spelled = set(SPELLED)
    kept = [w for w, n in seen.items() if n >= 4 and len(w.strip()) > 1 and w.strip() not in spelled]
    bare = {w for w in kept if not w.startswith(" ") and w[0].islower()}  # words in quotes must fall apart into letters
    return sorted("Ġ" + w[1:] if w.startswith(" ") else w for w in kept if w not in bare)
