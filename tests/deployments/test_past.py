"""Past traffic of a Canary as a release that can be judged: what is asked for, and what is told where it cannot be."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from deployments.past import canary_in, past_release
from deployments.replay import release_of
from sluice.errors import InvalidError, TransientError
from tests.samples import canary, canary_manifest, success_rate

BEGIN, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, 1, tzinfo=UTC)
NOBODY = "http://127.0.0.1:9"


def test_the_canary_of_a_manifest_is_found_among_others(tmp_path: Path) -> None:
    """As `kubectl apply -f` takes it."""
    file = tmp_path / "shop.yaml"
    file.write_text(yaml.safe_dump_all([{"kind": "Service"}, canary_manifest()]))
    assert canary_in(file).name == "shop"
    file.write_text(yaml.safe_dump_all([canary_manifest(), canary_manifest(name="other")]))
    with pytest.raises(InvalidError, match="has 2 Canaries where one is needed"):
        canary_in(file)
    with pytest.raises(InvalidError, match="nowhere"):
        canary_in(tmp_path / "nowhere")


async def test_what_cannot_be_judged_is_told() -> None:
    """Times that are not in order, no counted metric, and a Prometheus that is not there, by their names."""
    judged = canary({"analysis": {"metrics": [success_rate(99)]}})
    with pytest.raises(InvalidError, match="is not after --begin"):
        await past_release(judged, NOBODY, END, BEGIN)
    with pytest.raises(InvalidError, match="no counted metric"):
        await past_release(canary(), NOBODY, BEGIN, END)
    with pytest.raises(TransientError, match="127"):
        await past_release(judged, NOBODY, BEGIN, END)


def test_one_time_alone_is_refused() -> None:
    """Instead of judging until now, or since ever."""
    with pytest.raises(InvalidError, match="--begin and --end go together"):
        release_of("shop.test", begin=BEGIN)
