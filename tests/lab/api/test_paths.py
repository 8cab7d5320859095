"""Where the lab's client looks for objects, and how it proves who it is."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from lab.api.access import Access
from lab.api.paths import collection, path, path_of, plural_of
from lab.errors import LabError


@pytest.mark.parametrize(
    ("kind", "plural"),
    [
        ("Canary", "canaries"),
        ("Gateway", "gateways"),
        ("GatewayClass", "gatewayclasses"),
        ("HTTPRoute", "httproutes"),
        ("ImagePolicy", "imagepolicies"),
        ("GitRepository", "gitrepositories"),
    ],
)
def test_a_kind_has_its_plural(kind: str, plural: str) -> None:
    """As the API server names them in its paths."""
    assert plural_of(kind) == plural


def test_a_manifest_says_where_it_belongs() -> None:
    """With and without a group, with and without a namespace."""
    shop = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "shop", "namespace": "test"}}
    assert path_of(shop) == "/apis/apps/v1/namespaces/test/deployments/shop" == path("deployments", "test", "shop")
    assert collection(shop) == "/apis/apps/v1/namespaces/test/deployments"
    assert path_of({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a"}}) == "/api/v1/namespaces/a"


def test_any_kubeconfig_gives_access_by_its_context(tmp_path: Path) -> None:
    """A token counts as much as certificates in files; the lab's parts need the latter and say so."""
    authority = base64.b64encode(b"not a certificate").decode()
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": "https://a.test", "certificate-authority-data": authority}}],
        "users": [{"name": "u", "user": {"token": "secret"}}],
        "contexts": [{"name": "mine", "context": {"cluster": "c", "user": "u"}}],
    }
    file = tmp_path / "kubeconfig"
    file.write_text(json.dumps(document))
    access = Access.of_context(file, "mine")
    assert access.server == "https://a.test"
    assert access.headers == {"Authorization": "Bearer secret"}
    assert Path(access.authority).read_bytes() == b"not a certificate"
    with pytest.raises(LabError, match="certificate-authority"):
        Access.of(file)
