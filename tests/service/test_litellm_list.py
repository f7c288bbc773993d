"""A model list in LiteLLM's format, taken as it is."""

import logging
from pathlib import Path

import pytest

from models.errors import BadSettings
from service.settings import load
from tests.service.serving import served, settings
from tests.upstream.behaviour import Behaviour
from tests.upstream.server import Upstream

LIST = """
model_list:
  - model_name: gpt-4o
    litellm_params:
      model: azure/my-deployment
      api_base: https://one.example.com/
      api_key: os.environ/AZURE_KEY
      api_version: "2025-01-01"
      rpm: 6
    model_info:
      base_model: azure/gpt-4o
  - model_name: gpt-4o
    litellm_params:
      model: openai/gpt-4o
      api_key: sk-plain
      rpm: "10"
      tpm: 90000
      timeout: 30
      max_retries: 1
  - model_name: qwen
    litellm_params:
      model: openai/qwen3
      api_base: os.environ/VLLM_URL
      stream_timeout: 60
      max_parallel_requests: 3
      extra_headers: {"x-team": "os.environ/TEAM"}
    model_info: {input_cost_per_token: 0.00000015, output_cost_per_token: 6.0e-07, mode: chat}
  - model_name: claude@2025 (team)
    litellm_params: {model: anthropic/claude, api_key: k}
  - model_name: embed
    litellm_params: {model: openai/text-embedding-3-small}
    model_info: {mode: embedding}
  - model_name: "openai/*"
    litellm_params: {model: "openai/*"}
environment_variables:
  TEAM: blue
router_settings: {routing_strategy: usage-based-routing-v2}
general_settings: {master_key: sk-1234}
"""
ENVIRONMENT = {"AZURE_KEY": "s3cret", "VLLM_URL": "http://127.0.0.1:9"}


def written(folder: Path, text: str) -> Path:
    """The list in a file."""
    path = folder / "config.yaml"
    path.write_text(text)
    return path


def test_the_list_becomes_models(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = written(tmp_path, LIST)
    with caplog.at_level(logging.WARNING, "litellm"):
        found = load(None, ENVIRONMENT, {"litellm": {"config": str(path)}}).models
    assert list(found) == ["gpt-4o", "qwen", "claude@2025 (team)"]
    qwen = found["qwen"].spec()
    assert (qwen.backend, qwen.model, qwen.api_base) == ("remote", "openai/qwen3", "http://127.0.0.1:9")
    assert (qwen.timeout, qwen.concurrency, qwen.usd_per_1m_in, qwen.usd_per_1m_out) == (60.0, 3, 0.15, 0.6)
    assert qwen.extra == {"extra_headers": {"x-team": "blue"}}
    whole = found["gpt-4o"].spec()
    azure, openai = whole.deployments
    assert whole.backend == "deployments"
    assert (azure.model, azure.api_key, azure.rpm) == ("azure/my-deployment", "s3cret", 6)
    assert azure.extra == {"api_version": "2025-01-01"}
    assert (openai.api_key, openai.rpm, openai.tpm, openai.timeout, openai.retries) == ("sk-plain", 10, 90000, 30.0, 1)
    assert "s3cret" not in repr(found)
    warnings = [record.getMessage() for record in caplog.records if record.name == "litellm"]
    said = "\n".join(warnings)
    assert "general_settings, router_settings are not read" in said
    assert "server.api_keys" in said
    assert "model_list[4] (embed) is left out: its mode is 'embedding'" in said
    assert "model_list[5] (openai/*) is left out" in said
    assert len(warnings) == 3


def test_it_stands_beside_the_models_of_the_file_and_is_found_from_its_folder(tmp_path: Path) -> None:
    written(tmp_path, "model_list: [{model_name: a, litellm_params: {model: openai/a}}]")
    path = tmp_path / "my.toml"
    path.write_text('[models.b]\nbackend = "scripted"\n[litellm]\nconfig = "config.yaml"\n')
    assert list(load(path, {}).models) == ["b", "a"]
    path.write_text('[models.a]\nbackend = "scripted"\n[litellm]\nconfig = "config.yaml"\n')
    with pytest.raises(BadSettings, match=r"line 4: litellm\.config: the list has a model 'a', and \[models\]"):
        load(path, {})


def test_the_zoo_is_not_added_to_a_list(tmp_path: Path) -> None:
    path = written(tmp_path, "model_list: [{model_name: a, litellm_params: {model: openai/a}}]")
    assert list(load(None, {"POINTSMAN_LITELLM__CONFIG": str(path)}).models) == ["a"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("model_list: [", "not valid YAML"),
        ("models: []", "there is no model_list"),
        ("[]", "there is no model_list"),
        ("model_list: []", "no model in"),
        ("model_list: [gpt]", r"model_list\[0\]: should be a table"),
        ("model_list: [{litellm_params: {model: m}}]", r"model_list\[0\]: model_name = None"),
        ("model_list: [{model_name: a}]", r"model_list\[0\] \(a\): litellm_params should be a table"),
        ("model_list: [{model_name: a, litellm_params: {}}]", r"\(a\): litellm_params\.model = None"),
        (
            "model_list: [{model_name: a, litellm_params: {model: m, api_key: os.environ/NOT_SET}}]",
            r"\(a\): litellm_params\.api_key: the environment variable 'NOT_SET' is not set",
        ),
        (
            "model_list: [{model_name: a, litellm_params: {model: m, rpm: many}}]",
            r"\(a\): litellm_params\.rpm = 'many'",
        ),
        (
            "model_list: [{model_name: a, litellm_params: {model: m, timeout: -1}}]",
            r"\(a\): .*timeout: .*greater than 0",
        ),
        ("environment_variables: [a]\nmodel_list: [{model_name: a}]", "environment_variables should be a table"),
    ],
)
def test_a_list_that_cannot_be_meant_is_told_with_the_entry_at_fault(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(BadSettings, match=words):
        load(None, {}, {"litellm": {"config": str(written(tmp_path, text))}})


def test_a_list_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="cannot read the model list"):
        load(None, {}, {"litellm": {"config": str(tmp_path / "no.yaml")}})


def test_a_served_list_answers_from_the_server_that_works(tmp_path: Path) -> None:
    with Upstream(Behaviour(status=500)) as down, Upstream(Behaviour(says="from the other one")) as up:
        entries = [
            f"{{model_name: m, litellm_params: {{model: openai/m, api_base: {one.url}/v1, max_retries: 0}}}}"
            for one in (down, up)
        ]
        path = written(tmp_path, f"model_list: [{', '.join(entries)}]")
        models = load(None, {}, {"litellm": {"config": str(path)}}).models
        chosen = settings(tmp_path)
        chosen.models.clear()
        chosen.models.update(models)
        with served(chosen) as running:
            for _ in range(4):
                said = running.ask("Hello?", model="direct@m").raise_for_status().json()
                assert said["choices"][0]["message"]["content"] == "from the other one"
        assert (down.requests > 0, up.requests) == (True, 4)
