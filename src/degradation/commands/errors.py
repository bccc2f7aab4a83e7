"""How a command ends: with a sentence and an exit code in place of a traceback."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from degradation.checks import ConfigError
from degradation.records.run import DamagedRunError, JobFailedError
from degradation.sweeps.exits import FAILED, WRONG_CONFIGURATION


def fail(message: str, code: int) -> NoReturn:
    """End an entry point with a sentence and no traceback."""
    print(f"error: {message}", file=sys.stderr)
    raise SystemExit(code) from None


@contextmanager
def sentences() -> Iterator[None]:
    """Turn what the user can mend into a sentence and an exit code.

    2: wrong configuration. 1: a failed job, a damaged run, a full disk.
    """
    try:
        yield
    except ConfigError as error:
        fail(str(error), WRONG_CONFIGURATION)
    except (JobFailedError, DamagedRunError, OSError) as error:
        fail(str(error), FAILED)
