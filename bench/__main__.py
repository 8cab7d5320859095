"""`python -m bench`: measure all, print it, and write it to `.lab/bench.json` with machine and load."""

from __future__ import annotations

import json
from typing import Any

from bench import burst, latency, rules
from lab.machine import hardware
from lab.paths import LabPaths
from lab.progress import console


def main() -> None:
    """Run every measure."""
    about: dict[str, Any] = {}
    found = {"rules": rules.measure(), "latency": latency.measure(about), "burst of 500 pushes": burst.measure()}
    about["load_average_end"] = hardware.load_average()
    written = LabPaths().home / "bench.json"
    written.write_text(json.dumps({"machine": about, **found}, indent=2) + "\n")
    for group, measures in found.items():
        for name, figures in measures.items():
            console.print(f"{group:<8} {name:<44} {figures}", soft_wrap=True)
    console.print(f"written to {written}")


if __name__ == "__main__":
    main()
