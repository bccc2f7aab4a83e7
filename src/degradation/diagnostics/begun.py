"""What a measurement on a finished run has found so far: one that was interrupted goes on from there."""

import json
from pathlib import Path

from degradation.records.columns import Row
from degradation.records.files import write_text
from degradation.training.members import Member

Name = tuple[object, ...]  # a member's three values, then those of the diagnostic's key


class Begun:
    """Rows in the order in which they were measured, each kept in a file as soon as it is there.

    Attributes:
        rows: by network and the values of the diagnostic's key.

    Args:
        key: the diagnostic's.
        path: of the file, a row a line; None: in memory alone.
    """

    def __init__(self, key: list[str], path: Path | None = None) -> None:
        self.key, self.path = key, path
        self.rows: dict[Name, tuple[Member, Row]] = {}
        if path is not None and path.exists():
            whole = path.read_text().rpartition("\n")[0].splitlines()  # a kill may have cut the last line
            for line in whole:
                member, row = json.loads(line)
                self._put(Member(*member), row)
            write_text(path, "".join(f"{line}\n" for line in whole))

    def add(self, member: Member, row: Row) -> None:
        """Keep a row; one of the same network and key is replaced."""
        self._put(member, row)
        if self.path is not None:
            with self.path.open("a") as file:
                file.write(json.dumps([member, row]) + "\n")

    def forget(self) -> None:
        """Remove the file."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)

    def _put(self, member: Member, row: Row) -> None:
        self.rows[*member, *(row[name] for name in self.key)] = (member, row)
