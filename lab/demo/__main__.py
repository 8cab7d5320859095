"""``python -m lab.demo [--keep]``: four releases, good and bad, under load; a table and ``.lab/demo.json`` at the end.

It brings the lab up if it is not, starts ``sluice up`` beside it, and lets it do the rest. Exit status 0 means that
the good release was promoted and the three bad ones were taken back. Everything it started is ended again, unless
``--keep`` asks to look around first.
"""

import argparse
import contextlib
import signal
import sys
import time
from pathlib import Path
from typing import Any

from lab import environment
from lab.demo import machine, report
from lab.demo.application import HOST, NAME, NAMESPACE, Application, install, next_major
from lab.demo.cluster import DemoCluster
from lab.demo.deliveries import RELEASES, Measurements
from lab.demo.product import kinds, only_demo, start_lab, start_sluice, stop_lab
from lab.demo.watch import Observer
from lab.errors import LabError
from lab.gobuild import build_program
from lab.load import LOAD
from lab.load.summary import RequestLog
from lab.paths import LabPaths
from lab.processes.child import Child
from lab.progress import console, say

RATE = 100
NAMESPACE_GONE_S = 90
KINDS_WITHIN_S = 30


def main() -> int:
    parser = argparse.ArgumentParser(description="four releases, good and bad, under load")
    parser.add_argument("--keep", action="store_true", help="stay up afterwards and say where to look, until Ctrl-C")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, _as_interrupt)
    places = LabPaths()
    document: dict[str, Any] = {"machine": {}, "deliveries": [], "target_changed": {}}
    try:
        with contextlib.ExitStack() as ending:
            ending.enter_context(only_demo(places))
            ending.callback(report.write, places.home / "demo.json", document)
            run(places, document, ending)
            report.show(document, console)
            if asked.keep:
                report.write(places.home / "demo.json", document)
                _stay(environment.read(places))
    except LabError as error:
        say(f"the demo failed: {error}")
        return 1
    except KeyboardInterrupt:
        say("stopped")
        return 130
    say(f"all of it: {places.home / 'demo.json'}; logs: {places.logs}")
    return 0 if report.as_wanted(document["deliveries"]) else 1


def run(places: LabPaths, document: dict[str, Any], ending: contextlib.ExitStack) -> None:
    """The whole scenario. Fills the document as it goes; what has to be ended again is left with ``ending``."""
    measurements = stage(places, document["machine"], ending)
    release_all(measurements, document)
    document["machine"]["load_average_end"] = machine.load_average()


def stage(places: LabPaths, about: dict[str, Any], ending: contextlib.ExitStack) -> Measurements:
    """Lab, sluice, application and users, ready to release. Benchmarks begin here too.

    Args:
        places: of this checkout's lab.
        about: is told what machine this is.
        ending: is left with what has to be ended again.
    """
    started_here = start_lab(places)
    if started_here:
        ending.callback(stop_lab)
    env = environment.read(places)
    about |= machine.describe() | {"load_average_start": machine.load_average()}
    cluster = DemoCluster(Path(env["kubeconfig"]), env["context"], NAMESPACE)
    cluster.apply_kinds(kinds(), KINDS_WITHIN_S)
    sluice = start_sluice(env, places)
    ending.callback(sluice.stop)
    where_to_look = f"Look at {sluice.log} and http://127.0.0.1:{env['prefect_port']}."

    cluster.remove_namespace(NAMESPACE_GONE_S)
    if not started_here:
        ending.callback(cluster.remove_namespace, NAMESPACE_GONE_S)
    application = Application(env["registry"], env["gateway_url"], next_major(env["registry"]))
    observer = Observer(Path(env["kubeconfig"]), env["context"], NAMESPACE, NAME)
    ending.callback(observer.stop)
    say(f"installing {NAME}:{application.version(0)} and waiting until users are served")
    install(application, cluster, places, where_to_look)
    load, users = start_load(env["gateway_url"], places)
    ending.callback(load.stop)

    def check() -> None:
        for child in (sluice, load):
            if not child.running:
                raise LabError(f"{child.name} ended in the middle of the demo: look at {child.log}")

    return Measurements(
        application=application,
        cluster=cluster,
        observer=observer,
        users=users,
        slack_url=env["slack_url"],
        check=check,
        where_to_look=where_to_look,
    )


def release_all(measurements: Measurements, document: dict[str, Any]) -> None:
    """The four releases, and between them the change of a target that no push announced."""
    for release in RELEASES:
        say(f"pushing {NAME}:{measurements.application.version(release.minor)} ({release.meaning})")
        done = measurements.deliver(release)
        document["deliveries"].append(done)
        say(f"  {done['verdict'].replace('_', ' ')} after {done['push_to_end_s']:.1f} s: {done['reason']}")
        if release is RELEASES[0]:
            say("setting another image on the Deployment, as a person in a hurry would, and back")
            document["target_changed"] = measurements.change_target()


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
    load = Child.started("load generator", command, places.logs / "demo-load.log")
    users = RequestLog(out)
    load.wait_until(lambda: len(users.read()) > RATE, 20, "served")
    return load, users


def _stay(env: dict[str, Any]) -> None:
    say(f"Prefect UI: http://127.0.0.1:{env['prefect_port']}")
    say(f"the application: curl -H 'Host: {HOST}' {env['gateway_url']}")
    say(f"the cluster: export KUBECONFIG={env['kubeconfig']}")
    say("Ctrl-C ends everything that the demo started.")
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            time.sleep(1)


def _as_interrupt(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
