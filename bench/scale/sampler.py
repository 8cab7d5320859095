"""A sampling profiler around one of sluice's programs: `sampler.py deployments.cli worker`, samples to $BENCH_PROFILE.

A signal comes every few milliseconds of CPU time and notes where the main thread is; samples are written on SIGUSR1 and
counting begins anew, so that a run's start is not mixed with its steady state.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
from collections import Counter
from pathlib import Path
from types import FrameType

EVERY_S = 0.005
DEEPEST = 60

stacks: Counter[tuple[str, ...]] = Counter()


def _note(_signal: int, frame: FrameType | None) -> None:
    stack: list[str] = []
    while frame is not None and len(stack) < DEEPEST:
        code = frame.f_code
        stack.append(f"{code.co_filename}:{code.co_qualname}")
        frame = frame.f_back
    stacks[tuple(stack)] += 1


def _write(_signal: int, _frame: FrameType | None) -> None:
    global stacks  # samples go on coming while these are written
    written, stacks = stacks, Counter()
    found = [{"stack": stack, "samples": count} for stack, count in written.most_common()]
    Path(os.environ["BENCH_PROFILE"]).write_text(json.dumps(found))


def main() -> None:
    """Run the `main` of a module under the profiler."""
    program = importlib.import_module(sys.argv.pop(1))  # its imports are not to be sampled
    signal.signal(signal.SIGPROF, _note)
    signal.signal(signal.SIGUSR1, _write)
    signal.siginterrupt(signal.SIGPROF, False)
    signal.setitimer(signal.ITIMER_PROF, EVERY_S, EVERY_S)
    program.main()


if __name__ == "__main__":
    main()
