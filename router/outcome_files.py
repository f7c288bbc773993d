"""Reading an outcome table from parquet or CSV: one row for each query and arm, checked cell by cell."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv, parquet

from models.errors import BadRequest
from router.outcomes import OutcomeTable, Rows
from router.types import Arm
from router.utility import Numbers

REQUIRED = ("query_id", "query", "model", "score")
STRAY, STRAYS = 0.1, 0.01
"""By how much a few scores, as a share of the rows, may leave 0..1: some metrics do, and count as the nearest bound."""
SMALL, LARGE = 2**20, 2**30
"""Bytes of a CSV file that are read in one block, at least and at most."""
ROUNDING = 1e-6
"""Tables kept in 32 bits round; that is not worth a note."""


def read_outcomes(path: Path) -> OutcomeTable:
    """The table of a parquet or CSV file. Raises BadRequest, naming the column and the row, for what cannot be meant.

    Several rows for one query and arm count with their mean; an arm scored on one query alone is left out.
    """
    return _arranged(_Sheet(path, _opened(path)))


def _opened(path: Path) -> pa.Table:
    lines = csv.ParseOptions(newlines_in_values=True)
    try:
        with path.open("rb") as file:
            is_parquet = file.read(4) == b"PAR1"
        if is_parquet:
            return parquet.read_table(path)
        whole = csv.ReadOptions(block_size=min(max(path.stat().st_size, SMALL), LARGE))  # no row may cross two blocks
        header = csv.open_csv(path, read_options=whole, parse_options=lines).schema.names
        as_texts = csv.ConvertOptions(column_types=dict.fromkeys(header, pa.string()))
        return csv.read_csv(path, read_options=whole, parse_options=lines, convert_options=as_texts)
    except (pa.ArrowInvalid, UnicodeDecodeError) as wrong:
        raise BadRequest(f"{path}: neither parquet nor CSV with a header: {wrong}", param="table") from wrong
    except OSError as wrong:  # also what a parquet file that is cut off raises
        raise BadRequest(f"cannot read the table {str(path)!r}: {wrong.strerror or wrong}", param="table") from wrong


@dataclass(frozen=True, slots=True, eq=False)
class _Coded:
    """A column of texts: codes [rows] into its distinct values, which stand in the order of the file."""

    codes: Rows
    values: list[str]


@dataclass(frozen=True, slots=True, eq=False)
class _Sheet:
    """The rows as they stand in the file. Raises BadRequest, saying where, if they cannot be meant."""

    path: Path
    rows: pa.Table

    def __post_init__(self) -> None:
        names = self.rows.column_names
        told = f"this table has {', '.join(map(repr, names))}"
        missing = [name for name in REQUIRED if name not in names]
        if missing:
            raise self.error(f"no column {', '.join(map(repr, missing))}; {told}")
        if len(set(names)) < len(names):
            raise self.error(f"a column stands twice; {told}")
        if self.rows.num_rows == 0:
            raise self.error("the table has no rows")

    def error(self, what: str, row: int | None = None) -> BadRequest:
        """The error for the file or, counted from 1 without the header, for one of its rows."""
        where = str(self.path) if row is None else f"{self.path}, row {row + 1}"
        return BadRequest(f"{where}: {what}", param="table")

    def texts(self, name: str, default: str | None = None) -> _Coded:
        """A column of texts; `default` stands for empty cells and for a column that is not there."""
        if name not in self.rows.column_names:
            return _Coded(np.zeros(self.rows.num_rows, dtype=np.intp), [default or ""])
        try:
            column = self.rows[name].cast(pa.large_string()).combine_chunks()
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as wrong:
            raise self.error(f"column {name!r} holds {self.rows[name].type}, not texts") from wrong
        encoded = column.fill_null("").dictionary_encode()
        given = [value.strip() or default or "" for value in encoded.dictionary.to_pylist()]
        place = {value: i for i, value in enumerate(dict.fromkeys(given))}
        codes = np.array([place[value] for value in given], dtype=np.intp)[encoded.indices.to_numpy()]
        if default is None and "" in place:
            raise self.error(f"{name} is empty", int((codes == place[""]).argmax()))
        return _Coded(codes, list(place))

    def numbers(self, name: str) -> Numbers:
        """A column of numbers, float64 [rows]; NaN for empty cells and for a column that is not there."""
        if name not in self.rows.column_names:
            return np.full(self.rows.num_rows, np.nan)
        values = self.rows[name].to_pylist()
        return np.array([self._number(name, value, row) for row, value in enumerate(values)])

    def scores(self) -> Numbers:
        """The scores as they stand, float64 [rows]: none is missing, and hardly any leaves 0..1, and then not far."""
        scores = self.numbers("score")
        if np.isnan(scores).any():
            row = int(np.isnan(scores).argmax())
            raise self.error("score is missing; where an arm was not run on a query, leave the row out", row)
        stray = (scores < 0.0) | (scores > 1.0)
        if (beyond := (scores < -STRAY) | (scores > 1.0 + STRAY)).any() or stray.mean() > STRAYS:
            row = int((beyond if beyond.any() else stray).argmax())
            raise self.error(f"score is {scores[row]:g}, outside 0..1", row)
        return scores

    def costs(self, name: str) -> Numbers:
        """A column of costs, float64 [rows], NaN where unknown."""
        costs = self.numbers(name)
        wrong = (costs < 0.0) | np.isinf(costs)
        if wrong.any():
            row = int(wrong.argmax())
            raise self.error(f"{name} is {costs[row]:g}, not a finite number of 0 or more", row)
        return costs

    def _number(self, name: str, value: object, row: int) -> float:
        if value is None or (isinstance(value, str) and not value.strip()):
            return np.nan
        try:
            return float(value)  # type: ignore[arg-type]  # what is no number is told below
        except (TypeError, ValueError) as wrong:
            raise self.error(f"{name} is {value!r}, which is no number", row) from wrong


def _arranged(sheet: _Sheet) -> OutcomeTable:
    query, text, theme = sheet.texts("query_id"), sheet.texts("query"), sheet.texts("domain", "")
    model, strategy = sheet.texts("model"), sheet.texts("strategy", "direct")
    score = sheet.scores()
    _, head = np.unique(query.codes, return_index=True)  # the first row of each query
    other = text.codes != text.codes[head][query.codes]
    if other.any():
        row = int(other.argmax())
        which = query.values[query.codes[row]]
        raise sheet.error(f"query_id {which!r} stands for another query above; ids must tell queries apart", row)
    pairs = list(zip(model.codes.tolist(), strategy.codes.tolist(), strict=True))
    place = {pair: i for i, pair in enumerate(dict.fromkeys(pairs))}
    arm = np.array([place[pair] for pair in pairs], dtype=np.intp)
    cells = _Cells(query.codes * len(place) + arm, len(head), len(place))
    prompt, completion = cells.mean(sheet.costs("prompt_tokens")), cells.mean(sheet.costs("completion_tokens"))
    return OutcomeTable(
        name=sheet.path.name,
        ids=tuple(query.values),
        texts=tuple(text.values[code] for code in text.codes[head]),
        domains=tuple(theme.values[code] for code in theme.codes[head]),
        arms=tuple(Arm(model.values[i], strategy.values[j]) for i, j in place),
        scores=cells.mean(np.clip(score, 0.0, 1.0)),
        usd=cells.mean(sheet.costs("cost_usd")),
        seconds=cells.mean(sheet.costs("seconds")),
        tokens=np.nan_to_num(prompt) + completion,
        notes=tuple(_notes(score, cells)),
    ).routable()


def _notes(score: Numbers, cells: "_Cells") -> Iterator[str]:
    if cells.repeated:
        yield f"{cells.repeated} queries and arms stand several times in the table; their means count"
    stray = score[(score < -ROUNDING) | (score > 1.0 + ROUNDING)]
    if len(stray):
        far = stray[np.abs(stray - 0.5).argmax()]
        yield f"{len(stray)} of {len(score)} scores lie outside 0..1, as far as {far:.3f}; the nearest bound counts"


@dataclass(frozen=True, slots=True, eq=False)
class _Cells:
    """Which cell of [queries, arms] each row of the file belongs to."""

    of: Rows
    queries: int
    arms: int

    @property
    def repeated(self) -> int:
        """How many cells have several rows."""
        return int((np.bincount(self.of) > 1).sum())

    def mean(self, values: Numbers) -> Numbers:
        """The mean of the known values in each cell, [queries, arms]; NaN where there is none."""
        known, size = ~np.isnan(values), self.queries * self.arms
        counts = np.bincount(self.of[known], minlength=size)
        sums = np.bincount(self.of[known], weights=values[known], minlength=size)
        means = np.divide(sums, counts, out=np.full(size, np.nan), where=counts > 0)
        return np.asarray(means.reshape(self.queries, self.arms))
