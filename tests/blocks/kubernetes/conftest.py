"""An API server with certificates, and a clock of the logins that tests move."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from blocks.kubernetes.logins import exec_plugin, kubeconfig_user, token_file
from tests.blocks.kubernetes.tls_server import TlsServer


@pytest.fixture
async def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[TlsServer]:
    """An API server; nothing of whoever runs the tests leads to another one."""
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    it = TlsServer(tmp_path)
    await it.start()
    yield it
    await it.close()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock of the logins that stands until a test moves it."""
    now = [datetime.now(UTC).timestamp()]
    for module in (exec_plugin, token_file, kubeconfig_user):
        for name in ("ExecPlugin", "TokenFile", "KubeconfigUser"):
            if hasattr(module, name):
                plain = getattr(module, name)
                made = lambda *a, plain=plain: plain(*a, clock=lambda: now[0])  # noqa: E731 - a factory of the class
                monkeypatch.setattr(f"blocks.kubernetes.reach.{name}", made)
    return now
