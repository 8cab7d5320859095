"""What Python's collector of garbage is spared in a process that lives for months.

Out of the box it searches what is new after each 700 objects, and now and then all that there is: some 400,000 objects of
libraries that never go, and the objects of a cluster. That was 7 % of what a release costs. What is not part of a circle
is freed at once without it.
"""

from __future__ import annotations

import gc

NEW = 10_000
"""Objects more than before after which the new ones are searched."""
TIMES = 20
"""Searches of the new ones after which those that were left are searched once more, and so on."""


def search_seldom() -> None:
    """Leave out for good what is there by now, such as the libraries, and search what comes more seldom.

    May be called again, once more is loaded that stays.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW, TIMES, TIMES)
