"""With CONTEXT nothing is started, and env.json says only what is known."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab import environment, existing
from lab.errors import LabError
from lab.paths import LabPaths
from lab.product.sluice import refuse_incomplete, sluice_environment

KUBECONFIG = "apiVersion: v1\nkind: Config\ncontexts: [{name: mine, context: {cluster: c, user: u}}]\n"


def test_the_named_context_is_used(tmp_path: Path) -> None:
    """Of several kubeconfig files, the one that has the context."""
    (tmp_path / "empty").write_text("")
    (tmp_path / "config").write_text(KUBECONFIG)
    files = f"{tmp_path}/absent:{tmp_path}/empty:{tmp_path}/config"
    said = existing.describe("mine", {"KUBECONFIG": files, "SLUICE_LAB_REGISTRY": "registry.test:5000"})
    assert said["kubeconfig"] == f"{tmp_path}/config"
    assert said["registry"] == "registry.test:5000"
    assert "gateway_url" not in said


def test_an_unknown_context_is_an_error_that_names_it(tmp_path: Path) -> None:
    """A misspelt name must not fall back to some other cluster."""
    (tmp_path / "config").write_text(KUBECONFIG)
    with pytest.raises(LabError, match="no context yours"):
        existing.describe("yours", {"KUBECONFIG": f"{tmp_path}/config"})


NAMED = {
    "SLUICE_LAB_GATEWAY_URL": "http://gateway.test/",
    "SLUICE_LAB_GATEWAY": "edge/public",
    "SLUICE_LAB_REGISTRY": "registry.test:5000",
    "SLUICE_LAB_PROMETHEUS_URL": "http://prometheus.test:9090",
    "SLUICE_LAB_GIT_URL": "http://git.test/team",
}
"""What README says has to be named."""


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    """Of somebody who has named what the demo needs."""
    (tmp_path / "config").write_text(KUBECONFIG)
    return {"KUBECONFIG": f"{tmp_path}/config", **NAMED}


@pytest.fixture
def with_kustomize(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that has the program."""
    program = tmp_path / "bin" / "kustomize"
    program.parent.mkdir()
    program.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(program.parent))


def test_what_has_to_be_named_is_enough_for_the_demo(variables: dict[str, str], with_kustomize: None) -> None:
    """Secrets that nobody knows are made; who names no Slack gets none."""
    env = existing.describe("mine", variables)
    refuse_incomplete(env)
    assert env["gateway"] == {"name": "public", "namespace": "edge"}
    assert env["gateway_url"] == "http://gateway.test"
    settings = sluice_environment(env, Path("home"))
    assert len(settings["SLUICE_REGISTRY_TOKEN"]) == len(settings["SLUICE_GITHUB_SECRET"]) == 32
    assert settings["SLUICE_REGISTRY_TOKEN"] != settings["SLUICE_GITHUB_SECRET"]
    assert [name for name in settings if "SLACK" in name] == []
    assert all(settings.values())


@pytest.mark.parametrize("variable", NAMED)
def test_what_is_not_named_is_asked_for_by_its_variable(variable: str, variables: dict[str, str]) -> None:
    """With what it is; and nothing that is named is."""
    del variables[variable]
    with pytest.raises(LabError, match=variable) as refused:
        refuse_incomplete(existing.describe("mine", variables))
    assert existing.VARIABLES[variable].meaning in str(refused.value)
    assert [name for name in NAMED if f"{name} (" in str(refused.value)] == [variable]


def test_the_demo_asks_for_kustomize(variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The lab brings it; on a cluster of one's own it is the machine's."""
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(LabError, match="kustomize: install it"):
        refuse_incomplete(existing.describe("mine", variables))


def test_a_secret_that_is_named_is_used(variables: dict[str, str]) -> None:
    """A registry that notifies with a token of its own reaches sluice."""
    variables |= {"SLUICE_LAB_REGISTRY_TOKEN": "known", "SLUICE_LAB_SLACK_TOKEN": "xoxb-1"}
    settings = sluice_environment(existing.describe("mine", variables), Path("home"))
    assert (settings["SLUICE_REGISTRY_TOKEN"], settings["SLUICE_SLACK_TOKEN"]) == ("known", "xoxb-1")
    assert "SLUICE_SLACK_URL" not in settings, "Slack itself"


@pytest.mark.parametrize("odd", ["public", "edge/", "/public", "a/b/c"])
def test_a_gateway_is_named_with_its_namespace(odd: str, variables: dict[str, str]) -> None:
    """A route that refers to another Gateway would be accepted by none."""
    variables["SLUICE_LAB_GATEWAY"] = odd
    with pytest.raises(LabError, match=r"SLUICE_LAB_GATEWAY is .* namespace/name"):
        existing.describe("mine", variables)


def test_up_and_down_write_env_json_and_no_more(
    variables: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a checkout where nothing was there before; what is not named is named."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    places = LabPaths(tmp_path / "checkout")
    existing.up(places, "mine")
    assert environment.read(places)["git_url"] == "http://git.test/team"
    assert places.env_json.stat().st_mode & 0o077 == 0
    said = capsys.readouterr()
    assert "not named: SLUICE_LAB_SLACK_TOKEN" in said.out + said.err
    existing.down(places)
    assert environment.read(places) == {}


def test_readme_and_docs_name_what_has_to_be_named() -> None:
    """Somebody who follows them is not refused."""
    page = (Path(__file__).resolve().parents[2] / "docs" / "install.md").read_text()
    assert {name for name, one in existing.VARIABLES.items() if one.needed} == set(NAMED)
    assert [name for name in existing.VARIABLES if name not in page] == []
