"""How far a long measurement is, on stderr."""

import sys
import time

EVERY_SECONDS = 10.0


class Progress:
    """A line every ten seconds: `surface of depth=056,plain,seed=0: 120 of 441, about 30 s left`.

    Args:
        what: is measured, in words.
        total: how many ticks there will be.
    """

    def __init__(self, what: str, total: int) -> None:
        self.what, self.total = what, total
        self.done = 0
        self.began = self.said = time.monotonic()

    def tick(self) -> None:
        """One more is done."""
        self.done += 1
        now = time.monotonic()
        if now - self.said < EVERY_SECONDS and self.done < self.total:
            return
        self.said = now
        left = (now - self.began) / self.done * (self.total - self.done)
        print(f"{self.what}: {self.done} of {self.total}, about {left:.0f} s left", file=sys.stderr, flush=True)
