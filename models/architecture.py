"""Whether a configuration is that of a causal language model, and of one that can run in a continuous batch."""

from typing import Any  # transformers' configurations and model classes are untyped

from transformers import AutoConfig
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING, MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from models.model_folder import ModelFolder

LAYERS = {"full_attention", "sliding_attention"}
"""The kinds of layers whose state transformers keeps in pages; others (state spaces, convolutions) have none."""


def config_of(folder: ModelFolder) -> Any:
    """The model's configuration. Raises ModelUnavailable where it cannot be read, or its model not be run here."""
    try:
        config = AutoConfig.from_pretrained(folder.source, trust_remote_code=False)
    except (OSError, ValueError, KeyError, TypeError, ImportError, AttributeError) as failure:
        reason = " ".join(str(failure).split())[:300]
        raise folder.wrong(f"the config.json of {folder.source!r} cannot be used: {reason}") from failure
    names = list(getattr(config, "architectures", None) or [])
    causal = set(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.values())
    if type(config) not in MODEL_FOR_CAUSAL_LM_MAPPING or (names and not causal & set(names)):
        what = ", ".join(names) or config.model_type
        raise folder.wrong(
            f"{folder.source!r} holds a {what}; a causal language model is needed, such as LlamaForCausalLM"
        )
    _check_batching(folder, config)
    return config


def _check_batching(folder: ModelFolder, config: Any) -> None:
    made = MODEL_FOR_CAUSAL_LM_MAPPING[type(config)]
    model: Any = made[0] if isinstance(made, tuple) else made
    text = config.get_text_config()
    others = sorted(set(getattr(text, "layer_types", None) or ()) - LAYERS)
    paged = getattr(model, "_supports_attention_backend", False) and hasattr(text, "num_attention_heads")
    if others or not paged or getattr(model, "_is_stateful", False):
        why = f"layers of {', '.join(others)}" if others else "no attention whose keys and values can be kept in pages"
        raise folder.wrong(
            f"{folder.source!r} holds a {model.__name__}, which cannot run in a continuous batch: it has {why}. "
            "Serve it elsewhere (vLLM, llama.cpp) and name it with backend = 'remote'"
        )
