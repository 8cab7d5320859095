"""PostgreSQL and Redis from Debian's packages, as Prefect wants them where it serves more than one machine.

They run as users without rights, listen on the loopback address only, keep all they write in a folder of the lab, and
carry the lab's mark, so that `lab down` finds them even when the process that started them is gone.
"""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from lab import ports
from lab.errors import LabError
from lab.paths import LabPaths
from lab.processes import keeper
from lab.programs import packages, versions

START_WITHIN_S = 30.0
STOP_WITHIN_S = 15.0
INITDB_WITHIN_S = 120
POSTGRESQL_VERSIONS = Path("/usr/lib/postgresql")
POSTGRESQL_URL = f"postgresql+asyncpg://prefect@{ports.HOST}:{ports.POSTGRESQL}/postgres"
REDIS_URL = f"redis://{ports.HOST}:{ports.REDIS}/0"


@dataclass(frozen=True)
class Database:
    """One running database."""

    name: str
    process: keeper.Process
    log: Path

    def stop(self) -> None:
        """End it in order, and by force when that takes too long."""
        self.process.signal(signal.SIGINT)  # PostgreSQL: end now, with its clients; Redis: end
        deadline = time.monotonic() + STOP_WITHIN_S
        while self.process.alive() and time.monotonic() < deadline:
            time.sleep(0.05)
        keeper.end([self.process], grace_s=0)


def install() -> None:
    """Install both where they are missing; their own services do not start."""
    packages.install_system_packages(versions.DATABASE_PACKAGES)


def folder(places: LabPaths) -> Path:
    """Where they keep what they write."""
    return places.data / "databases"


def start_postgresql(places: LabPaths, port: int = ports.POSTGRESQL) -> Database:
    """A new, empty PostgreSQL, as durable as it comes: a commit is on the disk before it is answered."""
    programs = _postgresql_programs()
    data = _fresh(places, "postgresql", "postgres")
    initdb = [str(programs / "initdb"), "-D", str(data), "-U", "prefect", "--auth=trust", "-E", "UTF8", "--locale=C"]
    done = subprocess.run(
        _as_user("postgres", initdb),
        capture_output=True,
        text=True,
        cwd="/",
        timeout=INITDB_WITHIN_S,
        check=False,
    )
    if done.returncode != 0:
        raise LabError(f"initdb failed: {(done.stderr or done.stdout).strip()[-400:]}")
    options = {
        "listen_addresses": ports.HOST,
        "port": port,
        "unix_socket_directories": "",
        "max_connections": 200,
        "shared_buffers": "256MB",
    }
    command = [str(programs / "postgres"), "-D", str(data)]
    for name, value in options.items():
        command += ["-c", f"{name}={value}"]
    return _start(places, "postgresql", _as_user("postgres", command), port)


def start_redis(places: LabPaths, port: int = ports.REDIS) -> Database:
    """A new, empty Redis that keeps nothing: Prefect's messages are on their way, not in store."""
    data = _fresh(places, "redis", "redis")
    server = shutil.which("redis-server")
    if server is None:
        raise LabError("the program redis-server is missing; install the package redis-server.")
    command = [server, "--bind", ports.HOST, "--port", str(port), "--dir", str(data), "--save", ""]
    command += ["--set-proc-title", "no"]  # a title would be written over the mark by which `lab down` finds it
    return _start(places, "redis", _as_user("redis", command), port)


def _postgresql_programs() -> Path:
    found = sorted(POSTGRESQL_VERSIONS.glob("*/bin/initdb"), key=lambda file: int(file.parts[-3]))
    if not found:
        raise LabError("PostgreSQL's server programs are missing; install the package postgresql.")
    return found[-1].parent


def _fresh(places: LabPaths, name: str, user: str) -> Path:
    place = folder(places) / name
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    shutil.chown(place, user)
    place.chmod(0o700)
    return place


def _as_user(user: str, command: list[str]) -> list[str]:
    """Neither runs as root. The one capability that is kept lets it reach its folder below a private home."""
    setpriv = shutil.which("setpriv") or "/usr/bin/setpriv"
    keep = ["--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
    return [setpriv, f"--reuid={user}", f"--regid={user}", "--clear-groups", *keep, "--", *command]


def _start(places: LabPaths, name: str, command: list[str], port: int) -> Database:
    if _listens(port):
        raise LabError(f"port {port}, which {name} needs, is taken: end what listens there")
    pids = folder(places) / "run"
    pids.mkdir(exist_ok=True)
    log = places.logs / f"{name}.log"
    log.unlink(missing_ok=True)
    started = keeper.start(name, command, {}, keeper.Places(places.checkout, places.logs, pids))
    database = Database(name, started, log)
    deadline = time.monotonic() + START_WITHIN_S
    while not _listens(port):
        if not started.alive() or time.monotonic() > deadline:
            keeper.end([started], grace_s=1)
            raise LabError(f"{name} did not start:\n{keeper.tail(log)}")
        time.sleep(0.05)
    return database


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((ports.HOST, port)) == 0
