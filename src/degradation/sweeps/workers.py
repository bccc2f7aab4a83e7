"""Worker processes of a sweep on one machine."""

import os
import threading
import time
from functools import cache

NICE = 5  # steps of priority


@cache  # once a process
def give_way() -> None:
    """Let the sweep's own process go first: while workers hold all cores it writes reports that somebody waits for."""
    os.nice(NICE)


@cache
def exit_with_parent() -> None:
    """End this worker when the sweep that started it is gone; its runs are safe at any moment."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
