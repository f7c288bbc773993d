"""Sampling with a seed of the request's own: a plain loop, because a shared batch has one source of chance for all."""

from collections.abc import Iterator
from typing import Any  # transformers' models have no useful types


def twin(model: Any) -> Any:
    """A second model over the same weights with ordinary attention; it takes no memory worth naming."""
    import torch

    with torch.device("meta"):
        other = type(model)(model.config)
    other.load_state_dict(model.state_dict(), assign=True, strict=False)
    other.tie_weights()
    for name, buffer in model.named_buffers():
        owner, _, last = name.rpartition(".")
        setattr(other.get_submodule(owner), last, buffer)
    other.config = type(model.config).from_dict(model.config.to_dict())
    other.set_attn_implementation("sdpa")
    other.generation_config = model.generation_config
    return other.eval().requires_grad_(False)


def sample(
    model: Any,
    prompt: list[int],
    limit: int,
    ends: frozenset[int],
    *,
    temperature: float,
    top_p: float,
    seed: int,
) -> Iterator[tuple[list[int], list[float]]]:
    """All tokens so far and their log-probabilities, after each new token; the same for the same seed.

    Tokens are drawn from the smallest set whose probability reaches `top_p` (Holtzman et al. 2020, The Curious Case of
    Neural Text Degeneration); log-probabilities are those before that cut.
    """
    import torch

    chance = torch.Generator(device=model.device).manual_seed(seed)
    ids: list[int] = []
    logprobs: list[float] = []
    fresh, cache = torch.tensor([prompt], device=model.device), None
    while len(ids) < limit and not (ids and ids[-1] in ends):
        with torch.inference_mode():
            out = model(input_ids=fresh, past_key_values=cache, use_cache=True)
            cache = out.past_key_values
            logs = torch.log_softmax(out.logits[0, -1].float() / temperature, dim=-1)
            ranked, order = logs.exp().sort(descending=True)
            kept = ranked.cumsum(0) - ranked < top_p
            drawn = torch.multinomial(ranked * kept, 1, generator=chance)
            fresh = order[drawn][None]
        ids.append(int(fresh))
        logprobs.append(float(logs[ids[-1]]))
        yield ids, logprobs
