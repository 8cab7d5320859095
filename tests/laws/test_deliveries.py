"""Laws of deliveries: whatever happens at any write, in the end the cluster is what git says; nothing foreign is touched."""

from __future__ import annotations

import pytest

from tests.laws.deliveries.life import lived

SEEDS, EACH = 8, 25


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_life_of_deliveries_keeps_the_laws(seed: int) -> None:
    """Commits, crashes, refusals, people's hands, two processes at once: `python -m tests.laws.deliveries.play` plays more.

    In the end the cluster is what git says; nothing that is nobody's in git was touched or deleted; nothing was pruned
    after a failed render; each Kustomization says how it ended, once for each rendering; what failed is due.
    """
    for number in range(EACH):
        lived(f"{seed}/{number}")
