"""Tables on disk as data frames."""

import contextlib
import io
import zlib
from collections.abc import Sequence
from gzip import BadGzipFile
from pathlib import Path
from typing import Any

import pandas as pd

from degradation.records.columns import CONDITION
from degradation.records.files import write_text

TYPES = {
    **dict.fromkeys(
        ("experiment", "condition", "base_digest", "digest", "commit", "torch_version", "slug", "depths"), "str"
    ),
    "diverged_step": "Int64",
}
AS_TEXT: dict[str, Any] = {"dtype": "str", "keep_default_na": False}
# columns of keys that are sorted by value
NUMBERS = {
    *("depth", "seed", "step", "layer", "networks", "width", "batch_size"),
    *("x", "y", "count", "place", "length", "channel", "row", "column"),
}

ADDED = {"response_sd"}  # columns that tables of earlier versions lack; they are read as empty


COMPRESSED = ".gz"  # what a large published table's name ends in, beside .csv


class DamagedTableError(ValueError):
    """A table that cannot be read; the message names the file."""


class EarlierTableError(DamagedTableError):
    """A table that an earlier version of the suite wrote; the message names the file and says what to do."""


def at(path: Path) -> Path | None:
    """Where a table lies: at its path or, compressed, beside it; None where there is none."""
    compressed = path.with_name(path.name + COMPRESSED)
    return next((file for file in (path, compressed) if file.exists()), None)


def read(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """A table, compressed or not, with at least `columns`.

    Raises:
        DamagedTableError: the file is no CSV or lacks a column.
    """
    return _read(path, columns, {"dtype": TYPES}, empty=float("nan"))


def read_text(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """`read`, every value as the text that stands in the file."""
    return _read(path, columns, AS_TEXT, empty="")


def _read(path: Path, columns: Sequence[str], options: dict[str, Any], empty: Any) -> pd.DataFrame:
    try:
        table = pd.read_csv(at(path) or path, **options)
    except (ValueError, UnicodeDecodeError, EOFError, BadGzipFile, zlib.error) as error:
        raise DamagedTableError(f"{path} is damaged ({error}).") from error
    if CONDITION in table:  # empty for the experiment as its file has it
        table[CONDITION] = table[CONDITION].fillna("")
    missing = [name for name in columns if name not in table]
    if "matched" in missing and "paired" in table:
        raise EarlierTableError(
            f"{path} was written by an earlier version of this suite and cannot be joined with today's records; move "
            f"the folder {path.parent} away."
        )
    if set(missing) <= ADDED:
        return table.assign(**dict.fromkeys(missing, empty))
    if missing:
        raise DamagedTableError(f"{path} lacks the columns {', '.join(missing)}.")
    return table


def read_texts(paths: Sequence[Path], columns: Sequence[str]) -> pd.DataFrame:
    """The rows of all tables as text; parsed in one go if they can be, since a thousand small ones take seconds.

    Raises:
        DamagedTableError: a file is no CSV or lacks a column.
    """
    header = (",".join(columns) + "\n").encode()
    contents = [path.read_bytes() for path in paths]
    if all(content.startswith(header) for content in contents):  # and not of an earlier version
        joined = header + b"".join(content.removeprefix(header) for content in contents)
        with contextlib.suppress(ValueError):
            return pd.read_csv(io.BytesIO(joined), **AS_TEXT)
    return pd.concat([read_text(path, columns) for path in paths], ignore_index=True)


def to_text(table: pd.DataFrame) -> pd.DataFrame:
    """Every value as it is written; numbers with nine digits, all that float32 has."""
    written = table.to_csv(index=False, float_format="%.9g")
    return pd.read_csv(io.StringIO(written), **AS_TEXT)


def upsert(path: Path, new: pd.DataFrame, key: Sequence[str], columns: Sequence[str]) -> None:
    """Put rows of text into a table on disk, replacing those of the same key; the table is sorted by key.

    Raises:
        DamagedTableError: the table on disk cannot be read, or a row of it has no key or a wrong one.
    """
    table, place = new, at(path)
    if place is not None:
        held = read_text(path, columns)
        if (held[list(key)] == "").any(axis=None):
            raise DamagedTableError(f"{path} is damaged (a row lacks its key).")
        table = pd.concat([held, new], ignore_index=True)
    table = table.drop_duplicates(list(key), keep="last")
    try:
        table = table.sort_values(list(key), ignore_index=True, key=_value)
    except ValueError as error:
        raise DamagedTableError(f"{path} is damaged ({error}).") from error
    write_text(path, table.to_csv(index=False))
    if place is not None and place != path:
        place.unlink()


def _value(column: pd.Series) -> pd.Series:
    return pd.to_numeric(column) if column.name in NUMBERS else column
