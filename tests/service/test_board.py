"""The documents of the metrics, and the board for Grafana, name what is told and nothing else."""

import json
import re
from pathlib import Path

from tests.checkout import ROOT
from tests.service.serving import WELL, Served, served, settings, slow
from tests.service.test_metrics import read


def board() -> dict[str, object]:
    """The board for Grafana."""
    tree: dict[str, object] = json.loads((ROOT / "examples" / "grafana" / "pointsman.json").read_text())
    return tree


def queries() -> list[str]:
    """Every query of the board."""
    panels = board()["panels"]
    assert isinstance(panels, list)
    return [target["expr"] for panel in panels for target in panel.get("targets", ())]


def test_every_metric_and_label_that_the_board_asks_for_is_told(own: Served) -> None:
    own.ask("How are you?", "direct@ill")
    known = read(own).names
    labels = documented()
    assert queries()
    for query in queries():
        asked = re.findall(r"\b(?:pointsman|process)_\w+", query)
        assert asked, query
        for name in asked:
            family = re.sub(r"_(bucket|sum|count)$", "", name) if name not in known else name
            assert family in known, query
        used = {label for group in re.findall(r"by \(([^)]*)\)", query) for label in re.split(r",\s*", group)}
        used |= set(re.findall(r"[{,]\s*(\w+)=~?\"", query))
        family = re.sub(r"_(bucket|sum|count)$", "", asked[0]) if asked[0] not in known else asked[0]
        assert used - {"le"} <= labels.get(family, set()), query


def test_every_panel_of_the_board_has_a_place_and_a_name_of_its_own() -> None:
    panels = board()["panels"]
    assert isinstance(panels, list)
    titles = [panel["title"] for panel in panels]
    assert len(set(titles)) == len(titles) >= 12
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels]
    assert len(set(places)) == len(places)


def documented() -> dict[str, set[str]]:
    """The table of docs/observability.md: from the name of each metric to its labels."""
    text = (ROOT / "docs" / "observability.md").read_text()
    rows = re.findall(r"^\| (pointsman_\w+) \| \w+ \| ([\w, -]+) \|", text, re.MULTILINE)
    return {name: set(re.findall(r"\w+", labels)) for name, labels in rows}


def test_the_table_of_the_documents_is_what_is_told(tmp_path: Path) -> None:
    with served(settings(tmp_path, {"slow": slow(tmp_path, fail_after=0), "well": WELL})) as service:
        service.ask("How are you?")
        known = {name: labels for name, labels in read(service).names.items() if name.startswith("pointsman_")}
    table = documented()
    assert set(table) == set(known)
    assert {name for name, labels in known.items() if labels - table[name]} == set()
