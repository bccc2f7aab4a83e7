"""Rows of plain values and their CSV form. Floats keep nine digits, all that float32 has."""

import csv
import io
import math
from collections.abc import Sequence
from typing import Any

Row = dict[str, Any]

KEY = ["experiment", "digest", "variant", "depth", "seed"]
NETWORKS = [
    *["experiment", "digest", "task", "family", "variant", "depth", "seed", "width", "init", "norm", "shortcut"],
    *["paired", "batch_size", "lr", "precision", "engine", "device", "threads", "torch_version", "commit"],
    *["parameters", "multiply_adds", "steps", "train_loss", "test_loss", "train_error", "test_error"],
    *["mean_train_loss", "mean_test_loss", "chance_error", "status", "diverged_step", "stuck", "seconds", "slug"],
]
CURVES = [
    *["experiment", "digest", "variant", "depth", "seed", "step", "lr"],
    *["batch_loss", "batch_error", "train_loss", "test_loss", "train_error", "test_error"],
]
LAYERS = [
    *["experiment", "digest", "variant", "depth", "seed", "moment", "layer"],
    *["output_sd", "gradient_norm", "response_sd"],
]
PREDICTIONS = ["experiment", "digest", "variant", "depth", "seed", "x", "prediction"]


def to_csv(rows: Sequence[Row], columns: Sequence[str]) -> str:
    """CSV text with a header; a value that a row lacks, None and NaN are empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _cell(row.get(name)) for name in columns})
    return text.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.9g}"
    return value
