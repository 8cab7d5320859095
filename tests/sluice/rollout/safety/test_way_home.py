"""When all traffic may go to the primary."""

from __future__ import annotations

import pytest

from sluice.rollout.safety.way_home import why_not_home


@pytest.mark.parametrize(
    ("weight", "primary", "wanted", "canary", "may"),
    [
        pytest.param(0, 0, 2, 2, True, id="it is at home already"),
        pytest.param(30, 0, 2, 2, False, id="never from pods that serve to none"),
        pytest.param(30, 1, 4, 4, True, id="users of a bad canary are better off on few pods"),
        pytest.param(30, 0, 2, 0, True, id="nothing is lost where the canary has none either"),
        pytest.param(100, 0, 2, 2, False, id="a promotion whose primary does not come up"),
        pytest.param(100, 2, 4, 4, False, id="or comes up with half of its pods"),
        pytest.param(100, 3, 4, 4, True, id="as many as a rolling update keeps"),
        pytest.param(100, 1, 1, 1, True, id="one of one"),
        pytest.param(100, 0, 0, 3, False, id="a primary that wants none serves nobody"),
    ],
)
def test_traffic_never_leaves_pods_that_serve_for_pods_that_do_not(
    weight: int, primary: int, wanted: int, canary: int, may: bool
) -> None:
    """By what the Services offer now."""
    assert (why_not_home(weight, primary, wanted, canary) == "") is may
