"""Tables on disk as data frames."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from degradation.records.files import write_text

TYPES = {
    **dict.fromkeys(("experiment", "digest", "commit", "torch_version", "slug", "depths"), "str"),
    "diverged_step": "Int64",
}


ADDED = {"response_sd"}  # columns that tables of earlier versions lack; they are read as empty


class DamagedTableError(ValueError):
    """A table that cannot be read; the message names the file."""


def read(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """A table with at least `columns`.

    Raises:
        DamagedTableError: the file is no CSV or lacks a column.
    """
    try:
        table = pd.read_csv(path, dtype=TYPES)
    except (ValueError, UnicodeDecodeError) as error:
        raise DamagedTableError(f"{path} is damaged ({error}).") from error
    missing = [name for name in columns if name not in table]
    if set(missing) <= ADDED:
        return table.assign(**dict.fromkeys(missing, float("nan")))
    if missing:
        raise DamagedTableError(f"{path} lacks the columns {', '.join(missing)}.")
    return table


def upsert(path: Path, new: pd.DataFrame, key: Sequence[str], columns: Sequence[str]) -> pd.DataFrame:
    """Put rows into a table on disk, replacing those of the same key, and return the whole table, sorted by key."""
    table = pd.concat([read(path, columns), new], ignore_index=True) if path.exists() else new
    table = table.drop_duplicates(list(key), keep="last").sort_values(list(key), ignore_index=True)
    write_text(path, table.to_csv(index=False, float_format="%.9g"))
    return table
