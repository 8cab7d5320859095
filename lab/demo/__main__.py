"""``python -m lab.demo [--keep]``: four releases, a chart and two flags under load; a page and ``.lab/demo.json``.

It brings the lab up if it is not, starts ``sluice up`` next to it, and pushes: images to the registry, a chart to git.
Exit status 0 means that every row of ``lab.demo.checks`` holds. Everything it started is ended again, unless ``--keep``
asks to look around first.
"""

import argparse
import contextlib
import signal
import sys
import time
from collections.abc import Mapping
from typing import Any

from lab import environment
from lab.demo import report
from lab.demo.alone import only_demo
from lab.demo.checks import failed
from lab.demo.flags.chapter import SKIPPED, Chapter
from lab.demo.flags.killed import asks_for_its_flag
from lab.demo.gates.chapter import Gates
from lab.demo.releases import RELEASES
from lab.errors import LabError
from lab.machine import hardware
from lab.paths import LabPaths
from lab.product.application import HOST, NAME
from lab.product.chart import FIRST, SECOND, Stock
from lab.product.chart import NAME as STOCK
from lab.product.deliveries import Measurements
from lab.product.setup import set_up
from lab.product.way import way_of
from lab.programs.modules import helm
from lab.progress import console, say


def main() -> int:
    parser = argparse.ArgumentParser(description="four releases, a chart and two flags under load")
    parser.add_argument("--keep", action="store_true", help="stay up afterwards and say where to look, until Ctrl-C")
    parser.add_argument("--in-cluster", action="store_true", help="run sluice as pods with the rights of its manifests")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, _as_interrupt)
    places = LabPaths()
    document: dict[str, Any] = {
        "machine": {},
        "deliveries": [],
        "target_changed": {},
        "chart": {},
        "flags": {},
        "gates": {},
    }
    try:
        with contextlib.ExitStack() as ending:
            ending.enter_context(only_demo(places))
            ending.callback(report.write, places.home / "demo.json", document)
            run(places, document, ending, in_cluster=asked.in_cluster)
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
    return 1 if failed(document) else 0


def run(places: LabPaths, document: dict[str, Any], ending: contextlib.ExitStack, *, in_cluster: bool = False) -> None:
    """The whole scenario. Fills the document as it goes; what has to be ended again is left with ``ending``."""
    program = helm()
    measurements = set_up(
        places,
        document["machine"],
        ending,
        in_cluster=in_cluster,
        programs=(program,),
        prepare=asks_for_its_flag,
    )
    env = environment.read(places)
    chapter = Chapter.begun(places, env, measurements, ending, in_cluster=in_cluster)
    release_all(measurements, document, chapter)
    release_chart(Stock(measurements, env, program), document)
    if chapter is None:
        document["flags"]["skipped"] = SKIPPED
        say(f"the chapter on feature flags is left out: {SKIPPED}")
    else:
        chapter.release(document["flags"])
        Gates(measurements, env["gate_url"]).release(document["gates"])
    document["machine"]["load_average_end"] = hardware.load_average()


def release_all(measurements: Measurements, document: dict[str, Any], chapter: Chapter | None = None) -> None:
    """The four releases, and between them the change of a target that no push announced."""
    for release in RELEASES:
        if chapter is not None and release is RELEASES[-1]:
            chapter.audit(document["flags"])
        say(f"pushing {NAME}:{measurements.application.version(release.minor)} ({release.meaning})")
        done = measurements.deliver(release)
        done["git"] = way_of(measurements, release.minor, done["pushed_at"])
        document["deliveries"].append(done)
        say(f"  {done['verdict'].replace('_', ' ')} after {done['push_to_end_s']:.1f} s: {done['reason']}")
        say(f"  {_in_git(done['git'])}")
        if release is RELEASES[0]:
            say("setting another image on the Deployment, as a person in a hurry would, and back")
            document["target_changed"] = measurements.change_target()


def _in_git(way: Mapping[str, Any]) -> str:
    came = "no commit brought it"
    if way.get("commit"):
        came = f"commit {way['commit'][:7]} of {way['author']}, applied {way['push_to_applied_s']:.1f} s after the push"
    named = way["git_names"].partition("@")[0].rpartition("/")[2]
    return f"{came}; git names {named or 'no image'} now"


def release_chart(stock: Stock, document: dict[str, Any]) -> None:
    """A chart that comes by a push, and its next version, while the shop has its users."""
    for act, push, chart in (("installed", stock.install, FIRST), ("upgraded", stock.upgrade, SECOND)):
        say(f"pushing the chart {STOCK} {chart} to the shop's repository, for a HelmRelease")
        done = push()
        document["chart"][act] = done
        took, shown = done["push_to_users_s"], done["helm_lists"]
        said = "no user had it" if took is None else f"users had it after {took:.1f} s"
        say(f"  {said}; helm list: {' '.join(str(value) for value in shown.values())}")


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
