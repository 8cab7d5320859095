"""Plant flags into a code base, remove each with the value that gives the code back, and with the other one."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.sluice.flags.real.bases import BASES
from tests.sluice.flags.real.reading import read

with tempfile.TemporaryDirectory() as folder:
    print(read(BASES[sys.argv[1]], Path(folder), int(sys.argv[2]) if sys.argv[2:] else 100))
