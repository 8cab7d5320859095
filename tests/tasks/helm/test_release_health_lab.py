"""`healthCheckExprs` of a HelmRelease, by the real helm on a real cluster: it waits for what the expressions say."""

from __future__ import annotations

import pytest

from sluice.errors import TerminalError
from tests.tasks.helm.lab_shop import Shop

pytestmark = pytest.mark.lab
READY_BY = {"apiVersion": "v1", "kind": "ConfigMap", "current": "data.greeting == 'hello'"}


async def test_an_act_waits_until_the_expressions_hold_and_fails_where_they_never_do(it: Shop) -> None:
    """Helm's general rules take a ConfigMap for ready as soon as it is there."""
    await it.wants(healthCheckExprs=[READY_BY], timeout="5s")
    assert await it.released() == "install"
    assert (await it.condition("Ready"))[0] == "True"
    await it.wants(values={"greeting": "not yet"})
    with pytest.raises(TerminalError, match="Failed to upgrade"):
        await it.released()
    assert (await it.condition("Released"))[:2] == ("False", "UpgradeFailed")
    assert it.listed()[0]["status"] == "failed"
    await it.wants(values={"greeting": "hello"})
    assert await it.released() == "upgrade"
    assert (await it.condition("Ready"))[0] == "True"


async def test_they_say_nothing_where_an_act_does_not_wait(it: Shop) -> None:
    """As Flux has it; one that is no expression is refused in any case, by its field."""
    await it.wants(healthCheckExprs=[READY_BY], install={"disableWait": True}, values={"greeting": "not yet"})
    assert await it.released() == "install"
    await it.wants(healthCheckExprs=[{**READY_BY, "failed": "data.greeting =="}])
    with pytest.raises(TerminalError, match=r"spec\.healthCheckExprs\[0\]\.failed"):
        await it.released()
    assert (await it.condition("Ready"))[:2] == ("False", "InvalidCELExpression")
