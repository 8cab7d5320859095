"""Named: whether the key of a flag that no code asks for stands in some other file: a language that is not read, a setting.

What stands nowhere is called unused; a flag that is called unused and is not would be archived under somebody's feet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from blocks.connections import Connections, connections
from blocks.git.mirror import Mirror
from sluice.flags.audit.sources import is_others
from sluice.flags.spelling import spellings
from tasks.flags.auditing.ground import Repository, flag_audit, repository
from tasks.stage import stage

DOCUMENTS = ("*.md", "*.rst", "*.adoc", "CHANGELOG*", "CODEOWNERS")
"""Files in which a key asks for nothing."""
_AT_ONCE = 200


@stage("look for names", run_name="look for names: {repository_name}", delays=[1.0, 4.0])
async def named(name: str, namespace: str, repository_name: str, commit: str, keys: tuple[str, ...]) -> dict[str, str]:
    """Key → a file of the commit in which it stands.

    Raises:
        InvalidError: it stands in so many that git's answer is too long.
        and the errors of `scan`.
    """
    wired = connections()
    audit = await flag_audit(wired, name, namespace)
    where = await repository(wired, audit, repository_name)
    own = {audit.spec.service.of(audit.spec.service.path, one) for one in audit.spec.service.environments}
    return await named_in(wired, where, commit, keys, own | {"features.yml", "features.yaml", "flags.json"})


async def named_in(
    wired: Connections, where: Repository, commit: str, keys: Sequence[str], flag_files: set[str]
) -> dict[str, str]:
    """Key → a file of the commit in which it stands, apart from the files that the flags themselves are kept in."""
    found: dict[str, str] = {}
    async with wired.git.hold(where.remote) as mirror:
        for at in range(0, len(keys), _AT_ONCE):
            wanted = {key: spellings(key) for key in keys[at : at + _AT_ONCE] if key not in found and "\n" not in key}
            if wanted:
                found |= await _grep(mirror, commit, wanted, flag_files)
    return found


async def _grep(mirror: Mirror, commit: str, keys: Mapping[str, Sequence[str]], flag_files: set[str]) -> dict[str, str]:
    patterns = [part for written in keys.values() for one in written for part in ("-e", one)]
    left_out = [f":(exclude,glob)**/{name}" for name in DOCUMENTS]
    out = await mirror.local("grep", "-I", "-F", "-w", "-z", *patterns, commit, "--", ".", *left_out, allowed=(0, 1))
    found = dict[str, str]()
    raws = {key: [one.encode() for one in written] for key, written in keys.items()}
    for line in out.split(b"\n"):
        head, _, text = line.partition(b"\0")
        path = head.decode(errors="replace").partition(":")[2]
        if not path or path in flag_files or is_others(path):
            continue
        for key, written in raws.items():
            if any(one in text for one in written):
                found.setdefault(key, path)
    return found
