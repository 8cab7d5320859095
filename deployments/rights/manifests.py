"""The RBAC manifests of `deployments/kubernetes` and the table of docs/install.md, written from RIGHTS."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import yaml

from deployments.rights.part import ALWAYS, Part
from deployments.rights.right import Right, Where
from deployments.rights.table import JOB_SUITES, RIGHTS, TENANTS, rights_of

Object = dict[str, Any]
API = "rbac.authorization.k8s.io/v1"
HEAD = "# Written by `python -m deployments.rights` from deployments/rights/table.py, which says why of each right.\n"
BEGIN, END = "<!-- rights: written by `python -m deployments.rights` -->\n", "<!-- rights: end -->\n"


def rules(rights: Sequence[Right]) -> list[Object]:
    """RBAC rules: resources of one group with the same verbs are one rule."""
    verbs: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for right in rights:
        verbs[(right.group, right.resource)] |= set(right.verbs)
    alike: defaultdict[tuple[str, tuple[str, ...]], list[str]] = defaultdict(list)
    for (group, resource), wanted in verbs.items():
        alike[(group, tuple(sorted(wanted)))].append(resource)
    return [
        {"apiGroups": [group], "resources": resources, "verbs": list(wanted)}
        for (group, wanted), resources in alike.items()
    ]


def roles() -> str:
    """`base/roles.yaml`: what each part may do. A ClusterRole gives nothing until something binds it."""
    documents: list[Object] = []
    for part in Part:
        if part is Part.CHAT:
            continue  # a component of its own
        name = f"sluice-{part}"
        documents.append(_role("ClusterRole", name, rules(rights_of((part,), Where.EVERYWHERE))))
        if own := rules(rights_of((part,), Where.OWN)):
            documents += [_role("Role", name, own), _binding("RoleBinding", "Role", name)]
    return HEAD + yaml.safe_dump_all(documents, sort_keys=False)


def tenants() -> str:
    """`components/tenants/rights.yaml`: the right to stand in for tenants, which a worker has in no other way."""
    name = f"sluice-{Part.WORKER}-tenants"
    role = _role("ClusterRole", name, rules(TENANTS))
    binding = _binding("ClusterRoleBinding", "ClusterRole", name)
    binding["subjects"][0]["name"] = f"sluice-{Part.WORKER}"
    return HEAD + yaml.safe_dump_all([role, binding], sort_keys=False)


def job_suites() -> str:
    """`components/job-suites/rights.yaml`: Jobs as suites, bound in sluice's own namespace alone."""
    name = f"sluice-{Part.WORKER}-job-suites"
    binding = _binding("RoleBinding", "ClusterRole", name)
    binding["subjects"][0]["name"] = f"sluice-{Part.WORKER}"
    return HEAD + yaml.safe_dump_all([_role("ClusterRole", name, rules(JOB_SUITES)), binding], sort_keys=False)


def slack() -> str:
    """`components/slack/rights.yaml`: what the receiver may do for people in Slack; without the component it may not."""
    name = f"sluice-{Part.CHAT}"
    documents = [
        _role("ClusterRole", name, rules(rights_of((Part.CHAT,), Where.EVERYWHERE))),
        _binding("ClusterRoleBinding", "ClusterRole", name),
        _role("Role", name, rules(rights_of((Part.CHAT,), Where.OWN))),
        _binding("RoleBinding", "Role", name),
    ]
    for one in documents:
        if "subjects" in one:
            one["subjects"][0]["name"] = f"sluice-{Part.RECEIVER}"
    return HEAD + yaml.safe_dump_all(documents, sort_keys=False)


def bindings(kind: str, parts: Sequence[Part] = ALWAYS) -> str:
    """The bindings of these parts: ClusterRoleBindings, or RoleBindings of one namespace."""
    return HEAD + yaml.safe_dump_all(
        [_binding(kind, "ClusterRole", f"sluice-{part}") for part in parts], sort_keys=False
    )


def page(text: str) -> str:
    """A page with its table of rights brought up to date."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{_table()}{END}{after}"


def _table() -> str:
    rows = [
        f"| {', '.join(right.parts)} | {', '.join(right.verbs)} | `{right}` | {right.where} | {right.why} |"
        for right in (*RIGHTS, *TENANTS, *JOB_SUITES)
    ]
    return "\n".join(["", "| who | may | on | where | why |", "|---|---|---|---|---|", *rows]) + "\n\n"


def _role(kind: str, name: str, of: list[Object]) -> Object:
    return {"apiVersion": API, "kind": kind, "metadata": {"name": name}, "rules": of}


def _binding(kind: str, role: str, name: str) -> Object:
    return {
        "apiVersion": API,
        "kind": kind,
        "metadata": {"name": name},
        "roleRef": {"apiGroup": API.partition("/")[0], "kind": role, "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": "sluice"}],
    }
