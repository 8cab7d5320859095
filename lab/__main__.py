"""The lab's command line.

python -m lab up       start everything (and build it first, once); a second time says that it runs
python -m lab down     take everything away again
python -m lab status   which part runs
python -m lab doctor   can this machine host the lab?
python -m lab build    only build

SLUICE_LAB_CACHE=FOLDER  where builds are cached (default ~/.cache/sluice-lab)
CONTEXT=NAME             use this context of your kubeconfig and start no cluster; see lab/existing.py for the variables
                         that say where its gateway, registry, Prometheus and git server are
"""

from __future__ import annotations

import argparse
import os
import sys

from lab import existing
from lab.doctor import doctor
from lab.down import down
from lab.errors import LabError
from lab.paths import LabPaths
from lab.processes import keeper
from lab.programs.build import build
from lab.progress import say
from lab.up import up

INTERRUPTED = 130


def status(places: LabPaths) -> int:
    """The command: one line a daemon; exit code 0 when all of them run."""
    known = keeper.recorded(places.pids)
    for name, process in known.items():
        say(f"{name:<26}{'running' if process.alive() else 'ended':<9}{process.pid}")
    if not known:
        say("this checkout's lab is not running.")
    return 0 if known and all(each.alive() for each in known.values()) else 1


def only_build(_: LabPaths) -> int:
    """The command: build and say where it is."""
    built = build()
    say(f"built: {built.kube.parent}")
    return 0


COMMANDS = {"up": up, "down": down, "status": status, "doctor": doctor, "build": only_build}


def main() -> int:
    """Run one command; an error is a sentence, not a stack trace."""
    parser = argparse.ArgumentParser(
        prog="lab", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=COMMANDS, metavar="|".join(COMMANDS))
    command = parser.parse_args().command
    context = os.environ.get("CONTEXT", "")
    try:
        if context and command in ("up", "down"):
            return existing.up(LabPaths(), context) if command == "up" else existing.down(LabPaths())
        return COMMANDS[command](LabPaths())
    except LabError as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        say("interrupted")
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
