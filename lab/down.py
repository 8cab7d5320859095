"""Takes a lab away: every process, pod, mount, interface, network rule, cgroup and file that it made, and no other.

It works from the marks that the lab's things carry, not from a list of them, so it also cleans up after a crash, after
kill -9 of everything, and after an `up` or a `down` that broke off; doing it twice changes nothing. Asked to end in the
middle it goes on, for half of it would be in everybody's way, and every wait in it is bounded. Another Kubernetes on the
machine is left as it is, also one that came up after the lab.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from lab import leftovers
from lab.errors import LabError
from lab.machine import cgroups, chains, lease, network
from lab.paths import LabPaths
from lab.processes import keeper
from lab.progress import say

FIRST_TO_END = ("kubelet", "kube-controller-manager", "kube-scheduler", "contour", "kube-proxy")
"""These would start again, or write again, what is being taken away."""
MNT_DETACH = 2
SHARED_FOLDERS = (Path("/run/containerd/s"), Path("/run/containerd"))


def down(places: LabPaths) -> int:
    """The command: end this checkout's lab, if there is one."""
    with lease.changing():
        if other := lease.other_lab(places.checkout):
            say(f"this checkout has no lab running; the one on this machine belongs to {other}.")
            return 0
        had = bool(leftovers.everything(places))
        with to_the_end():
            remaining = clean(places)
    if remaining:
        raise LabError("the lab is down, but this is still there: " + "; ".join(remaining))
    say("the lab is down; nothing of it is left." if had else "there is no lab to take down.")
    return 0


@contextlib.contextmanager
def to_the_end() -> Iterator[None]:
    """Have this process and the programs that it starts pass over requests to end, such as `timeout` and Ctrl-C send."""
    before = {each: signal.signal(each, signal.SIG_IGN) for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def clean(places: LabPaths) -> list[str]:
    """Remove everything; return what could not be removed."""
    held = lease.read()
    owners = [places] if held is None or held.checkout == str(places.checkout) else [places, _abandoned(held)]
    for each in owners:
        _end_processes(each)
    for each in owners:
        for place in leftovers.mounts_below(each.home, each.run):
            _unmount(place)
    network.remove_interfaces()
    if held:
        chains.remove(held.chains)
    for each in owners:
        _remove_cgroups(each)
        for result in leftovers.cni_results(each):
            result.unlink(missing_ok=True)
        _remove_files(each)
    if held and not chains.ours(chains.now(), held.chains):
        _restore_settings(held)
        lease.release()
    return leftovers.everything(places)


def _restore_settings(held: lease.Lease) -> None:
    """Put the kernel settings back, unless somebody who came after the lab may rely on them by now."""
    came = sorted(set(chains.every()) - set(held.chains))
    if came or cgroups.another_kubelet():
        who = f"others made {', '.join(came[:5])}" if came else "another Kubernetes has its pods on this machine"
        say(f"the kernel settings that the lab changed stay as they are, others may rely on them: {who}.")
        return
    lease.restore_settings(held)


def _abandoned(held: lease.Lease) -> LabPaths:
    """The lab of a checkout of which nothing runs any more; the machine's parts of it are in everybody's way."""
    return LabPaths(Path(held.checkout))


def _end_processes(places: LabPaths) -> None:
    known = keeper.recorded(places.pids)
    keeper.end([known[name] for name in FIRST_TO_END if name in known], grace_s=3)
    sockets = _shim_sockets(places)
    keeper.end(cgroups.pod_processes(places), grace_s=0)
    keeper.end([*known.values(), *keeper.owned_by(places.checkout)], grace_s=3)
    # whatever was started while the others were being ended
    keeper.end([*cgroups.pod_processes(places), *keeper.owned_by(places.checkout)], grace_s=0)
    for socket in sockets:
        socket.unlink(missing_ok=True)


def _shim_sockets(places: LabPaths) -> list[Path]:
    """containerd keeps its shims' sockets in a folder that all containerds of a machine share."""
    found = []
    for file in places.containerd_state.glob("io.containerd.runtime.v2.task/*/*/address"):
        with contextlib.suppress(OSError):
            found.append(Path(file.read_text().strip().removeprefix("unix://")))
    return found


def _unmount(place: str) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.umount2(os.fsencode(place), MNT_DETACH) != 0 and Path(place).exists():
        say(f"cannot unmount {place}: {os.strerror(ctypes.get_errno())}")


def _remove_cgroups(places: LabPaths) -> None:
    """A cgroup goes once the kernel has buried its last process, which takes it a moment."""
    deadline = time.monotonic() + 5
    while (folders := cgroups.of_lab(places)) and time.monotonic() < deadline:
        for folder in folders:
            with contextlib.suppress(OSError):
                folder.rmdir()
        time.sleep(0.02)


def _remove_files(places: LabPaths) -> None:
    for place in (places.run, *places.of_one_lab()):
        if leftovers.mounts_below(place):
            continue  # deleting would reach into what is mounted there
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place, ignore_errors=True)
        else:
            place.unlink(missing_ok=True)
    for folder in (places.run.parent, *SHARED_FOLDERS):
        with contextlib.suppress(OSError):
            folder.rmdir()  # only if it is empty: another containerd may use it
