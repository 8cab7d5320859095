"""One lab per machine: who has it, and what the machine looked like before.

Bridge, network rules and cgroups exist once per machine, so two labs would pull them from under each other. The
lease says which checkout has the lab; it also keeps what was there before: the kernel settings, for `down` to put
back, and the chains in the network rules, which `down` leaves alone.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from lab.errors import LabError
from lab.processes import keeper
from lab.programs import cache

LEASE = Path("/run/sluice-lab.json")

SETTINGS = (
    "net/ipv4/ip_forward",
    "net/ipv4/conf/all/route_localnet",
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
)
"""What kubelet, kube-proxy and the network plugin change under /proc/sys."""


@dataclass(frozen=True)
class Lease:
    """The lab of `checkout` has this machine; `settings` are the kernel's from before, `chains` those of the rules."""

    checkout: str
    settings: dict[str, str] = field(default_factory=dict)
    chains: tuple[str, ...] = ()


def read(file: Path = LEASE) -> Lease | None:
    """The lease, if somebody has it."""
    try:
        said = json.loads(file.read_text())
        settings = {str(name): str(value) for name, value in said.get("settings", {}).items()}
        return Lease(str(said["checkout"]), settings, tuple(map(str, said.get("chains", ()))))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


@contextlib.contextmanager
def changing(file: Path = LEASE) -> Iterator[None]:
    """Only one `up` or `down` at a time on this machine."""
    with cache.locked(file.with_suffix(".lock"), lambda: print("waiting for another `lab` command to finish")):
        yield


def other_lab(checkout: Path) -> Path | None:
    """The other checkout whose lab runs on this machine; its processes say so, even when the lease is lost."""
    others = {owner for owner in keeper.owned().values() if owner != checkout}
    return min(others) if others else None


def refuse_second(checkout: Path) -> None:
    """Raise when another checkout's lab runs here."""
    if other := other_lab(checkout):
        raise LabError(
            f"a lab already runs on this machine for the checkout {other}; "
            f"end it with `make -C {other} lab-down` or use an existing cluster instead with CONTEXT=name."
        )


def claim(checkout: Path, file: Path = LEASE, root: Path = Path("/proc/sys"), chains: Collection[str] = ()) -> None:
    """Take the machine for this checkout and write down its kernel settings, and the chains that are there already."""
    settings = {}
    for name in SETTINGS:
        with contextlib.suppress(OSError):
            settings[name] = (root / name).read_text().strip()
    temporary = file.with_suffix(".new")
    temporary.write_text(json.dumps(asdict(Lease(str(checkout), settings, tuple(chains))), indent=1))
    temporary.replace(file)


def restore_settings(lease: Lease, root: Path = Path("/proc/sys")) -> None:
    """Put the kernel settings back as they were before the lab."""
    for name, value in lease.settings.items():
        file = root / name
        with contextlib.suppress(OSError):
            if name in SETTINGS and file.read_text().strip() != value:
                file.write_text(value)


def release(file: Path = LEASE) -> None:
    """The machine is free again."""
    file.unlink(missing_ok=True)
