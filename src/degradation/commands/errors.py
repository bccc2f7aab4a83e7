"""How a command ends: with a sentence and an exit code in place of a traceback."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from degradation.checks import ConfigError
from degradation.records.run import JobFailedError
from degradation.sweeps.exits import FAILED, WRONG_CONFIGURATION


def fail(message: str, code: int) -> NoReturn:
    """End an entry point with a sentence and no traceback."""
    print(f"error: {message}", file=sys.stderr)
    raise SystemExit(code) from None


@contextmanager
def sentences() -> Iterator[None]:
    """Turn what the user can mend into a sentence: wrong configuration (2), a failed job or a full disk (1)."""
    try:
        yield
    except ConfigError as error:
        fail(str(error), WRONG_CONFIGURATION)
    except (JobFailedError, OSError) as error:
        fail(str(error), FAILED)
