"""The scripts that ask: OpenAI's client in all its uses, the shortest one, and plain curl."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.checkout import ROOT
from tests.examples.playing import EXAMPLES, feedback
from tests.service.clients.conftest import Stubbed
from tests.service.serving import WELL, Served, served, settings, slow
from tests.upstream import Behaviour, Fault, Upstream

SHOWN = ("plain", "stream", "tools", "structured")
HEARD = "I heard 1 messages, the last one from the user."


def run(*command: str) -> str:
    """What a command prints."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def judged(service: Served, many: int) -> list[tuple[str, float]]:
    """The judgements of the latest decisions, newest first."""
    ids = [one["id"] for one in service.get("/v1/decisions", limit=many)["data"]]
    return [rated for one in ids for rated in feedback(service, one)]


def test_the_sdk_example_asks_streams_calls_tools_gets_data_and_judges(stubbed: Stubbed) -> None:
    service = stubbed.served
    printed = run(sys.executable, "examples/sdk/ask.py", "--address", service.url).splitlines()
    assert [line for line in printed if line.startswith("---")] == [f"--- {n}" for n in SHOWN]
    assert printed[1] == printed[4] == HEARD
    assert printed[2].startswith("[direct@stub, 1 calls: ")
    assert printed[5] == "[direct@stub]"
    assert printed[7:9] == ['weather({"city": "Paris"})', "I heard 3 messages, the last one from the tool."]
    assert printed[10] == "Place(city='Paris', people=2)"
    assert judged(service, 5) == [("ada", 0.0)] * 3, "all three were wrong, and told so"
    first = service.get("/v1/decisions", limit=5)["data"][-1]["id"]
    assert service.decision(first, "ok")["conversation"] == "an-example"


def test_the_sdk_example_calls_good_what_is_right(tmp_path: Path) -> None:
    with served(settings(tmp_path, {"calculator": {"backend": str(EXAMPLES / "calculator.py")}})) as own:
        printed = run(sys.executable, "examples/sdk/ask.py", "--address", own.url, "plain", "stream").splitlines()
        assert printed[1] == printed[4] == "42"
        assert judged(own, 2) == [("ada", 1.0)] * 2


def test_the_sdk_example_says_what_a_model_cannot_do(service: Served) -> None:
    printed = run(sys.executable, "examples/sdk/ask.py", "--address", service.url, "tools", "structured").splitlines()
    assert printed[0] == "--- tools"
    assert printed[1].startswith(("refused (", "no tool was called: "))
    assert printed[2] == "--- structured"
    assert printed[3].startswith(("refused (", "the answer has not the form"))
    nowhere = run(sys.executable, "examples/sdk/ask.py", "--address", f"{service.url}/nowhere", "plain").splitlines()
    assert nowhere[1].startswith("refused (404): ")


def test_the_sdk_example_says_that_a_model_failed_in_mid_stream(tmp_path: Path) -> None:
    with served(settings(tmp_path, {"slow": slow(tmp_path, fail_after=1)})) as own:
        printed = run(sys.executable, "examples/sdk/ask.py", "--address", own.url, "stream", "plain").splitlines()
    assert printed[1].startswith("tick ")
    assert printed[2].startswith("no whole answer: ")
    assert "slow broke" in printed[2]
    assert printed[3:4] == ["--- plain"], "the next one is shown all the same"


@pytest.mark.parametrize("fault", ["truncate", "invalid_json", "close"])
def test_the_sdk_example_says_that_the_line_broke(fault: Fault) -> None:
    with Upstream(Behaviour(fault=fault)) as pointsman:
        printed = run(sys.executable, "examples/sdk/ask.py", "--address", pointsman.url, "stream").splitlines()
    assert re.match(r"no whole answer: \w", printed[-1])


def test_the_short_example_streams_an_answer_and_gives_it_a_thumb(service: Served) -> None:
    printed = run(sys.executable, "examples/ask.py", "the capital?", service.url).splitlines()
    assert printed[0] in ("Paris is the capital.", "I am ill.")
    assert printed[-1].startswith("learned: direct@")
    assert judged(service, 1) == [("user", 1.0)]


def test_the_short_example_says_that_nothing_was_learned_where_the_chosen_arm_failed(tmp_path: Path) -> None:
    models = {"bad": slow(tmp_path, fail_after=0), "well": WELL}
    with served(settings(tmp_path, models, router={"seed": 7, "default_arm": "direct@bad"})) as own:
        for question in ("One?", "Two?", "Three?", "Four?"):
            printed = run(sys.executable, "examples/ask.py", question, own.url).splitlines()
            chosen = own.get("/v1/decisions", limit=1)["data"][0]["arm"]
            assert printed[-1] == f"learned: {'nothing' if chosen == 'direct@bad' else chosen}"
            if chosen == "direct@bad":
                return
        pytest.fail("the failing arm was never chosen")


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_shell_example_asks_and_gives_a_score(service: Served) -> None:
    printed = run("bash", "examples/ask.sh", 'the "capital"?', service.url)
    assert '"object": "chat.completion"' in printed
    assert '"kind":"score"' in printed.replace(" ", "")
    assert judged(service, 1) == [("user", 1.0)]
