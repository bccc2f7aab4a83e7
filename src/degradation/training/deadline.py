"""`runtime.max_minutes`: the moment at which the command that was started stops, known to all its worker processes.

The moment is an environment variable: workers inherit it whichever launcher starts them, and it is no configuration, of
which a clock could become part.
"""

import os
import time

from degradation.config import Runtime

STOP_AT = "DEGRADATION_STOP_AT"  # seconds since the epoch
EXIT_CODE = 75  # EX_TEMPFAIL of sysexits.h: call again


def start(runtime: Runtime) -> None:
    """Start the clock, in the process that was started and before it starts others."""
    if runtime.max_minutes is None:
        os.environ.pop(STOP_AT, None)
    else:
        os.environ[STOP_AT] = str(time.time() + 60 * runtime.max_minutes)


def sentence(runtime: Runtime, how_far: str) -> str:
    """What a command says when it stops."""
    minutes = f"The {runtime.max_minutes:g} minutes of runtime.max_minutes are up"
    return f"{minutes}{how_far}. The same command goes on from here."


def passed() -> bool:
    """Whether the time is up."""
    return time.time() > float(os.environ.get(STOP_AT, "inf"))
