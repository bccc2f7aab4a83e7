"""Reading an offline W&B file back: protocol-buffer records in LevelDB's log format, behind a seven-byte header."""

import json
import struct
import time
from collections.abc import Iterator
from pathlib import Path

from wandb.proto import wandb_internal_pb2

BLOCK, FULL, LAST = 32768, 1, 4
WAIT_SECONDS = 30


def wandb_records(folder: Path) -> dict[str, list]:
    """All records of the one offline W&B file below `folder`, by type."""
    (found,) = wandb_runs(folder).values()
    return found


def wandb_runs(folder: Path) -> dict[str, dict[str, list]]:
    """`wandb_records` of every offline W&B file below `folder`, by the run's displayed name.

    W&B's process writes the end of a file a moment after `finish` has returned; so this waits for it.
    """
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        files = [_by_type(path.read_bytes()) for path in folder.glob("wandb/offline-run-*/*.wandb")]
        if all("exit" in found for found in files):
            return {found["run"][0].run.display_name: found for found in files}
        assert time.monotonic() < deadline, f"a W&B file below {folder} has no end"
        time.sleep(0.05)


def _by_type(content: bytes) -> dict[str, list]:
    found: dict[str, list] = {}
    for data in _records(content):
        record = wandb_internal_pb2.Record()
        record.ParseFromString(data)
        found.setdefault(record.WhichOneof("record_type"), []).append(record)
    return found


def history(found: dict[str, list]) -> list[dict]:
    """The logged points."""
    return [
        {"/".join(item.nested_key) or item.key: json.loads(item.value_json) for item in record.history.item}
        for record in found["history"]
    ]


def settings(found: dict[str, list]) -> dict:
    """The run's config."""
    return {item.key: json.loads(item.value_json) for item in found["run"][0].run.config.update}


def summary(found: dict[str, list]) -> dict:
    """What was written into the run's summary beside the last point."""
    return {
        "/".join(item.nested_key) or item.key: json.loads(item.value_json)
        for record in found.get("summary", [])
        for item in record.summary.update
    }


def exit_code(found: dict[str, list]) -> int:
    return found["exit"][0].exit.exit_code


def _records(content: bytes) -> Iterator[bytes]:
    assert content[:4] == b":W&B"
    position, parts = 7, b""
    while position + 7 <= len(content):
        if BLOCK - position % BLOCK < 7:  # the rest of a block that cannot hold a header is padding
            position += BLOCK - position % BLOCK
            continue
        _, length, kind = struct.unpack_from("<IHB", content, position)
        parts += content[position + 7 : position + 7 + length]
        position += 7 + length
        if kind in (FULL, LAST):
            yield parts
            parts = b""
