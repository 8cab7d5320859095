"""`python -m bench.scale.hotspots FILE…`: what the profiler sampled, as shares of CPU, own and with callees."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

from lab.progress import console

SHOWN = 40


def short(frame: str) -> str:
    """A frame without the folders that everybody knows."""
    file, _, name = frame.partition(":")
    parts = file.rpartition("site-packages/")[2].split("/")
    return f"{'/'.join(parts[-3:])}:{name}"


def shares(samples: list[tuple[list[str], int]]) -> tuple[Counter[str], Counter[str], int]:
    """Samples by function: itself running, somewhere on the stack, and all of them."""
    own: Counter[str] = Counter()
    total: Counter[str] = Counter()
    count = 0
    for stack, times in samples:
        count += times
        if stack:
            own[short(stack[0])] += times
        for frame in {short(each) for each in stack}:
            total[frame] += times
    return own, total, count


def main() -> None:
    """Print both tables."""
    samples = [
        (entry["stack"], entry["samples"]) for file in sys.argv[1:] for entry in json.loads(Path(file).read_text())
    ]
    own, total, count = shares(samples)
    console.print(f"{count} samples")
    for title, counter in (("own", own), ("with callees", total)):
        console.print(f"[bold]{title}[/]")
        for name, times in counter.most_common(SHOWN):
            console.print(f"  {times / count:6.1%}  {name}", soft_wrap=True, highlight=False)


if __name__ == "__main__":
    main()
