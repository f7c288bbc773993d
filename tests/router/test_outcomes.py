"""Outcome tables: what is read as it stands, what is mended and said, and what is refused with the place it stands."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from models.errors import BadRequest
from router.outcome_files import read_outcomes
from router.outcomes import OutcomeTable
from router.types import Arm

HEAD = "query_id,query,model,score"
ROWS = ("q1,What?,a,1", "q1,What?,b,0", "q2,Why?,a,0.5", "q2,Why?,b,0.25")


def read(folder: Path, *lines: str, head: str = HEAD) -> OutcomeTable:
    """The table of a CSV file with these lines."""
    path = folder / "table.csv"
    path.write_text("\n".join((head, *lines)) + "\n")
    return read_outcomes(path)


def test_a_csv_table_is_a_matrix_of_queries_and_arms(tmp_path: Path) -> None:
    table = read(tmp_path, *ROWS)
    assert table.ids == ("q1", "q2")
    assert table.texts == ("What?", "Why?")
    assert table.arms == (Arm("a", "direct"), Arm("b", "direct"))
    assert table.scores.tolist() == [[1.0, 0.0], [0.5, 0.25]]
    assert table.domains == ("", "")
    assert table.spent is None
    assert table.notes == ()


def test_parquet_and_csv_read_alike_with_every_column(tmp_path: Path) -> None:
    head = f"{HEAD},strategy,domain,cost_usd,prompt_tokens,completion_tokens,seconds,remark"
    lines = [f"{row},cot,sums,0.25,3,4,1.5,x" for row in ROWS]
    text = read(tmp_path, *lines, head=head)
    columns: dict[str, Sequence[object]] = {
        "query_id": [1, 1, 2, 2],
        "query": ["What?", "What?", "Why?", "Why?"],
        "model": ["a", "b", "a", "b"],
        "score": [1.0, 0.0, 0.5, 0.25],
        "strategy": ["cot"] * 4,
        "domain": ["sums"] * 4,
        "cost_usd": [0.25] * 4,
        "prompt_tokens": [3] * 4,
        "completion_tokens": [4] * 4,
        "seconds": [1.5] * 4,
    }
    parquet.write_table(pa.table(columns), tmp_path / "table.parquet")
    binary = read_outcomes(tmp_path / "table.parquet")
    assert binary.ids == ("1", "2")  # an id that is a number is a name all the same
    for table in (text, binary):
        assert table.arms == (Arm("a", "cot"), Arm("b", "cot"))
        assert table.domains == ("sums", "sums")
        assert table.usd.tolist() == [[0.25, 0.25]] * 2
        assert table.tokens.tolist() == [[7.0, 7.0]] * 2
        assert table.seconds.tolist() == [[1.5, 1.5]] * 2
        assert table.scores.tolist() == [[1.0, 0.0], [0.5, 0.25]]
        assert table.spent is not None
        assert table.spent.unit == "usd"


def test_questions_may_hold_line_breaks_commas_and_quotes(tmp_path: Path) -> None:
    table = read(tmp_path, 'q1,"a, ""b""\nc",a,1', 'q1,"a, ""b""\nc",b,0', *ROWS[2:])
    assert table.texts[0] == 'a, "b"\nc'


def test_questions_may_be_longer_than_a_megabyte(tmp_path: Path) -> None:
    text = "a line\n" * 450_000 + "end"
    table = read(tmp_path, f'q1,"{text}",a,1', f'q1,"{text}",b,0', *ROWS[2:])
    assert table.texts == (text, "Why?")


def test_an_arm_that_was_not_run_on_a_query_has_no_score_there(tmp_path: Path) -> None:
    table = read(tmp_path, *ROWS, "q3,Who?,a,1")
    assert np.isnan(table.scores[2, 1])
    assert table.ran.tolist() == [[True, True], [True, True], [True, False]]


def test_rows_that_stand_twice_count_with_their_mean_and_are_told(tmp_path: Path) -> None:
    table = read(tmp_path, *ROWS, "q1,What?,a,0")
    assert table.scores[0].tolist() == [0.5, 0.0]
    assert "1 queries and arms stand several times" in table.notes[0]


def test_an_arm_that_appears_once_is_left_out_and_told(tmp_path: Path) -> None:
    table = read(tmp_path, *ROWS, "q1,What?,rare,1")
    assert [arm.model for arm in table.arms] == ["a", "b"]
    assert table.scores.shape == (2, 2)
    assert table.notes == ("direct@rare is scored on 1 of 2 queries and is left out",)


def test_a_query_that_only_a_left_out_arm_answered_goes_with_it(tmp_path: Path) -> None:
    assert read(tmp_path, *ROWS, "q3,Who?,rare,1").ids == ("q1", "q2")


def test_a_few_scores_just_outside_the_range_are_clipped_and_told(tmp_path: Path) -> None:
    many = [f"q{i},What {i}?,{model},1" for i in range(60) for model in "ab"]
    table = read(tmp_path, *many[:-1], "q59,What 59?,b,-0.03")
    assert table.scores[59, 1] == 0.0
    assert table.notes == ("1 of 120 scores lie outside 0..1, as far as -0.030; the nearest bound counts",)


def test_costs_that_one_arm_does_not_know_give_way_to_the_next_column(tmp_path: Path) -> None:
    lines = [f"{row},{'' if ',b,' in row else 0.1},2" for row in ROWS]
    table = read(tmp_path, *lines, head=f"{HEAD},cost_usd,seconds")
    assert table.spent is not None
    assert table.spent.unit == "seconds"


def test_a_sample_is_the_same_for_a_seed_and_keeps_rows_together(tmp_path: Path) -> None:
    table = read(tmp_path, *(f"q{i},What {i}?,{model},0.{i}" for i in range(1, 10) for model in "ab"))
    some = table.sample(5, seed=3)
    assert len(set(some.ids)) == len(some) == 5
    assert some.ids == table.sample(5, seed=3).ids != table.sample(5, seed=4).ids
    assert some.scores[:, 0].tolist() == [float(f"0.{name[1:]}") for name in some.ids]
    assert some.texts == tuple(f"What {name[1:]}?" for name in some.ids)
    assert table.sample(50, seed=3) is table


@pytest.mark.parametrize(
    ("head", "lines", "words"),
    [
        ("query_id,query,llm,points", ROWS, ["'model', 'score'", "'llm'"]),
        (HEAD, (), ["no rows"]),
        (HEAD, (*ROWS, "q3,Who?,a,1.5"), ["row 5", "1.5", "outside 0..1"]),
        (HEAD, (*ROWS, "q3,Who?,a,1.05"), ["row 5", "1.05", "outside 0..1"]),
        (HEAD, ("q1,What?,a,100", *ROWS[1:]), ["row 1", "100", "outside 0..1"]),
        (HEAD, (*ROWS, "q3,Who?,a,"), ["row 5", "score is missing"]),
        (HEAD, (*ROWS, "q3,Who?,a,nan"), ["row 5", "score is missing"]),
        (HEAD, (*ROWS, "q3,Who?,a,good"), ["row 5", "'good'", "no number"]),
        (HEAD, (*ROWS, "q3,,a,1"), ["row 5", "query is empty"]),
        (HEAD, (*ROWS, "q3,Who?, ,1"), ["row 5", "model is empty"]),
        (HEAD, (*ROWS, "q1,When?,c,1"), ["row 5", "'q1'", "another query"]),
        (HEAD, ("q1,What?,a,1", "q2,Why?,a,0"), ["two arms or more", "direct@a"]),
        (HEAD, ("q1,What?,a,1", "q1,What?,b,0"), ["two arms or more", "left out"]),
        (HEAD, (*ROWS, "q3,Who?,a"), ["CSV"]),
        (f"{HEAD},cost_usd", tuple(f"{row},-1" for row in ROWS), ["row 1", "cost_usd", "-1"]),
        (f"{HEAD},seconds", tuple(f"{row},inf" for row in ROWS), ["row 1", "seconds", "inf"]),
        (f"{HEAD},score", tuple(f"{row},1" for row in ROWS), ["twice"]),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_place(
    tmp_path: Path, head: str, lines: Sequence[str], words: Sequence[str]
) -> None:
    with pytest.raises(BadRequest) as raised:
        read(tmp_path, *lines, head=head)
    assert [word for word in words if word not in str(raised.value)] == []


def test_columns_of_another_type_are_refused_by_name(tmp_path: Path) -> None:
    columns = {"query_id": ["1"], "query": [["What?"]], "model": ["a"], "score": [1.0]}
    parquet.write_table(pa.table(columns), tmp_path / "table.parquet")
    with pytest.raises(BadRequest, match="'query' holds list"):
        read_outcomes(tmp_path / "table.parquet")


def test_files_that_are_no_tables_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match=r"none\.csv"):
        read_outcomes(tmp_path / "none.csv")
    for content in (b"", b"PAR1 and then nothing", b"\x80\x81\x82\n"):
        (tmp_path / "wrong.parquet").write_bytes(content)
        with pytest.raises(BadRequest, match=r"wrong\.parquet"):
            read_outcomes(tmp_path / "wrong.parquet")
    with pytest.raises(BadRequest):
        read_outcomes(tmp_path)
