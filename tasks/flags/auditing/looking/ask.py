"""Ask: what the flag service says of all flags, in each environment of the audit."""

from __future__ import annotations

from blocks.connections import connections
from sluice.flags.flag import Flag, FlagState
from tasks.flags.auditing.ground import flag_audit
from tasks.stage import stage


@stage("ask", run_name="ask the flag service of {namespace}/{name}", delays=[1.0, 4.0, 10.0])
async def ask(name: str, namespace: str) -> tuple[Flag, ...]:
    """All flags with their state in every environment.

    Raises:
        TransientError: the service is away or slow.
        TerminalError: it refuses the token, or answers what is no answer.
    """
    wired = connections()
    audit = await flag_audit(wired, name, namespace)
    service = await wired.flags(audit.spec.service, audit.namespace)
    found: dict[str, Flag] = {}
    for environment in audit.spec.service.environments:
        for flag in await service.flags(environment):
            before = found.get(flag.key)
            found[flag.key] = merged(before, flag) if before else flag
    return tuple(found[key] for key in sorted(found))


def merged(one: Flag, other: Flag) -> Flag:
    """A flag with what it is in both; it is archived only where it is so in both."""
    states: dict[str, FlagState] = {**one.environments, **other.environments}
    return one.model_copy(
        update={
            "environments": states,
            "archived": one.archived and other.archived,
            "variants": tuple(dict.fromkeys((*one.variants, *other.variants))),
            "tags": tuple(dict.fromkeys((*one.tags, *other.tags))),
        }
    )
