"""The way to a cluster by a plugin that gives credentials: it ends, is renewed, fails, hangs, and is never shown."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from blocks.kubernetes.kinds import NAMESPACE
from blocks.kubernetes.logins import exec_plugin
from sluice.errors import SluiceError, TerminalError, TransientError
from tests.blocks.kubernetes.plugins import V1, Plugin, alive, by_kubeconfig, executed
from tests.blocks.kubernetes.tls_server import TlsServer


@pytest.fixture
def plugin(tmp_path: Path) -> Plugin:
    return Plugin(tmp_path)


def stamp(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


async def test_a_plugin_s_token_is_used_until_shortly_before_its_end(
    server: TlsServer, plugin: Plugin, clock: list[float]
) -> None:
    """Then the program runs again while the old token still works: nobody waits."""
    plugin.gives(f"{{'token': f't{{count}}', 'expirationTimestamp': {stamp(900)!r}}}")
    server.accepted = {"t1", "t2"}
    cluster = await by_kubeconfig(server, executed())
    await cluster.list(NAMESPACE)
    await cluster.list(NAMESPACE)
    assert len(plugin.runs) == 1
    clock[0] += 900 - exec_plugin.MARGIN + 1
    await cluster.list(NAMESPACE)
    while len(plugin.runs) < 2 or server.shown[-1] != "t2":
        await cluster.list(NAMESPACE)
        await asyncio.sleep(0.01)
    await cluster.close()
    assert server.shown[:3] == ["t1", "t1", "t1"]


async def test_a_plugin_s_token_that_has_ended_is_never_shown(
    server: TlsServer, plugin: Plugin, clock: list[float]
) -> None:
    """After a night without a request the first one waits for the program."""
    plugin.gives(f"{{'token': f't{{count}}', 'expirationTimestamp': {stamp(900)!r}}}")
    server.accepted = {"t1", "t2"}
    cluster = await by_kubeconfig(server, executed())
    await cluster.list(NAMESPACE)
    clock[0] += 40000
    await cluster.list(NAMESPACE)
    await cluster.close()
    assert server.shown == ["t1", "t2"]


async def test_a_refused_token_is_replaced_once_for_all_who_ask(server: TlsServer, plugin: Plugin) -> None:
    """A hundred requests and a watch, one run of the program; what was asked is done."""
    server.accepted, server.events = {"t1"}, [b'{"type": "ADDED", "object": {}}']
    cluster = await by_kubeconfig(server, executed())
    await cluster.list(NAMESPACE)
    server.accepted = {"t2"}

    async def watched() -> list[Any]:
        return [change.type async for change in cluster.watch(NAMESPACE, "7")]

    answers = await asyncio.gather(watched(), *(cluster.list(NAMESPACE) for _ in range(100)))
    await cluster.close()
    assert answers == [["ADDED"], *([[]] * 100)]
    assert len(plugin.runs) == 2


async def test_a_plugin_whose_new_tokens_are_refused_is_named(
    server: TlsServer, plugin: Plugin, clock: list[float]
) -> None:
    """Terminal, with the user and the program; and the program is not run for every request."""
    cluster = await by_kubeconfig(server, executed())
    for _ in range(5):
        with pytest.raises(TerminalError, match=r"plugin .*/plugin of kubeconfig user ann"):
            await cluster.list(NAMESPACE)
    assert server.shown[:2] == ["t1", "t2"]
    assert len(plugin.runs) == 2
    clock[0] += 10
    server.accepted = {"t3"}
    assert await cluster.list(NAMESPACE) == []
    await cluster.close()


async def test_a_plugin_that_fails_is_transient_and_says_who(
    server: TlsServer, plugin: Plugin, clock: list[float]
) -> None:
    """An identity provider that is away comes back; the program is asked again after a moment."""
    plugin.gives("{'token': 't9'}", before="sys.exit('SSO session has expired: https://bot:TOKEN@sso.example')")
    server.accepted = {"t9"}
    cluster = await by_kubeconfig(server, executed())
    for _ in range(3):
        with pytest.raises(TransientError, match="kubeconfig user ann failed with exit code 1: SSO session") as caught:
            await cluster.list(NAMESPACE)
        assert "TOKEN" not in str(caught.value)
    assert len(plugin.runs) == 1
    plugin.gives("{'token': 't9'}")
    clock[0] += 6
    assert await cluster.list(NAMESPACE) == []
    await cluster.close()


async def test_a_plugin_that_fails_while_its_token_is_good_hurts_nobody(
    server: TlsServer, plugin: Plugin, clock: list[float]
) -> None:
    """Renewal begins early enough to fail some times."""
    plugin.gives(f"{{'token': f't{{count}}', 'expirationTimestamp': {stamp(900)!r}}}")
    server.accepted = {"t1"}
    cluster = await by_kubeconfig(server, executed())
    await cluster.list(NAMESPACE)
    plugin.gives("{}", before="sys.exit('away')")
    clock[0] += 870
    while len(plugin.runs) < 2:
        await cluster.list(NAMESPACE)
        await asyncio.sleep(0.01)
    await cluster.list(NAMESPACE)
    await cluster.close()
    assert set(server.shown) == {"t1"}


async def test_a_plugin_that_hangs_is_ended_and_transient(
    server: TlsServer, plugin: Plugin, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A prompt that nobody answers; its process does not stay."""
    monkeypatch.setattr(exec_plugin, "TIMEOUT", 0.5)
    pid = tmp_path / "pid"
    plugin.gives("{}", before=f"pathlib.Path({str(pid)!r}).write_text(str(os.getpid())); time.sleep(600)")
    cluster = await by_kubeconfig(server, executed())
    with pytest.raises(TransientError, match="user ann gave no credentials within"):
        await cluster.list(NAMESPACE)
    await cluster.close()
    assert not alive(pid)


async def test_a_request_that_is_given_up_does_not_end_the_program(server: TlsServer, plugin: Plugin) -> None:
    """A lease waits three seconds; a program that takes four must still come to its end."""
    plugin.gives(
        "{'token': 't1'}", before=f"\nwhile not os.path.exists({str(plugin.folder / 'go')!r}): time.sleep(0.01)"
    )
    server.accepted = {"t1"}
    cluster = await by_kubeconfig(server, executed())
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(cluster.list(NAMESPACE), 0.05)
    (plugin.folder / "go").touch()
    assert await cluster.list(NAMESPACE) == []
    await cluster.close()
    assert len(plugin.runs) == 1


async def test_a_program_that_runs_when_the_cluster_is_closed_is_ended(server: TlsServer, plugin: Plugin) -> None:
    """Nothing of ours stays behind."""
    pid = plugin.folder / "pid"
    plugin.gives("{}", before=f"pathlib.Path({str(pid)!r}).write_text(str(os.getpid())); time.sleep(600)")
    cluster = await by_kubeconfig(server, executed())
    asking = asyncio.create_task(cluster.list(NAMESPACE))
    while not alive(pid):
        await asyncio.sleep(0.01)
    asking.cancel()
    await cluster.close()
    assert not alive(pid)


@pytest.mark.parametrize(
    ("status", "before", "version", "error", "said"),
    [
        ("{}", "", V1, TransientError, "neither a token nor a client certificate"),
        ("{'token': ''}", "", V1, TransientError, "neither a token"),
        ("None", "", V1, TransientError, "no ExecCredential"),
        ("{}", "print('hello hush')", V1, TransientError, "no ExecCredential"),
        ("{'token': 'hush'}", "", "client.authentication.k8s.io/v1alpha1", TerminalError, "make them agree"),
        ("{'clientCertificateData': 'hush', 'clientKeyData': 'hush'}", "", V1, TransientError, "cannot be used"),
    ],
)
async def test_what_a_plugin_prints_wrongly_is_told_without_it(
    server: TlsServer,
    plugin: Plugin,
    status: str,
    before: str,
    version: str,
    error: type[SluiceError],
    said: str,
) -> None:
    """It may have a token in it."""
    plugin.gives(status, before, version)
    cluster = await by_kubeconfig(server, executed())
    with pytest.raises(error, match=said) as caught:
        await cluster.list(NAMESPACE)
    await cluster.close()
    assert "hush" not in str(caught.value)


async def test_a_plugin_that_is_not_there_is_terminal_with_its_hint(server: TlsServer) -> None:
    """gke-gcloud-auth-plugin is what people forget."""
    cluster = await by_kubeconfig(server, executed("no-such-plugin", installHint="Install it with gcloud"))
    with pytest.raises(TerminalError, match=r"no-such-plugin of kubeconfig user ann .*Install it with gcloud"):
        await cluster.list(NAMESPACE)
    await cluster.close()


async def test_a_plugin_gets_what_the_protocol_says(server: TlsServer, plugin: Plugin) -> None:
    """Its arguments and environment, no terminal, and the cluster where it asks for it."""
    plugin.gives("{'token': '-'.join([*sys.argv[1:], os.environ['REGION']])}")
    server.accepted = {"get-token-eu"}
    env = [{"name": "REGION", "value": "eu"}]
    cluster = await by_kubeconfig(server, executed(args=["get", "token"], env=env, provideClusterInfo=True))
    assert await cluster.list(NAMESPACE) == []
    await cluster.close()
    (asked,) = plugin.runs
    assert (asked["kind"], asked["apiVersion"]) == ("ExecCredential", V1)
    assert asked["spec"] == {"interactive": False, "cluster": {"server": server.url}}


async def test_a_plugin_s_certificates_are_used_and_renewed(
    server: TlsServer, plugin: Plugin, clock: list[float]
) -> None:
    """Some give a certificate instead of a token; connections that were made with the old one are not used again."""
    for number in (1, 2):
        certificate, key = server.authority.issue(f"cert{number}")
        status = {"clientCertificateData": certificate, "clientKeyData": key, "expirationTimestamp": stamp(600)}
        (plugin.folder / f"{number}.json").write_text(json.dumps(status))
    plugin.gives(f"json.loads(pathlib.Path({str(plugin.folder)!r}, f'{{count}}.json').read_text())")
    server.accepted = {"cert1", "cert2"}
    cluster = await by_kubeconfig(server, executed())
    await cluster.list(NAMESPACE)
    await cluster.list(NAMESPACE)
    clock[0] += 601
    await cluster.list(NAMESPACE)
    await cluster.close()
    assert server.shown == ["cert1", "cert1", "cert2"]


async def test_a_plugin_whose_token_has_ended_already_is_not_run_for_every_request(
    server: TlsServer, plugin: Plugin, clock: list[float]
) -> None:
    """Clocks run apart; the server decides."""
    plugin.gives(f"{{'token': 't1', 'expirationTimestamp': {stamp(-60)!r}}}")
    server.accepted = {"t1"}
    cluster = await by_kubeconfig(server, executed())
    for _ in range(5):
        await cluster.list(NAMESPACE)
    await cluster.close()
    assert len(plugin.runs) == 1
