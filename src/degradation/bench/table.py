"""The bench's table: CSV, one row a case and device, and the same as Markdown."""

from pathlib import Path
from typing import Any

import pandas as pd

from degradation.records.columns import Row
from degradation.records.files import write_text
from degradation.records.tables import read, to_text, upsert
from degradation.reports.markdown import aligned

WAY = ["precision", "memory_format", "compile_blocks", "small_convolutions"]
KEY = ["device", *WAY, "way", "networks", "depths", "width", "batch_size"]
COLUMNS = [
    *[*KEY, "start_seconds", "ms_per_step", "ms_min", "ms_max", "n", "steps", "steps_per_second", "images_per_second"],
    *["network_steps_per_second", "times_loop", "minutes_of_max_steps", "peak_gb", "estimated_gb", "multiply_adds"],
    *["bytes", "multiply_adds_per_second", "bytes_per_second", "floor_ms", "floor_share", "data", "cores"],
    *["torch_version", "cuda", "commit"],
]
SHOWN = {
    "way": "way",
    "networks": "networks",
    "depths": "depth",
    "start_seconds": "s to start",
    "ms_per_step": "ms a step",
    "ms_min": "min",
    "ms_max": "max",
    "steps_per_second": "steps/s",
    "images_per_second": "images/s a network",
    "times_loop": "times loop",
    "minutes_of_max_steps": "minutes",
    "peak_gb": "GB",
    "floor_share": "share of the floor",
}


def write(folder: Path, rows: list[Row]) -> str:
    """Put rows into the device's table and draw it as Markdown; returns the Markdown."""
    name = rows[0]["device"].lower().replace(" ", "-")
    path = folder / f"{name}.csv"
    upsert(path, to_text(pd.DataFrame(rows)[COLUMNS]), KEY, COLUMNS)
    text = markdown(read(path, COLUMNS))
    write_text(folder / f"{name}.md", text)
    return text


def markdown(table: pd.DataFrame) -> str:
    """A section a precision and memory format: the machine's rates, and a line a case."""
    parts = [f"# Bench: {table['device'].iloc[0]}"]
    for (precision, memory_format, compiled, small), rows in table.groupby(WAY, sort=False):
        first = rows.iloc[0]
        parts.append(
            f"## {precision}, {memory_format}{', compiled blocks' if compiled else ''}"
            f"{', own 3x3 convolutions' if small else ''}\n\n"
            f"Median of {first['n']} times {first['steps']} steps, batch {first['batch_size']}, width "
            f"{first['width']}, {first['data']} images, {first['cores']} cores; torch {first['torch_version']}, CUDA "
            f"{first['cuda']}, commit {first['commit']}. Matrix product "
            f"{first['multiply_adds_per_second'] / 1e12:.3g} T multiply-adds/s, copy "
            f"{first['bytes_per_second'] / 1e9:.3g} GB/s. Times loop: network-steps a second over the loop's at that "
            "depth. To start: set-up, capture, and compilation of what no row before it needed. Minutes: for the "
            "recipe's steps, evaluations left out."
        )
        parts.append(aligned(list(SHOWN.values()), [[cell(row[name]) for name in SHOWN] for _, row in rows.iterrows()]))
    return "\n\n".join(parts) + "\n"


def cell(value: Any) -> str:
    if value is None or pd.isna(value):
        return ""
    return f"{value:.3g}" if isinstance(value, float) else str(value)
