"""Uploading what W&B logged offline: `wandb sync` over runs/ and results/."""

import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

from degradation.checks import ConfigError
from degradation.config import Runtime
from degradation.records.run import STATUS, read_status
from degradation.tracking.start import has_key, server

FILES = "wandb/offline-run-*/*.wandb"
ANSWER_SECONDS = 10
MOST_FAILURES = 3  # of single files, then the reason is not in the files


def sync(runtime: Runtime) -> tuple[str, bool]:
    """Upload every finished offline run that was not uploaded before.

    Returns:
        A sentence on what was done, and whether all that could be uploaded was.

    Raises:
        ConfigError: there is something to upload, but no key, or W&B's server does not answer.
    """
    files, unfinished = offline_files(runtime)
    todo = [file for file in files if not is_synced(file)]
    waiting = f" {unfinished} cohorts are not finished; run the same command again when they are." if unfinished else ""
    if not todo:
        there = f"all {len(files)} offline runs are uploaded" if files else "there are no offline runs"
        folders = f"{runtime.runs_dir} and {runtime.results_dir}"
        return f"Nothing to upload: below {folders} {there}.{waiting}", True
    if not has_key():
        raise ConfigError(
            f"{len(todo)} offline runs are to be uploaded and no W&B key was found; run `wandb login` or set "
            "WANDB_API_KEY, then the same command again. Nothing was lost."
        )
    check_answers()
    missing = _upload(todo)
    failures = 0
    for file in missing if len(todo) > 1 else []:  # a damaged file keeps W&B from uploading those beside it
        failures += bool(_upload([file]))
        if failures == MOST_FAILURES:
            break
    missing = [file for file in missing if not is_synced(file)]
    if missing:
        return (
            f"{len(todo) - len(missing)} of {len(todo)} offline runs were uploaded; {missing[0].parent} was not. W&B's "
            f"reason stands above; the same command tries again.{waiting}"
        ), False
    return f"{len(todo)} offline runs were uploaded.{waiting}", True


def _upload(files: list[Path]) -> list[Path]:
    """Run `wandb sync`; returns the files that it did not upload."""
    command = [sys.executable, "-m", "wandb", "sync", *map(str, files)]
    subprocess.run(command, env=os.environ | {"WANDB_ERROR_REPORTING": "false"}, stdin=subprocess.DEVNULL, check=False)
    return [file for file in files if not is_synced(file)]


def offline_files(runtime: Runtime) -> tuple[list[Path], int]:
    """The W&B files of finished and failed cohorts and of reports, and the number of cohorts left out.

    The others may still be written to, and W&B would not upload what is added to an uploaded file.
    """
    found, unfinished = [], 0
    for status in sorted(Path(runtime.runs_dir).glob(f"**/{STATUS}")):
        files = sorted(status.parent.glob(FILES))
        if (read_status(status.parent) or {}).get("state") in ("done", "failed"):
            found += files
        else:
            unfinished += bool(files)
    return [*found, *sorted(Path(runtime.results_dir).glob(f"*/{FILES}"))], unfinished


def is_synced(file: Path) -> bool:
    """Whether `wandb sync` has marked a file as uploaded."""
    return file.with_suffix(".wandb.synced").exists()


def check_answers() -> None:
    """Refuse to wait for a server that does not answer, as `wandb sync` does forever.

    Raises:
        ConfigError: no answer within ten seconds.
    """
    try:
        urllib.request.urlopen(server(), timeout=ANSWER_SECONDS).close()  # noqa: S310 - the address is the user's own
    except urllib.error.HTTPError:
        pass  # still an answer
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{server()} does not answer ({error}); nothing was uploaded, and nothing is lost."
        ) from error
