"""Sets up what is released and measured: the lab, sluice, the application and its users."""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from lab import environment
from lab.errors import LabError
from lab.load import LOAD
from lab.load.summary import RequestLog
from lab.machine import hardware
from lab.parts.git import create_repository
from lab.paths import LabPaths
from lab.processes import keeper
from lab.processes.child import Child
from lab.product.application import HOST, NAME, NAMESPACE, Application, install, next_major
from lab.product.cluster import ProductCluster
from lab.product.deliveries import Measurements
from lab.product.in_cluster import Pods, Running
from lab.product.site import Site
from lab.product.sluice import kinds, start_lab, start_sluice, stop_lab
from lab.product.watch import Observer
from lab.programs.gobuild import build_program
from lab.progress import say

RATE = 100
NAMESPACE_GONE_S = 90
KINDS_WITHIN_S = 30


def set_up(
    places: LabPaths,
    about: dict[str, Any],
    ending: contextlib.ExitStack,
    *,
    in_cluster: bool = False,
    programs: Sequence[Path] = (),
    prepare: Callable[[Path], None] | None = None,
) -> Measurements:
    """Lab, sluice, application and users, ready to release. The demo begins here, and so do benchmarks.

    Args:
        places: of this checkout's lab.
        about: gets what machine this is.
        ending: is left with what has to be ended again.
        in_cluster: run sluice as pods, not next to the cluster.
        programs: what sluice finds next to those of the lab; its image has all of them in any case.
        prepare: adds on the lab, not in a cluster of somebody's own, to what the application's repository has at first.
    """
    started_here = start_lab(places)
    if started_here:
        ending.callback(stop_lab)
    env = environment.read(places)
    about |= hardware.describe() | {"load_average_start": hardware.load_average()}
    cluster = _cluster(env, in_cluster=in_cluster)
    sluice = _start(env, places, ending, programs, in_cluster=in_cluster)
    where_to_look = f"Look at {sluice.log} and http://127.0.0.1:{env['prefect_port']}."

    cluster.remove_namespace(NAMESPACE_GONE_S)
    if env.get("existing") or not started_here:
        ending.callback(cluster.remove_namespace, NAMESPACE_GONE_S)
    application = Application(env["registry"], env["gateway_url"], next_major(env["registry"]))
    observer = Observer(Path(env["kubeconfig"]), env["context"], NAMESPACE, NAME)
    ending.callback(observer.stop)
    say(f"installing {NAME}:{application.version(0)} and waiting until users are served")
    site = Site.of(env, NAME, _repository(env, places))
    install(application, cluster, site, where_to_look, None if env.get("existing") else prepare)
    load, users = start_load(env["gateway_url"], places)
    ending.callback(load.stop)

    return Measurements(
        application=application,
        cluster=cluster,
        observer=observer,
        users=users,
        slack_url="" if env.get("existing") else env["slack_url"],
        repository=site.repository,
        check=partial(_refuse_ended, sluice, load),
        where_to_look=where_to_look,
    )


def _refuse_ended(*children: Running) -> None:
    for child in children:
        if not child.running:
            raise LabError(f"{child.name} ended in the middle: look at {child.log}")


def _cluster(env: Mapping[str, Any], *, in_cluster: bool) -> ProductCluster:
    """The cluster with sluice's kinds. In one of somebody's own nothing is touched that the demo did not make."""
    existing = bool(env.get("existing"))
    if existing and in_cluster:
        raise LabError(
            "INCLUSTER writes what only the lab lacks (the API server's address, doors to this machine) and is not for a "
            "cluster of yours: docs/install.md says how sluice is installed there"
        )
    cluster = ProductCluster(Path(env["kubeconfig"]), env["context"], NAMESPACE)
    if existing:
        cluster.refuse_others()
    cluster.apply_kinds(kinds(), KINDS_WITHIN_S, keep_others=existing)
    return cluster


def _repository(env: Mapping[str, Any], places: LabPaths) -> str:
    """The application's git repository: made in the lab; in a cluster of one's own it is there, or made by a push."""
    return create_repository(places, NAME) if env.get("git_root") else f"{env['git_url']}/{NAME}.git"


def _start(
    env: dict[str, Any], places: LabPaths, ending: contextlib.ExitStack, programs: Sequence[Path], *, in_cluster: bool
) -> Running:
    if not in_cluster:
        sluice = start_sluice(env, places, programs)
        ending.callback(sluice.stop)
        return sluice
    pods = Pods(env, places)
    ending.callback(pods.stop)
    pods.start()
    return pods


def start_load(gateway_url: str, places: LabPaths) -> tuple[Child, RequestLog]:
    """Users, from now on until they are stopped."""
    out = places.home / "demo-load.jsonl"
    out.unlink(missing_ok=True)
    command = [
        str(build_program(LOAD, "load")),
        "--url",
        gateway_url,
        "--host",
        HOST,
        "--rate",
        str(RATE),
        "--out",
        str(out),
    ]
    load = Child.started("load generator", command, places.logs / "demo-load.log", keeper.mark(places.checkout))
    users = RequestLog(out)
    load.wait_until(lambda: len(users.read()) > RATE, 20, "served")
    return load, users
