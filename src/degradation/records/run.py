"""The folder of one run: what is in it, whether it is whole, and who is writing to it."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from filelock import FileLock

from degradation.checks import ConfigError
from degradation.config import Config
from degradation.records.columns import KEY, Row, to_csv
from degradation.records.files import checksum, write_text
from degradation.records.identity import condition, identity, slug

STATUS = "status.json"
CONFIG = "config.yaml"
CHECKPOINT = "last.ckpt"
TRACEBACK = "traceback.txt"
DIAGNOSTICS = "diagnostics"  # in status.json: the tables of diagnostics, each with its key and columns beside KEY
LOCK_SECONDS = 10  # the workers of a sweep that was killed need a moment to end


class DamagedRunError(Exception):
    """A file of a finished run is missing or not what was written; the message names it."""


class JobFailedError(Exception):
    """A cohort could not be trained; the message is a sentence, the traceback (if any) is in the run's folder."""


class JobInterruptedError(JobFailedError):
    """The job was asked to stop; its checkpoint is kept."""


class RunFolder:
    """A folder of a run, `runs/<experiment>/<slug>/`.

    status.json says how far it is: `state` (running, interrupted, failed, done), `step`, `max_steps`, `seconds`,
    `losses` by variant, and once done the tables of diagnostics and the checksums of all files but the checkpoint.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.diagnostics: dict[str, tuple[list[str], list[str]]] = {}

    def lock(self) -> FileLock:
        """The lock that whoever writes to the folder holds. Freed by the system when its process ends.

        Raises:
            ConfigError: the folder cannot be made.
        """
        make_folder(self.path, "runtime.runs_dir")
        return FileLock(self.path / ".lock", timeout=LOCK_SECONDS)

    def read_status(self) -> dict[str, Any] | None:
        """The content of status.json, or None if there is none that can be read."""
        return read_status(self.path)

    def write_status(self, state: str, **values: Any) -> None:
        """Replace status.json."""
        write_text(self.path / STATUS, json.dumps({"state": state, **values}, indent=1) + "\n")

    def write_json(self, name: str, values: dict[str, Any]) -> None:
        write_text(self.path / name, json.dumps(values, indent=1) + "\n")

    def write_rows(self, name: str, rows: Sequence[Row], columns: Sequence[str]) -> None:
        write_text(self.path / name, to_csv(rows, columns))

    def write_diagnostic(self, name: str, rows: Sequence[Row], key: list[str], columns: list[str]) -> None:
        """Write a diagnostic's table and declare it, so that collecting finds it.

        Args:
            name: of the file.
            key, columns: those of a row beside KEY: what identifies it, what was measured.
        """
        write_text(self.path / name, to_csv(rows, [*KEY, *key, *columns]))
        self.diagnostics[name] = (key, columns)

    def finish(self, **values: Any) -> None:
        """Mark the run as done, with the checksums of its tables."""
        (self.path / TRACEBACK).unlink(missing_ok=True)
        files = {file.name: checksum(file) for file in [self.path / CONFIG, *sorted(self.path.glob("*.csv"))]}
        self.write_status("done", **values, diagnostics=self.diagnostics, files=files)

    def add_diagnostic(self, name: str, rows: Sequence[Row], key: list[str], columns: list[str]) -> None:
        """Write a diagnostic's table beside those of a finished run."""
        status = self.read_status() or {}
        values = {field: value for field, value in status.items() if field not in ("state", "files", DIAGNOSTICS)}
        self.diagnostics = dict(status.get(DIAGNOSTICS, {}))
        files = {file: expected for file, expected in status.get("files", {}).items() if file != name}
        self.write_status("done", **values, diagnostics=self.diagnostics, files=files)  # a kill leaves it whole
        self.write_diagnostic(name, rows, key, columns)
        self.finish(**values)


class Run(RunFolder):
    """The folder of a cohort that is or was trained."""

    def __init__(self, config: Config, defaults: Config) -> None:
        self.config = config
        self.slug = slug(config, defaults)
        self.condition = condition(config, defaults)
        super().__init__(Path(config.runtime.runs_dir) / config.experiment.name / self.slug)

    def check_identity(self) -> None:
        """Refuse a folder that holds the results of another configuration.

        Raises:
            ConfigError: what differs, and what to do.
        """
        held = self._read_config()
        if held is None or held.get("identity") == identity(self.config) or self._config_is_damaged():
            return
        if "digests" not in held.get("identity", {}):
            raise ConfigError(
                f"{self.path} was made by an earlier version of this suite, whose runs cannot be continued; move or "
                "delete that folder, or set runtime.runs_dir."
            )
        raise ConfigError(
            f"{self.path} holds another configuration ({_differing(held, self.config)}): the experiment's defaults "
            "have changed since. Move or delete that folder, or make the change an experiment of its own."
        )

    def is_done(self) -> bool:
        """`verify` for this folder."""
        return verify(self.path)

    def clear(self) -> None:
        """Forget a damaged or discarded run, so that it is trained from its first step."""
        for name in (STATUS, CHECKPOINT):
            (self.path / name).unlink(missing_ok=True)

    def write_config(self) -> None:
        document = {"identity": identity(self.config), "config": self.config.composed}
        write_text(self.path / CONFIG, yaml.safe_dump(document, sort_keys=False))

    def _config_is_damaged(self) -> bool:
        """Whether config.yaml of a finished run is not what was written; `is_done` names it then."""
        files = (self.read_status() or {}).get("files")
        return isinstance(files, dict) and checksum(self.path / CONFIG) != files.get(CONFIG)

    def _read_config(self) -> dict[str, Any] | None:
        try:
            document = yaml.safe_load((self.path / CONFIG).read_text())
        except (OSError, ValueError, yaml.YAMLError):
            return None
        return document if isinstance(document, dict) else None


def _differing(held: dict[str, Any], config: Config) -> str:
    composed = held.get("config") or {}
    found = [
        f"{group}.{key}: {composed.get(group, {}).get(key)} there, {value} now"
        for group in ("task", "network", "recipe")
        for key, value in config.composed[group].items()
        if composed.get(group, {}).get(key) != value
    ]
    return "; ".join(found) or "another cohort"


def read_status(folder: Path) -> dict[str, Any] | None:
    """The content of a run folder's status.json, or None if there is none that can be read."""
    try:
        status = json.loads((folder / STATUS).read_text())
    except (OSError, ValueError):
        return None
    return status if isinstance(status, dict) else None


def verify(folder: Path) -> bool:
    """Whether the run in `folder` is finished and all its files are as they were written.

    Raises:
        DamagedRunError: it was finished, but a file was changed, cut or lost since.
    """
    status = read_status(folder)
    if status is None and (folder / STATUS).exists():
        raise DamagedRunError(f"{folder / STATUS} is damaged.")
    if status is None or status.get("state") != "done":
        return False
    files = status.get("files")
    if not isinstance(files, dict):
        raise DamagedRunError(f"{folder / STATUS} is damaged.")
    for name, expected in files.items():
        file = folder / name
        if not file.exists():
            raise DamagedRunError(f"{file} is missing.")
        if checksum(file) != expected:
            raise DamagedRunError(f"{file} is damaged (its checksum is not the one that was written).")
    return True


def make_folder(path: Path, key: str) -> None:
    """Make a folder that can be written to.

    Raises:
        ConfigError: it cannot; `key` is the configuration key that names it.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe = path / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise ConfigError(f"{path} cannot be written to ({error.strerror}); set {key} to a folder that can.") from error
