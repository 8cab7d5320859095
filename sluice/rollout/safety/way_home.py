"""When all traffic may go to the primary: never from pods that serve to pods that do not."""

from __future__ import annotations

import math

LEAST = 0.75
"""Share of its pods that a primary needs before it gets back all of the traffic: as many as a rolling update by Kubernetes'
defaults keeps."""


def why_not_home(weight: int, primary: int, wanted: int, canary: int) -> str:
    """Why the primary cannot take all traffic now; empty where it can.

    Args:
        weight: the canary's share of the traffic now, percent.
        primary: pods that the primary's Service offers.
        wanted: pods that the primary is to have.
        canary: pods that the canary's Service offers. Where there are none, nothing is lost by leaving.
    """
    if not weight or not canary:
        return ""
    # Users who meet a bad canary are better off on a primary that is short of pods, unless it has none at all. A canary that
    # has all of the traffic was judged good: it keeps it until the primary can carry it.
    least = max(1, math.ceil(LEAST * wanted)) if weight == 100 else 1
    if primary >= least:
        return ""
    return f"the primary offers {primary} of {wanted} pods, and {least} have to serve before it gets all traffic"
