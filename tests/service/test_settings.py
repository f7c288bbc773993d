"""Settings: file under environment under flags; every fault is named with its key and its place."""

from pathlib import Path

import pytest

from models.errors import BadSettings
from models.zoo import ZOO
from service.settings import load
from service.toml_lines import line_of
from store import Habits
from store.chunks import Chunking

MODEL = '[models.a]\nbackend = "scripted"\n'


def written(folder: Path, text: str) -> Path:
    """A settings file."""
    path = folder / "my.toml"
    path.write_text(text)
    return path


def test_the_file_is_read_and_the_rest_is_default(tmp_path: Path) -> None:
    text = MODEL + '[router]\nquality = 1\n[strategies]\nenabled = ["direct"]\n[strategies.multi_expert]\nexperts = 4\n'
    chosen = load(written(tmp_path, text), {})
    assert chosen.router.quality == 1
    assert chosen.router.policy == "layered"
    assert chosen.strategies.enabled == ["direct"]
    assert chosen.strategies.params == {"multi_expert": {"experts": 4}}
    assert list(chosen.models) == ["a"]
    assert chosen.knowledge.documents == []


def test_without_a_file_the_zoo_serves_with_its_documents() -> None:
    chosen = load(None, {})
    assert sorted(chosen.models) == sorted(ZOO)
    assert [Path(given).name for given in chosen.knowledge.documents] == ["documents"]
    assert chosen.server.port == 8000


def test_the_environment_overrides_the_file_and_flags_override_both(tmp_path: Path) -> None:
    environment = {
        "POINTSMAN_SERVER__PORT": "9001",
        "POINTSMAN_SERVER__API_KEYS": "one, two",
        "POINTSMAN_SERVER__CORS_ORIGINS": '["http://a", "http://b"]',
        "POINTSMAN_ROUTER__EXPLORE": "false",
        "POINTSMAN_ROUTER__SEED": "5",
        "POINTSMAN_ROUTER__DEFAULT_ARM": "direct@my-model.7b",
        "POINTSMAN_ROUTER__PARAMS__WORTH_SECOND": "0.5",
        "POINTSMAN_MODELS__MY_MODEL_7B__API_BASE": "http://localhost:1",
        "POINTSMAN_MODELS__MY_MODEL_7B__USD_PER_1M_IN": "3",
        "POINTSMAN_MODELS__B__BACKEND": "scripted",
        "POINTSMAN_MODELS__B__EXTRA": '{"reply": "yes"}',
        "POINTSMAN_STRATEGIES__MULTI_EXPERT__EXPERTS": "4",
        "POINTSMAN_PORT": "tcp://10.0.0.1:80",  # what Kubernetes sets for a service of that name
        "OTHER__SERVER__PORT": "1",
    }
    path = written(tmp_path, '[server]\nport = 1\nhost = "a"\n[models."my-model.7b"]\nbackend = "remote"\n')
    chosen = load(path, environment, {"server": {"host": "b"}})
    assert (chosen.server.port, chosen.server.host) == (9001, "b")
    assert chosen.server.api_keys == ["one", "two"]
    assert chosen.server.cors_origins == ["http://a", "http://b"]
    assert (chosen.router.explore, chosen.router.seed) == (False, 5)
    assert chosen.router.params == {"worth_second": 0.5}
    assert chosen.models["my-model.7b"].api_base == "http://localhost:1"
    assert chosen.models["my-model.7b"].usd_per_1m_in == 3
    assert chosen.models["b"].extra == {"reply": "yes"}
    assert chosen.strategies.params["multi_expert"] == {"experts": 4}


def test_a_key_comes_from_the_variable_that_the_file_names(tmp_path: Path) -> None:
    chosen = load(written(tmp_path, MODEL + 'api_key_env = "MY_KEY"\n'), {"MY_KEY": "s3cret"})
    assert chosen.models["a"].spec().api_key == "s3cret"
    assert "s3cret" not in repr(chosen) + chosen.model_dump_json()


def test_paths_are_taken_from_the_folder_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "weights").mkdir()
    (tmp_path / "notes.md").write_text("# Notes")
    text = '[models.a]\nbackend = "mine.py"\npath = "weights"\n[knowledge]\ndocuments = ["notes.md"]\n'
    text += '[embedder]\npath = "minilm"\ncache = "kept"\n'
    chosen = load(written(tmp_path, text), {})
    assert chosen.models["a"].path == str(tmp_path / "weights")
    assert (chosen.embedder.path, chosen.embedder.cache) == (str(tmp_path / "minilm"), str(tmp_path / "kept"))
    assert chosen.models["a"].backend == str(tmp_path / "mine.py")
    assert chosen.knowledge.documents == [str(tmp_path / "notes.md")]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("[router]\nqualty = 1\n", 4, "router.qualty: unknown key"),
        ("[router]\nquality = 2\n", 4, "router.quality"),
        ('[router]\nquality = "high"\n', 4, "'high'"),
        ('[server]\n# a comment\nport = "9000"\n', 5, "server.port"),
        ("[servr]\nport = 1\n", 3, "servr: unknown key"),
        ('path = "nowhere"\n', 3, "models.a.path: there is no directory"),
        ('api_key_env = "NOT_SET"\n', 3, "models.a.api_key_env"),
        ("concurency = 3\n", 3, "models.a.concurency: unknown key"),
        ("[models.b]\npath = '.'\n", 3, "models.b.backend: must be set"),
        ('[models."b c"]\nbackend = "scripted"\n', 3, "models.b c"),
        ('[strategies]\nenabled = ["direct", "magic"]\n', 4, "'magic'"),
        ("[strategies.magic]\nn = 1\n", 3, "strategies.magic"),
        ("[strategies.multi_expert]\nm = 1\n", 4, "strategies.multi_expert.m"),
        ('[strategies.multi_expert]\nexperts = "many"\n', 4, "'many'"),
        ('[knowledge]\ndocuments = ["nowhere.md"]\n', 4, "knowledge.documents"),
        ("[server]\nport = = 1\n", 4, "not valid TOML"),
        ("[server\n", 3, "not valid TOML"),
        ("models = 3\n", 3, ""),
    ],
)
def test_a_fault_in_the_file_names_the_key_and_the_line(tmp_path: Path, text: str, line: int, words: str) -> None:
    with pytest.raises(BadSettings) as caught:
        load(written(tmp_path, MODEL + text), {})
    assert words in str(caught.value)
    assert "my.toml" in str(caught.value)
    assert f"line {line}" in str(caught.value)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("POINTSMAN_SERVER__PORT", "many"),
        ("POINTSMAN_SERVER__PROT", "1"),
        ("POINTSMAN_SEVER__PORT", "1"),
        ("POINTSMAN_MODELS__A__BAKEND", "remote"),
        ("POINTSMAN_MODELS__A__EXTRA", "{"),
        ("POINTSMAN_ROUTER__QUALITY", "7"),
        ("POINTSMAN_STRATEGIES__ENABLED", "direct,magic"),
    ],
)
def test_a_fault_in_the_environment_names_the_variable(tmp_path: Path, variable: str, value: str) -> None:
    with pytest.raises(BadSettings, match=variable):
        load(written(tmp_path, MODEL), {variable: value})


def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "none.toml", tmp_path):
        with pytest.raises(BadSettings, match=str(path)):
            load(path, {})
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadSettings, match="UTF-8"):
        load(tmp_path / "binary.toml", {})


def test_lines_are_found_in_every_way_of_writing_a_key() -> None:
    text = "\n".join(
        ["a.b = 1", '[t."x.y"]', "k = '''", "no = 1", "'''", "m = [", "  1,", "]", "[[list]]", "z = 2", "'q' = 3"]
    )
    assert line_of(text, ("a", "b")) == 1
    assert line_of(text, ("t", "x.y")) == 2
    assert line_of(text, ("t", "x.y", "no")) == 2, "inside a long string there are no keys"
    assert line_of(text, ("t", "x.y", "m")) == 6
    assert line_of(text, ("list", "0", "z")) == 9
    assert line_of(text, ("list", "q")) == 11
    assert line_of(text, ("nothing",)) is None


def test_how_the_library_cuts_and_searches_can_be_set(tmp_path: Path) -> None:
    assert load(written(tmp_path, MODEL), {}).knowledge.habits() == Habits(Chunking(8, 100), "hybrid")
    text = MODEL + '[knowledge]\nsearch = "dense"\nchunking = { least = 3, most = 40 }\n'
    assert load(written(tmp_path, text), {}).knowledge.habits() == Habits(Chunking(3, 40), "dense")
    told = {"POINTSMAN_KNOWLEDGE__CHUNKING__MOST": "50"}
    assert load(written(tmp_path, text), told).knowledge.habits() == Habits(Chunking(3, 50), "dense")
    for wrong, says in (('search = "sparse"', "search"), ("chunking = { most = 4 }", "most"), ("cut = 1", "cut")):
        with pytest.raises(BadSettings, match=says):
            load(written(tmp_path, f"{MODEL}[knowledge]\n{wrong}\n"), {})
