"""Speed compared fairly: the same machine, the same minute, the best of several turns."""

import time
from collections.abc import Callable


def fastest(*calls: Callable[[], object], rounds: int = 12) -> list[float]:
    """The shortest time of each call in seconds, taken in turns so that a busy moment hits all alike."""
    best = [float("inf")] * len(calls)
    for _ in range(rounds):
        for number, call in enumerate(calls):
            start = time.perf_counter()
            call()
            best[number] = min(best[number], time.perf_counter() - start)
    return best
