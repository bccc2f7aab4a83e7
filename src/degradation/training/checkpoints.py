"""The checkpoint file of a run: plain types and tensors, replaced whole, read without unpickling code."""

import io
import zipfile
from pathlib import Path
from typing import Any

import torch

from degradation.records.files import write_bytes
from degradation.records.run import DamagedRunError


class BadCheckpointError(DamagedRunError):
    """A checkpoint that is damaged or belongs to another run; the message names the file and says what to do."""


def save(path: Path, checkpoint: dict[str, Any]) -> None:
    """Write `checkpoint` to `path`; a kill at any moment leaves the last one whole."""
    content = io.BytesIO()
    torch.save(checkpoint, content)
    write_bytes(path, content.getvalue())


UNFINISHED = "Delete the file or add runtime.restart=true to train this cohort again from its first step."
FINISHED = "Delete the run's folder to train this cohort again."


def load(path: Path, *, identity: dict[str, Any], advice: str = UNFINISHED) -> dict[str, Any]:
    """The checkpoint of the cohort of that identity, on the CPU.

    Args:
        advice: what to do if it is not.

    Raises:
        BadCheckpointError: it cannot be read or is another cohort's.
    """
    try:
        with zipfile.ZipFile(path) as archive:  # torch does not compare the checksums that it writes
            if archive.testzip() is not None:
                raise zipfile.BadZipFile
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a cut or overwritten file fails in many ways inside torch
        raise BadCheckpointError(f"{path} is damaged ({type(error).__name__}). {advice}") from error
    ours = isinstance(checkpoint, dict) and checkpoint.get("identity") == identity
    if not ours:
        raise BadCheckpointError(f"{path} is not a checkpoint of this cohort. {advice}")
    return checkpoint
