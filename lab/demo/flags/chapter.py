"""The chapter as a whole: the flag that is done leaves the code while nobody releases, the other one goes with a release."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from lab.demo.flags.killed import release_behind_flag
from lab.demo.flags.meanwhile import Meanwhile
from lab.demo.flags.page import said_of_killed, said_of_removed
from lab.demo.flags.removed import Checkout
from lab.demo.flags.service import Flags
from lab.paths import LabPaths
from lab.product.deliveries import Measurements
from lab.product.in_cluster import LOGIN
from lab.progress import say

SKIPPED = "on a cluster of yours there is no flag service and no forge of the lab's"
PATIENCE_S = 240.0


class Chapter:
    """Both stories in one run of the demo. Whatever is known of them by then is in `found`, also where one breaks."""

    def __init__(self, measurements: Measurements, flags: Flags, checkout: Checkout) -> None:
        self._measurements, self._flags, self._checkout = measurements, flags, checkout
        self._removal: Meanwhile[None] | None = None

    @classmethod
    def begun(
        cls,
        places: LabPaths,
        env: Mapping[str, Any],
        measurements: Measurements,
        ending: contextlib.ExitStack,
        *,
        in_cluster: bool,
    ) -> Chapter | None:
        """The flag service, and the team's code with its audit; None on a cluster of somebody's own."""
        if env.get("existing"):
            return None
        flags = Flags.started(places, ending)
        user, _, password = LOGIN.partition(":")
        login = (user, password) if in_cluster else None
        checkout = Checkout.installed(places, env, measurements.cluster, flags, login, measurements.check)
        return cls(measurements, flags, checkout)

    def audit(self, found: dict[str, Any]) -> None:
        """Begin with the flag that is done: users of the shop notice nothing, so it goes on next to a release."""
        say("meanwhile an audit looks through the checkout's repository for flags that are done")
        self._removal = Meanwhile(lambda: self._remove(found), "the removal of a flag")

    def release(self, found: dict[str, Any]) -> None:
        """Release what is behind the other flag, and wait for the end of both; `found` gets what came of them."""
        killed = found["killed"] = release_behind_flag(self._measurements, self._flags)
        for line in said_of_killed(killed):
            say(f"  {line}")
        if self._removal is not None:
            self._removal.result(PATIENCE_S)

    def _remove(self, found: dict[str, Any]) -> None:
        removed = found["removed"] = self._checkout.remove_flag()
        say(said_of_removed(removed))
