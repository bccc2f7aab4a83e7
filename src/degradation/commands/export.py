"""`experiments/export.py`: the networks of a finished run as files for other programs."""

from pathlib import Path

from omegaconf import DictConfig

from degradation.checks import one_of, require
from degradation.commands.errors import sentences
from degradation.config import parsing

KEYS = ("run", "format", "out")
FORMATS = ("state_dict", "onnx")


def export_job(composed: DictConfig) -> None:
    """Write one file a network, and say which."""
    with sentences():
        values = parsing.plain_values(composed)
        parsing.check_keys(values, list(KEYS), prefix="")
        require(isinstance(values["run"], str), f"run is {values['run']!r}; the folder of a finished run is expected.")
        one_of("format", values["format"], FORMATS)
        folder = values["out"]
        require(isinstance(folder, str | None), f"out is {folder!r}; a folder is expected.")
        run = Path(values["run"])
        from degradation.training.export import export

        for path in export(run, values["format"], run / "export" if folder is None else Path(folder)):
            print(path)
