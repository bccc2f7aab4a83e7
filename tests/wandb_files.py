"""Reading an offline W&B file back: protocol-buffer records in LevelDB's log format, behind a seven-byte header."""

import json
import struct
from collections.abc import Iterator
from pathlib import Path

from wandb.proto import wandb_internal_pb2

BLOCK, FULL, LAST = 32768, 1, 4


def wandb_records(folder: Path) -> dict[str, list]:
    """All records of the one offline W&B file below `folder`, by type."""
    (path,) = folder.glob("wandb/offline-run-*/*.wandb")
    found: dict[str, list] = {}
    for data in _records(path.read_bytes()):
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
