"""The settings: what cannot work is refused at start by name, with the way out; what fits nothing is named."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest
from pydantic import SecretStr, ValidationError

from deployments.environment import unknown_settings
from deployments.settings import Settings

SECRETS = [name for name, field in Settings.model_fields.items() if SecretStr in get_args(field.annotation)]


@pytest.fixture(autouse=True)
def of_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of whoever runs the tests gets in."""
    for name in Settings.model_fields:
        monkeypatch.delenv(f"SLUICE_{name.upper()}", raising=False)


def refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> str:
    monkeypatch.setenv(f"SLUICE_{name.upper()}", value)
    with pytest.raises(ValidationError) as caught:
        Settings()
    (problem,) = caught.value.errors()
    assert problem["loc"] == (name,)
    return str(problem["msg"])


@pytest.mark.parametrize("value", ["", " ", "\n\t"], ids=["nothing", "blank", "white space"])
@pytest.mark.parametrize("name", SECRETS)
def test_an_empty_secret_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """`${SECRET:-}` in a manifest must not mean that anybody may sign with nothing."""
    assert f"unset SLUICE_{name.upper()}" in refused(monkeypatch, name, value)


def test_every_secret_is_among_them() -> None:
    """The list above is not empty by accident."""
    assert {"github_secret", "registry_token", "slack_token", "prefect_auth"} <= set(SECRETS)


def test_an_empty_secret_ends_the_command_line_with_its_name(tmp_path: Path) -> None:
    """Exit code 2 and one line, before anything is started."""
    run = subprocess.run(
        [sys.executable, "-m", "deployments.cli", "receiver"],
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "SLUICE_GITHUB_SECRET": ""},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 2
    assert "SLUICE_GITHUB_SECRET" in run.stderr
    assert "unset" in run.stderr
    assert "settings SLUICE_GITHUB_SECRET: is set and empty" in run.stderr  # as docs/troubleshooting.md quotes it


@pytest.mark.parametrize(
    "name",
    ["", "worker 1", "größe", "a/b", "a%b", "a:b", "Worker", "-a", "a-", "a..b", "a" * 64, "a_b"],
)
def test_a_worker_name_that_kubernetes_would_refuse_is_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """It labels the worker's Lease: a worker without one waits for ever."""
    said = refused(monkeypatch, "worker_name", name)
    assert "SLUICE_WORKER_NAME" in said
    assert "63" in said


@pytest.mark.parametrize("name", ["a", "worker-1", "node-7.example", "0", "a" * 63])
def test_a_worker_name_that_kubernetes_takes_is_kept(name: str) -> None:
    """RFC 1123: lower-case letters, digits, dashes and dots."""
    assert Settings(worker_name=name).worker_name == name


@pytest.mark.parametrize(
    ("host", "fitting"),
    [
        ("worker-1", r"worker-1"),
        ("Node_7", r"node-7"),
        ("Büro.local", r"b-ro\.local"),
        ("-", r"worker"),
        ("", r"worker"),
        ("n" * 64, r"n{54}-[0-9a-f]{8}"),
    ],
)
def test_the_host_s_name_is_made_to_fit(monkeypatch: pytest.MonkeyPatch, host: str, fitting: str) -> None:
    """Nobody chose the default: it is not refused."""
    monkeypatch.setattr(socket, "gethostname", lambda: host)
    name = Settings().worker_name
    assert re.fullmatch(fitting, name)
    assert Settings(worker_name=name).worker_name == name


def test_two_long_host_names_stay_two_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is cut off still tells them apart."""
    names = set()
    for last in "ab":
        monkeypatch.setattr(socket, "gethostname", lambda last=last: "n" * 63 + last)
        names.add(Settings().worker_name)
    assert len(names) == 2


def test_a_variable_that_is_no_setting_is_named() -> None:
    """A typo, or a setting that went: with what was probably meant."""
    given = {"SLUICE_NAMESPACE": "a", "SLUICE_GIT_PASSWORD": "hush", "SLUICE_HOME": "x", "PATH": "y"}
    said = unknown_settings(Settings, given)
    assert "SLUICE_NAMESPACE (SLUICE_NAMESPACES?)" in said
    assert "SLUICE_GIT_PASSWORD" in said
    assert "SLUICE_HOME" not in said
    assert "hush" not in said


@pytest.mark.parametrize("given", [{}, {"SLUICE_HOME": "x"}, {"sluice_metrics_url": "x"}, {"SLUICE_LAB_CACHE": "x"}])
def test_what_is_a_setting_is_not_named(given: dict[str, str]) -> None:
    """Nor what belongs to the lab."""
    assert unknown_settings(Settings, given) == ""


LINKS = {
    "SLUICE_PREFECT_PORT": "tcp://10.0.0.7:4200",
    "SLUICE_PREFECT_SERVICE_HOST": "10.0.0.7",
    "SLUICE_PREFECT_SERVICE_PORT": "4200",
    "SLUICE_PREFECT_SERVICE_PORT_HTTP": "4200",
    "SLUICE_PREFECT_PORT_4200_TCP": "tcp://10.0.0.7:4200",
    "SLUICE_PREFECT_PORT_4200_TCP_ADDR": "10.0.0.7",
    "SLUICE_RECEIVER_PORT": "tcp://10.0.0.8:8900",
    "SLUICE_PORT": "tcp://10.0.0.9:80",
}


def test_a_service_of_the_name_sluice_is_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kubernetes gives pods a variable for each Service: `sluice-receiver` has SLUICE_RECEIVER_PORT=tcp://…"""
    for name, value in LINKS.items():
        monkeypatch.setenv(name, value)
    assert (Settings().prefect_port, Settings().receiver_port) == (4200, 8900)
    assert unknown_settings(Settings, LINKS) == ""


@pytest.mark.parametrize(
    ("written", "names"), [("a, b,,a", ("a", "b")), ("", ()), (" , ", ()), ("shop-1,0x", ("shop-1", "0x"))]
)
def test_namespaces_are_names_between_commas(
    monkeypatch: pytest.MonkeyPatch, written: str, names: tuple[str, ...]
) -> None:
    """Each of them once: a namespace that is named twice would be watched twice."""
    monkeypatch.setenv("SLUICE_NAMESPACES", written)
    assert Settings().namespaces == names


@pytest.mark.parametrize("wrong", ["a b", "Shop_1", "shop.test", "-a", "a-", "a" * 64, "größe"])
def test_what_no_namespace_can_be_named_is_refused(monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    """It would be asked for, for ever, and nothing of it would ever come."""
    said = refused(monkeypatch, "namespaces", f"test,{wrong}")
    assert repr(wrong) in said
    assert "SLUICE_NAMESPACES" in said
    assert "separate several by commas" in said


def test_an_empty_kubeconfig_or_context_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """`${KUBECONFIG:-}`: the default, not the folder that sluice was started in."""
    monkeypatch.setenv("SLUICE_KUBECONFIG", "")
    monkeypatch.setenv("SLUICE_CONTEXT", "")
    assert (Settings().kubeconfig, Settings().context) == (None, None)


@pytest.mark.parametrize(
    "address", ["foo", "prometheus:9090", "ftp://me:hush@prometheus:9090", "me:hush@prometheus:9090"]
)
def test_a_prometheus_without_a_scheme_is_refused_at_start(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    """With an address that would do, instead of an error at the first scrape of a release."""
    said = refused(monkeypatch, "metrics_url", address)
    assert "http:// or https://" in said
    assert "SLUICE_METRICS_URL" in said
    assert "http://prometheus:9090" in said
    assert "hush" not in said


def test_a_prometheus_has_an_address_or_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """`${METRICS_URL:-}` is none."""
    for written, url in (("https://p:9090/x", "https://p:9090/x"), ("http://p", "http://p"), ("", None)):
        monkeypatch.setenv("SLUICE_METRICS_URL", written)
        assert Settings().metrics_url == url


def test_no_error_shows_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    """An address that is refused is shown without its user part."""
    assert "hush" not in refused(monkeypatch, "prefect_api_url", "ftp://me:hush@prefect.example/api")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.7", "prefect.example"])
def test_an_embedded_server_that_others_reach_needs_a_login(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    """Anybody could start and stop releases; the message says both ways out."""
    monkeypatch.setenv("SLUICE_PREFECT_HOST", host)
    with pytest.raises(ValidationError) as caught:
        Settings()
    (problem,) = caught.value.errors()
    assert problem["loc"] == ("prefect_auth",)
    assert host in problem["msg"]
    assert "SLUICE_PREFECT_AUTH=user:password" in problem["msg"]
    assert "127.0.0.1" in problem["msg"]
    monkeypatch.setenv("SLUICE_PREFECT_AUTH", "sluice:hush")
    assert Settings().prefect_login == "sluice:hush"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.8.0.1"])
def test_a_server_for_this_machine_needs_no_login(host: str) -> None:
    """Nor does one that somebody else runs: it knows itself what it asks for."""
    assert Settings(prefect_host=host).prefect_login is None
    assert Settings(prefect_host="0.0.0.0", prefect_api_url="http://prefect:4200/api").prefect_login is None


@pytest.mark.parametrize("value", ["hush", ":hush", "user:", "größe:hush", "user:hü"])
def test_a_login_that_no_client_could_show_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """Every part would be answered 401 for ever."""
    said = refused(monkeypatch, "prefect_auth", value)
    assert "user:password" in said
    assert "hush" not in said


def test_a_server_on_every_address_is_reached_at_one() -> None:
    """0.0.0.0 is no address to connect to."""
    assert Settings(prefect_host="0.0.0.0", prefect_auth=SecretStr("u:p")).api_url == "http://127.0.0.1:4200/api"
    assert Settings(prefect_host="::", prefect_auth=SecretStr("u:p")).api_url == "http://[::1]:4200/api"
