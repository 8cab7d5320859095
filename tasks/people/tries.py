"""How often people have asked for this very run: Retry in Prefect's UI starts a run that has ended once more."""

from __future__ import annotations

import logging
from uuid import UUID

import httpx
from prefect.exceptions import PrefectException
from prefect.runtime import flow_run

from blocks.prefect.runs import tried_again

log = logging.getLogger("sluice.rollout")


async def tries() -> int:
    """Times that the current run was started again after it had ended. One that goes on in another worker had not ended.

    Prefect is asked only where the run has been started before. Where it does not answer, the run goes on as if nobody had
    asked: that is never wrong, and can be asked for again.
    """
    if not flow_run.id or flow_run.run_count < 2:
        return 0
    try:
        return await tried_again(UUID(str(flow_run.id)))
    except (httpx.HTTPError, PrefectException) as error:
        log.warning("whether run %s was started again by a person is not known: %r", flow_run.id, error)
        return 0
