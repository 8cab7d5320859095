"""`python -m deployments.rights`: write what is made from the table, in a checkout."""

from __future__ import annotations

from pathlib import Path

from deployments.rights import manifests
from deployments.rights.part import Part

CHECKOUT = Path(__file__).resolve().parents[2]


def written() -> dict[Path, str]:
    """Each file, and what it should hold."""
    folder, page = CHECKOUT / "deployments" / "kubernetes", CHECKOUT / "docs" / "install.md"
    return {
        folder / "base" / "roles.yaml": manifests.roles(),
        folder / "components" / "cluster-wide" / "bindings.yaml": manifests.bindings("ClusterRoleBinding"),
        folder / "components" / "tenants" / "rights.yaml": manifests.tenants(),
        folder / "components" / "job-suites" / "rights.yaml": manifests.job_suites(),
        folder / "components" / "slack" / "rights.yaml": manifests.slack(),
        folder / "components" / "receivers" / "bindings.yaml": manifests.bindings(
            "ClusterRoleBinding", [Part.RECEIVER]
        ),
        folder / "namespace" / "bindings.yaml": manifests.bindings("RoleBinding"),
        page: manifests.page(page.read_text()),
    }


if __name__ == "__main__":
    for path, text in written().items():
        path.write_text(text)
