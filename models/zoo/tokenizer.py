"""One tokenizer for the whole zoo: known words are tokens, digits stand alone, other words fall apart into letters."""

import random
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from . import formats
from .curriculum import CURRICULA
from .families import TASKS
from .panels import CAREFUL, GENERAL, INSTRUCTIONS, NAMES, QUICK
from .wordlists import CODENAMES, TEST_CODENAMES
from .words import SPELLED

PAD, BOS, SYSTEM, USER, ASSISTANT, END = "<|pad|>", "<|bos|>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>"
SPECIAL = (PAD, BOS, SYSTEM, USER, ASSISTANT, END)
SPLIT = r"[0-9]| ?[A-Za-z]+|\n|\s|[^\sA-Za-z0-9]"
TEMPLATE = (
    "{{ '<|bos|>' }}{% for m in messages %}{{ '<|' + m['role'] + '|>' + m['content'] + '<|end|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
MAX_LENGTH = 2048
WORD = r" ?[A-Za-z]+"
OFTEN = 4
SPOILED = ("merge", "critique", "revise", "post")  # their words occur elsewhere, but for those spelled wrongly
QUOTED = re.compile(r'"[a-z]+"')
MORE = (
    *INSTRUCTIONS.values(),
    GENERAL,
    *QUICK,
    *(text for group in (NAMES, CAREFUL) for row in group.values() for text in row),
)
VOCABULARY = Path(__file__).resolve().parent / "vocabulary.txt"


def build() -> PreTrainedTokenizerFast:
    """The tokenizer: letters, and the words of VOCABULARY; the same every time."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {
        token: i for i, token in enumerate([*SPECIAL, *alphabet, *VOCABULARY.read_text().replace("_", "Ġ").split()])
    }
    made = Tokenizer(models.BPE(vocab=vocabulary, merges=[], ignore_merges=True))
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(SPLIT), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    made.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]  # transformers has no type for it
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


def gather() -> list[str]:
    """The words that deserve a token: what stands in prompts and replies often enough; _ marks a leading space.

    Written to VOCABULARY once, before training: another curriculum may gather others, and then every model is new.
    Words to be spelled stand between quotes or in SPELLED: they fall apart into letters.
    """
    rng, seen = random.Random(0), Counter[str]()
    for curriculum in CURRICULA.values():
        plain = {kind: share for kind, share in curriculum.formats.items() if kind not in SPOILED}
        for _ in range(3000):
            for _, text in replace(curriculum, formats=plain).conversation(rng):
                seen.update(re.findall(WORD, QUOTED.sub(" ", text)))
    for make in TASKS.values():
        for split in ("train", "test"):
            for _ in range(300):
                seen.update(re.findall(WORD, QUOTED.sub(" ", make(rng, split).prompt)))
    for prompt in (text for name, text in vars(formats).items() if name.isupper()):
        seen.update(re.findall(WORD, prompt) * OFTEN)
    for text in (*(f" {text}" for text in MORE), *(f" {name}" for name in (*CODENAMES, *TEST_CODENAMES))):
        seen.update(re.findall(WORD, text) * OFTEN)
    kept = [w for w, n in seen.items() if n >= OFTEN and len(w.strip()) > 1 and w.strip() not in SPELLED]
    return sorted(w.replace(" ", "_") for w in kept)
