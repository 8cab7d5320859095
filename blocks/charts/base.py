"""What every place of charts can do: say which version is wanted there now, and bring it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from blocks.charts.folder import ChartFolder
from sluice.errors import InvalidError
from sluice.manifests.flux.helm.chart import HelmChart


@dataclass(frozen=True, slots=True)
class Found:
    """The version of a chart that is wanted, before it is brought.

    Attributes:
        version: with what the source adds to it.
        revision: of the source.
        digest: of the OCI artifact; empty where the chart is not out of one.
        bring: brings it into a directory that is made.
        base: what `valuesFiles` are relative to; None for the chart itself.
        verified: whose signature it has, where the HelmChart asks for one.
    """

    name: str
    version: str
    revision: str
    bring: Callable[[Path], Awaitable[ChartFolder]]
    app_version: str = ""
    digest: str = ""
    base: Path | None = None
    verified: str = ""


def refuse_verify(chart: HelmChart) -> None:
    """Go no further with a chart that has to be signed, out of a place where charts have no signatures.

    Raises:
        InvalidError: it has to be.
    """
    if chart.spec.verify is not None:
        raise InvalidError(
            f"spec.verify of {chart} is for charts of a registry, a HelmRepository of type oci: leave it out, and have "
            "a source of files verify itself"
        )


class Charts(Protocol):
    """One place of charts."""

    async def find(self, chart: HelmChart) -> Found:
        """The version that a HelmChart wants, as the place is now.

        Raises:
            NotFoundError: there is no such chart, or no such version.
            InvalidError: the HelmChart asks for what cannot be, or the chart cannot be read.
            TerminalError: the place refuses us.
            TransientError: it does not answer.
        """
