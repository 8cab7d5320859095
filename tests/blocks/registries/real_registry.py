"""CNCF Distribution as a process of its own, on a port of its own."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import yaml
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from lab.programs import packages


@contextmanager
def distribution(folder: Path, **more: object) -> Iterator[str]:
    """A registry on a port of its own; returns its address."""
    packages.install_system_packages()
    with socket.create_server(("127.0.0.1", 0)) as free:
        host = f"127.0.0.1:{free.getsockname()[1]}"
    config = {
        "version": "0.1",
        "log": {"level": "error", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}, "delete": {"enabled": True}},
        "http": {"addr": host, "secret": "of this test"},
        **more,
    }
    (folder / "registry.yaml").write_text(yaml.safe_dump(config))
    program = ["docker-registry", "serve", str(folder / "registry.yaml")]
    environment = {"OTEL_TRACES_EXPORTER": "none", "PATH": "/usr/bin"}
    with subprocess.Popen(program, env=environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as running:
        try:
            _answers(host)
            yield host
        finally:
            running.terminate()


@retry(
    retry=retry_if_exception_type(httpx.TransportError), stop=stop_after_delay(20), wait=wait_fixed(0.05), reraise=True
)
def _answers(host: str) -> None:
    httpx.get(f"http://{host}/v2/", trust_env=False)
