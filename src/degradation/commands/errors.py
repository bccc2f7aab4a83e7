"""How a command ends: with a sentence and an exit code in place of a traceback."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from hydra.errors import HydraException

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


@contextmanager
def hydra_errors() -> Iterator[None]:
    """Turn what Hydra refuses into a sentence and exit code 2; its own is 1, which means something else here."""
    os.environ["HYDRA_FULL_ERROR"] = "1"  # so that Hydra raises
    try:
        yield
    except HydraException as error:
        fail("\n".join(filter(None, [str(error), str(error.__cause__ or "")])), WRONG_CONFIGURATION)
