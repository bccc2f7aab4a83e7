"""Worker processes of a sweep on one machine."""

import os
import threading
import time
from functools import cache


@cache  # once a process
def exit_with_parent() -> None:
    """End this worker when the sweep that started it is gone; its runs are safe at any moment."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
