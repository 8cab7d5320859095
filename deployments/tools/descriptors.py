"""Descriptors of this process: as many as the system lets it have."""

from __future__ import annotations

import resource

ENOUGH = 65536
"""A watch takes one for each kind and namespace that is looked after; the usual soft limit of 1,024 ends at some eighty
namespaces."""


def allow_descriptors() -> None:
    """Raise the soft limit of open descriptors to the hard one, or to `ENOUGH` where that is more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = ENOUGH if hard == resource.RLIM_INFINITY else min(ENOUGH, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
