"""Users of the sample application: a program that sends requests on a schedule, and the reading of what they got."""

from __future__ import annotations

from pathlib import Path

LOAD = Path(__file__).parent
"""The Go module of the program."""
