"""Every table's columns, and rows of plain values as CSV. Floats keep nine digits, all that float32 has.

A diagnostic's columns stand in its own module (`degradation.diagnostics`); a run says what tables it holds.
"""

import csv
import io
import math
from collections.abc import Sequence
from typing import Any

Row = dict[str, Any]

KEY = ["experiment", "digest", "variant", "depth", "seed"]  # of a network, in every table
CONDITION = "condition"  # what differs from the experiment's defaults; empty for the experiment as its file has it
BASE = "base_digest"  # of the settings before variants change them, shared by all variants of one condition
LOSSES = ["train_loss", "test_loss"]
ERRORS = ["train_error", "test_error"]  # percent; empty for regression
SIZES = ["parameters", "multiply_adds"]  # of a network; multiply-adds of the forward pass of one example
BASELINES = ["mean_train_loss", "mean_test_loss", "chance_error"]  # of a constant prediction
NETWORKS = [
    *["experiment", CONDITION, BASE, "digest", "task", "family", "variant", "depth", "seed", "width", "init", "norm"],
    *["shortcut", "matched", "batch_size", "lr", "precision", "engine", "device", "threads", "torch_version", "commit"],
    *[*SIZES, "steps", *LOSSES, *ERRORS, *BASELINES],
    *["status", "diverged_step", "stuck", "seconds", "slug"],
]
MEASURES = ["batch_loss", "batch_error", *LOSSES, *ERRORS]
CURVES = [*KEY, "step", "lr", *MEASURES]


def to_csv(rows: Sequence[Row], columns: Sequence[str]) -> str:
    """CSV text with a header; a value that a row lacks, None and NaN are empty.

    Raises:
        ValueError: a row has a value for a column that does not exist.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    for row in rows:
        unknown = row.keys() - set(columns)
        if unknown:
            raise ValueError(f"{', '.join(sorted(unknown))}: no such column; there are {', '.join(columns)}.")
        writer.writerow({name: _cell(row.get(name)) for name in columns})
    return text.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.9g}"
    return value
