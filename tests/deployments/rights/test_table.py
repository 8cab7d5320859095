"""The table of rights is the truth: the manifests are made from it, and code asks for nothing else."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from blocks.kubernetes import kinds
from blocks.kubernetes.cluster import Kind
from deployments.rights.__main__ import CHECKOUT, written
from deployments.rights.manifests import job_suites, roles, rules, tenants
from deployments.rights.part import Part
from deployments.rights.right import Right, Where
from deployments.rights.table import JOB_SUITES, RIGHTS, TENANTS, rights_of
from sluice.rollout.tending.finalizer import FINALIZER, finalizers
from sluice.rollout.tending.past import PAST

FLOORS = ("deployments", "flows", "tasks", "blocks")
NAMED = {name: kind for name, kind in vars(kinds).items() if isinstance(kind, Kind)}
MOVING = {"create", "patch", "update", "delete"}


def sources() -> list[tuple[Path, str]]:
    """The product's modules that act, without the table itself."""
    files = [file for floor in FLOORS for file in (CHECKOUT / floor).rglob("*.py")]
    return [(file, file.read_text()) for file in files if "rights" not in file.parts and file.name != "kinds.py"]


@pytest.mark.parametrize("path", written(), ids=lambda path: str(path.relative_to(CHECKOUT)))
def test_manifests_and_the_page_are_those_of_the_table(path: Path) -> None:
    """`python -m deployments.rights` writes them."""
    assert path.read_text() == written()[path]


@pytest.mark.parametrize("name", NAMED)
def test_every_kind_that_code_uses_has_its_rights(name: str) -> None:
    """And no kind has rights that no code uses: a row in deployments/rights/table.py, or none."""
    used = any(re.search(rf"kinds import [^)]*?\b{name}\b", text) for _, text in sources())
    tabled = NAMED[name] in {*kinds.WORKLOAD_KINDS.values(), *kinds.AUTOSCALER_KINDS.values()}
    assert (NAMED[name] in {right.kind for right in (*RIGHTS, *TENANTS, *JOB_SUITES)}) is (used or tabled)


def test_every_workload_has_its_rights() -> None:
    """A new kind of target comes with the right to copy, scale, freeze and promote it."""
    for kind in kinds.WORKLOAD_KINDS.values():
        verbs = {verb for right in RIGHTS if right.kind == kind for verb in right.verbs}
        assert verbs == {"get", "list", "watch", "create", "patch", "update"}


def test_kinds_are_defined_in_one_place() -> None:
    """A kind that is made up elsewhere would be one whose rights nobody sees; those of manifests are discovered."""
    made = {
        str(file.relative_to(CHECKOUT))
        for file, text in sources()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Kind"
    }
    assert made == {"blocks/kubernetes/cluster.py", "blocks/kubernetes/rollouts/past.py"}
    assert {past.plural for past in PAST.values()} <= {right.kind.plural for right in RIGHTS}


def test_the_right_to_stand_in_for_others_comes_with_a_component_alone() -> None:
    """The right to impersonate a service account is the right to all that it may: no role of the base has that."""
    base = [rule for role in yaml.safe_load_all(roles()) for rule in role.get("rules", ())]
    assert base
    assert not [rule for rule in base if "impersonate" in rule["verbs"] or "serviceaccounts/token" in rule["resources"]]
    granted = {(verb, str(right)) for right in TENANTS for verb in right.verbs}
    assert granted == {("impersonate", "serviceaccounts"), ("create", "serviceaccounts/token")}
    (role, binding) = yaml.safe_load_all(tenants())
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "sluice-worker", "namespace": "sluice"}]
    assert {verb for rule in role["rules"] for verb in rule["verbs"]} == {"impersonate", "create"}


def test_jobs_are_made_only_where_somebody_wants_suites_of_them() -> None:
    """Who may write a Gate there may run any pod there: it is bound in sluice's own namespace alone."""
    base = [rule for role in yaml.safe_load_all(roles()) for rule in role.get("rules", ())]
    assert not [rule for rule in base if {"jobs", "cronjobs"} & set(rule["resources"])]
    (role, binding) = yaml.safe_load_all(job_suites())
    assert (role["kind"], binding["kind"]) == ("ClusterRole", "RoleBinding")
    assert {verb for rule in role["rules"] for verb in rule["verbs"]} == {"get", "create", "delete", "list"}


def test_every_right_has_a_reason_and_is_no_wildcard() -> None:
    """A person who gives a right reads why."""
    for right in (*RIGHTS, *TENANTS, *JOB_SUITES):
        assert len(right.why) > 15, right
        assert right.verbs, right
        assert "*" not in (*right.verbs, right.resource, right.group)


def test_the_watcher_only_looks() -> None:
    """It cannot move users, whatever is wrong with it."""
    verbs = {verb for where in Where for right in rights_of((Part.WATCHER,), where) for verb in right.verbs}
    assert verbs == {"list", "watch"}


def test_nothing_is_deleted_and_no_secret_is_read_by_the_roles() -> None:
    """Signs of life are taken away in sluice's own namespace; Secrets are given by name, where somebody names one."""
    cluster_wide = [one for one in yaml.safe_load_all(roles()) if one["kind"] == "ClusterRole"]
    given = [rule for role in cluster_wide for rule in role["rules"]]
    assert given
    assert not [rule for rule in given if "delete" in rule["verbs"] or "secrets" in rule["resources"]]


def test_a_canary_s_own_fields_are_its_users() -> None:
    """sluice writes a Canary's status, and the finalizer that its users ask for; never what they asked for."""
    verbs = {verb for right in RIGHTS if str(right) == "canaries.flagger.app" for verb in right.verbs}
    assert verbs & set(MOVING) == {"patch"}
    for wanted, before in ((True, []), (False, [FINALIZER])):
        patch = finalizers({"metadata": {"finalizers": before}}, wanted=wanted)
        assert patch == {"metadata": {"finalizers": [FINALIZER] if wanted else []}}


def test_rows_of_one_resource_become_one_rule() -> None:
    """What a role says is as short as it can be, and loses nothing."""
    found: dict[tuple[str, str], set[str]] = {}
    for rule in rules(RIGHTS):
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                assert (group, resource) not in found
                found[(group, resource)] = set(rule["verbs"])
    wanted: dict[tuple[str, str], set[str]] = {}
    for right in RIGHTS:
        wanted.setdefault((right.group, right.resource), set()).update(right.verbs)
    assert found == wanted


def test_a_right_reads_as_kubectl_writes_it() -> None:
    """`kubectl auth can-i patch deployments.apps`."""
    core: Any = Right(kinds.POD, ("list",), "why it is there")
    status = Right(kinds.CANARY, ("patch",), "why it is there", subresource="status")
    assert (str(core), str(status)) == ("pods", "canaries/status.flagger.app")


def test_reasons_can_be_listed_in_one_sentence() -> None:
    """`sluice doctor` divides what is missing by semicolons."""
    assert [right for right in RIGHTS if ";" in right.why] == []
