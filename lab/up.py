"""Brings the lab up, wave by wave, and leaves nothing behind when that fails."""

from __future__ import annotations

import secrets
import socket
import ssl
import subprocess
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import httpx

from lab import doctor, environment, ports
from lab.api.access import Access
from lab.api.blocking import BlockingApi
from lab.down import clean
from lab.errors import LabError
from lab.machine import cgroups, chains, lease, network
from lab.parts import certificates, config, daemons, oci
from lab.parts.certificates import Identities
from lab.parts.cluster import Cluster
from lab.parts.daemons import Daemon
from lab.paths import LabPaths
from lab.processes import keeper
from lab.programs import build
from lab.programs.build import Built
from lab.progress import say

READY_S = 90.0
BOOTSTRAP_TIMEOUT_S = 30


def up(places: LabPaths) -> int:
    """The command: check the machine, build what is missing, start everything, wait until it answers."""
    with lease.changing():
        lease.refuse_second(places.checkout)
        if running(places):
            say(f"the lab is already running; {places.env_json} says where everything is.")
            return 0
        clean(places)
        doctor.refuse_unfit(places)
        built = build.build()
        doctor.refuse_unfit(places)
        try:
            _start_all(places, built)
        except BaseException:
            say("the lab did not come up: taking it down again")
            clean(places)
            raise
    return 0


def running(places: LabPaths) -> bool:
    """Whether this checkout's lab is up, all of it."""
    held = lease.read()
    if not held or held.checkout != str(places.checkout) or not places.env_json.exists():
        return False
    known = keeper.recorded(places.pids)
    dead = sorted(name for name, process in known.items() if not process.alive())
    if known and not dead:
        return True
    if known and len(dead) < len(known):
        say(f"of this checkout's lab, {', '.join(dead)} no longer runs: starting the whole lab anew")
    return False


def _start_all(places: LabPaths, built: Built) -> None:
    begun = time.monotonic()
    lease.claim(places.checkout, chains=chains.every())
    places.make()
    cgroups.make(places)
    identities = certificates.issue(places)
    registry_token, webhook_secret = secrets.token_hex(16), secrets.token_hex(16)
    _link_programs(places, built)
    network.make_bridge()
    config.write_all(places, identities, registry_token)
    _write_envoy_bootstrap(places, built)
    table = daemons.table(places, built, identities, webhook_secret)
    with BlockingApi(Access.of(places.kubeconfig)) as here:
        cluster = Cluster(here.api, lambda: _refuse_dead(places))
        _start_wave(places, table, daemons.BASE, identities)
        containerd = str(places.containerd_socket)
        _wait_until(lambda: _accepts(containerd), "containerd did not listen")
        _push_pause(built)
        _launch(places, table, daemons.CLUSTER)
        here.do(cluster.apply_crds(built))
        here.do(cluster.apply_gateway())
        _launch(places, table, daemons.GATEWAY)
        here.do(cluster.wait_for_node())
        say(f"node ready after {time.monotonic() - begun:.1f} s")
        _wait_for(places, [each for each in table if each.wave > daemons.BASE], identities)
        here.do(cluster.wait_for_gateway())
    environment.write(places, environment.of_lab(places, registry_token, webhook_secret))
    say(f"the lab is up after {time.monotonic() - begun:.1f} s: export KUBECONFIG={places.kubeconfig}")


def _start_wave(places: LabPaths, table: list[Daemon], wave: int, identities: Identities) -> None:
    _launch(places, table, wave)
    _wait_for(places, [each for each in table if each.wave == wave], identities)


def _launch(places: LabPaths, table: list[Daemon], wave: int) -> None:
    where = keeper.Places(places.checkout, places.logs, places.pids)
    for each in table:
        if each.wave == wave:
            (places.logs / f"{each.name}.log").unlink(missing_ok=True)
            keeper.start(each.name, each.command, each.environment, where)


def _wait_for(places: LabPaths, waited: list[Daemon], identities: Identities) -> None:
    """Wait until all of them answer; any that ends instead is an error with the end of its log."""
    trust = ssl.create_default_context(cafile=str(identities.authority))
    trust.check_hostname = False
    trust.verify_mode = ssl.CERT_NONE  # a part may sign its own health port; only liveness is asked here
    open_ones = [each for each in waited if each.ready]
    deadline = time.monotonic() + READY_S
    with httpx.Client(verify=trust, timeout=2.0, trust_env=False) as client:
        while open_ones := [each for each in open_ones if not _answers(client, each.ready)]:
            _refuse_dead(places)
            if time.monotonic() > deadline:
                names = ", ".join(each.name for each in open_ones)
                raise LabError(f"not ready within {READY_S:.0f} s: {names}; the logs are in {places.logs}.")
            time.sleep(0.05)


def _wait_until(holds: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + READY_S
    while not holds():
        if time.monotonic() > deadline:
            raise LabError(f"{otherwise} within {READY_S:.0f} s; the logs are in .lab/logs.")
        time.sleep(0.05)


def _refuse_dead(places: LabPaths) -> None:
    for name, process in keeper.recorded(places.pids).items():
        if not process.alive():
            raise LabError(f"{name} ended:\n{keeper.tail(places.logs / f'{name}.log')}")


def _answers(client: httpx.Client, url: str) -> bool:
    try:
        # a bare connection attempt is much cheaper than a request that fails
        with socket.create_connection((urlsplit(url).hostname or "", urlsplit(url).port or 0), timeout=1):
            pass
        # an apiserver that has no rules yet refuses everybody, and would refuse the other parts too
        return client.get(url).status_code not in (401, 403, *range(500, 600))
    except (OSError, httpx.HTTPError):
        return False


def _accepts(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(1)
        return connection.connect_ex(path) == 0


def _push_pause(built: Built) -> None:
    registry = f"{ports.HOST}:{ports.REGISTRY}"
    oci.push_image(registry, "lab/pause", "1", {"/pause": built.pause}, ["/pause"], {})


def _link_programs(places: LabPaths, built: Built) -> None:
    programs = {
        "kubectl": built.kube,
        "kustomize": built.kube,
        "kube": built.kube,
        "contour": built.contour,
        "envoy": built.envoy,
        "gitserver": built.git_server,
    }
    for name, program in programs.items():
        (places.bin / name).symlink_to(program)


def _write_envoy_bootstrap(places: LabPaths, built: Built) -> None:
    command = [
        str(built.contour),
        "bootstrap",
        str(places.config / "envoy.json"),
        f"--xds-address={ports.HOST}",
        f"--xds-port={ports.CONTOUR_XDS}",
        "--xds-resource-version=v3",
        f"--admin-address={places.run / 'envoy-admin.sock'}",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=BOOTSTRAP_TIMEOUT_S, check=False)
    if done.returncode != 0:
        raise LabError(f"contour bootstrap failed: {done.stderr.strip()[-400:]}")
