"""Timing calls that take turns, and printing what came of it."""

import statistics
import time
from collections.abc import Callable
from typing import Any

import torch

Row = dict[str, Any]


def medians_ms(calls: dict[str, Callable[[], object]], seconds: float = 2.0) -> dict[str, float]:
    """Median time of each call in milliseconds. They take turns, so that a busy moment of the machine hits
    all alike; each is called at least 3 times and for about ``seconds``."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        call()
    for _ in range(50):
        for name, call in calls.items():
            mine = times[name]
            if len(mine) < 3 or sum(mine) < seconds:
                start = time.perf_counter()
                call()
                if torch.cuda.is_available():
                    torch.cuda.synchronize()
                mine.append(time.perf_counter() - start)
    return {name: statistics.median(mine) * 1e3 for name, mine in times.items()}


def table(title: str, unit: str, calls: dict[str, Callable[[], object]]) -> list[Row]:
    """Time srlib's call and its peers', print a table, return its rows."""
    print(f"\n{title}\n{'':46}{unit:>10}{'x srlib':>10}")
    values = medians_ms(calls)
    ours = next(iter(values.values()))
    for name, value in values.items():
        print(f"{name:46}{value:10.2f}{value / ours:10.2f}", flush=True)
    return [
        {"table": title, "name": name, "unit": unit, "value": value, "ratio": value / ours}
        for name, value in values.items()
    ]


def rates_table(title: str, unit: str, rates: dict[str, float], aside: str = "") -> list[Row]:
    """Print and return rates, srlib's first: more is better, a ratio above 1 says that srlib is faster."""
    print(f"\n{title} {aside}\n{'':46}{unit:>10}{'x srlib':>10}")
    ours = next(iter(rates.values()))
    for name, value in rates.items():
        print(f"{name:46}{value:10.2f}{ours / value:10.2f}", flush=True)
    return [
        {"table": title, "name": name, "unit": unit, "value": value, "ratio": ours / value, "aside": aside}
        for name, value in rates.items()
    ]
