"""Decryption by the real sops program: what is encrypted is applied as it was meant, and nothing of it is anywhere else."""

from __future__ import annotations

import asyncio
import base64
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyrage
import pytest

from blocks.renderers import sops
from blocks.renderers.base import Means
from blocks.renderers.keys import Keys, keys_of
from blocks.renderers.kustomize import Kustomize
from blocks.renderers.sops import opened
from sluice.errors import InvalidError, TerminalError
from sluice.sync.rendering.encrypted import is_encrypted
from tests.blocks.renderers.test_kustomize import spec, tree

SOPS = str(Path(sys.executable).parent / "sops")
SECRET = "apiVersion: v1\nkind: Secret\nmetadata: {name: login, namespace: team}\nstringData: {password: hunter2}\n"
ONLY_DATA = ("--encrypted-regex", "^(data|stringData)$")


class Owner:
    """Somebody with an age key."""

    def __init__(self) -> None:
        identity = pyrage.x25519.Identity.generate()
        self.key, self.recipient = str(identity), str(identity.to_public())

    @property
    def keys(self) -> Keys:
        return Keys(age=f"# created by a test\n{self.key}\n")

    def encrypted(self, text: str | bytes, form: str, *more: str) -> str:
        """As a person does it before the commit."""
        content = text.encode() if isinstance(text, str) else text
        named = f"x.{'bin' if form == 'binary' else {'dotenv': 'env'}.get(form, form)}"
        forms = ("--input-type", form, "--output-type", form, "--filename-override", named)
        command = [SOPS, "--disable-version-check", "encrypt", "--age", self.recipient, *forms, *more]
        done = subprocess.run(command, input=content, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
        assert b"hunter2" not in done.stdout
        return done.stdout.decode()


@pytest.fixture(scope="module")
def ann() -> Owner:
    return Owner()


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where directories of renderings are made; none of them is left."""
    assert tmp_path.exists()  # made before, elsewhere
    there = Path(tempfile.mkdtemp(prefix="s"))  # short: gpg's agent has a socket in it
    monkeypatch.setattr("tempfile.tempdir", str(there))
    yield there
    assert list(there.iterdir()) == []
    there.rmdir()


async def rendered(source: Path, keys: Keys | None, program: str = "never-started") -> list[dict[str, Any]]:
    return await Kustomize(program=program, sops=SOPS).render(source, spec(), Means(keys))


@pytest.mark.usefixtures("places")
@pytest.mark.parametrize("more", [ONLY_DATA, ()], ids=["in part", "as a whole"])
async def test_an_encrypted_secret_is_rendered_as_it_was_meant(
    tmp_path: Path, ann: Owner, more: tuple[str, ...]
) -> None:
    """In part, as most people do it, or as a whole."""
    text = ann.encrypted(SECRET, "yaml", *more)
    (one,) = await rendered(tree(tmp_path / "s", {"a.yaml": text}), ann.keys)
    assert one["stringData"] == {"password": "hunter2"}
    assert "sops" not in one


@pytest.mark.usefixtures("places")
async def test_what_is_not_encrypted_passes(tmp_path: Path, ann: Owner) -> None:
    """Next to what is; sops is asked about the latter alone."""
    config = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {mac: 'ENC[no', sops: x}\n"
    found = await rendered(tree(tmp_path / "s", {"a.yaml": config, "b.yaml": SECRET}), ann.keys)
    assert [one["kind"] for one in found] == ["ConfigMap", "Secret"]


@pytest.mark.usefixtures("places")
@pytest.mark.parametrize(
    ("key", "form", "content"),
    [
        (".env", "dotenv", "PASSWORD=hunter2\n"),
        ("a.json", "json", '{\n\t"password": "hunter2"\n}\n'),
        ("a.yaml", "yaml", "password: hunter2\n"),
        ("tls.key", "binary", "hunter2\x00\n"),
        (".dockerconfigjson", "json", '{\n\t"auths": {\n\t\t"r.io": {\n\t\t\t"auth": "hunter2"\n\t\t}\n\t}\n}\n'),
        ("a.ini", "ini", "[a]\npassword = hunter2\n"),
    ],
)
async def test_values_of_a_secret_may_be_encrypted_files(
    tmp_path: Path, ann: Owner, key: str, form: str, content: str
) -> None:
    """In each format of sops, known by its own mark, and written in that of the key's ending."""
    inner = base64.b64encode(ann.encrypted(content, form).encode()).decode()
    text = f"apiVersion: v1\nkind: Secret\nmetadata: {{name: a}}\ndata: {{{key}: {inner}, other: aGk=}}\n"
    (one,) = await rendered(tree(tmp_path / "s", {"a.yaml": text}), ann.keys)
    assert base64.b64decode(one["data"]["other"]) == b"hi"
    plain = base64.b64decode(one["data"][key]).decode()
    assert plain.split() == content.split() or plain == content


@pytest.mark.usefixtures("places")
async def test_a_wrong_key_is_told_with_whose_it_has_to_be(tmp_path: Path, ann: Owner) -> None:
    """The recipient is public; nothing else is said."""
    source = tree(tmp_path / "s", {"a.yaml": ann.encrypted(SECRET, "yaml", *ONLY_DATA)})
    other = Owner()
    for keys in (other.keys, Keys(), Keys(age="AGE-SECRET-KEY-1NONSENSE")):
        with pytest.raises(InvalidError, match="Secret team/login: none of the keys") as caught:
            await rendered(source, keys)
        assert other.key not in str(caught.value)
        assert "NONSENSE" not in str(caught.value)
    with pytest.raises(InvalidError, match=ann.recipient):
        await rendered(source, other.keys)


@pytest.mark.usefixtures("places")
async def test_without_decryption_cipher_text_is_nobodys_password(tmp_path: Path, ann: Owner) -> None:
    """As Flux refuses it; unless its owner wants it as it is."""
    text = ann.encrypted(SECRET, "yaml", *ONLY_DATA)
    with pytest.raises(InvalidError, match=r"Secret team/login is encrypted by sops: set spec\.decryption"):
        await rendered(tree(tmp_path / "s", {"a.yaml": text}), None)
    wanted = "namespace: team\n    annotations: {kustomize.toolkit.fluxcd.io/decrypt: Disabled}\n"
    text = text.replace("namespace: team\n", wanted)
    (one,) = await rendered(tree(tmp_path / "t", {"a.yaml": text}), ann.keys)
    assert one["stringData"]["password"].startswith("ENC[")
    assert not is_encrypted(one)


@pytest.mark.usefixtures("places")
async def test_what_was_changed_without_the_key_is_refused(tmp_path: Path, ann: Owner) -> None:
    """A value cannot be swapped for another one of the file; no word of what sops says is in the message."""
    text = ann.encrypted(SECRET.replace("password: hunter2", "password: hunter2, other: x"), "yaml", *ONLY_DATA)
    lines = {line.split(":")[0].strip(): line.partition(": ")[2] for line in text.splitlines()}
    swapped = (
        text.replace(lines["password"], "@").replace(lines["other"], lines["password"]).replace("@", lines["other"])
    )
    with pytest.raises(InvalidError, match="Secret team/login cannot be decrypted") as caught:
        await rendered(tree(tmp_path / "s", {"a.yaml": swapped}), ann.keys)
    assert "hunter2" not in str(caught.value)


@pytest.mark.usefixtures("places")
async def test_keys_are_never_on_a_command_line_and_only_we_can_read_them(
    tmp_path: Path, ann: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everybody on the machine may read command lines; the tree that others read stays encrypted."""
    monkeypatch.setenv("VAULT_TOKEN", "ours")
    monkeypatch.setenv("SLUICE_SLACK_TOKEN", "ours")
    seen: list[list[str]] = []
    real = asyncio.create_subprocess_exec

    async def noted(*command: str, **more: Any) -> Any:
        seen.append([*command])
        environment: Mapping[str, str] = more["env"]
        assert not {"VAULT_TOKEN", "SLUICE_SLACK_TOKEN"} & set(environment)
        assert modes(environment["SOPS_AGE_KEY_FILE"]) == (0o600, 0o700)
        return await real(*command, **more)

    monkeypatch.setattr(asyncio, "create_subprocess_exec", noted)
    source = tree(tmp_path / "s", {"a.yaml": ann.encrypted(SECRET, "yaml", *ONLY_DATA)})
    (one,) = await rendered(source, ann.keys)
    assert one["stringData"] == {"password": "hunter2"}
    assert seen
    assert not [word for command in seen for word in command if ann.key in word or "hunter2" in word]
    assert "hunter2" not in (source / "a.yaml").read_text()


def with_pgp(ring: Path) -> tuple[str, bytes, str]:
    """The Secret encrypted for a new PGP key, that key, and its fingerprint."""
    ring.mkdir(mode=0o700)
    environment = {**os.environ, "GNUPGHOME": str(ring)}

    def gpg(*arguments: str) -> bytes:
        command = ["gpg", "--batch", "--quiet", "--passphrase", "", "--pinentry-mode", "loopback", *arguments]
        return subprocess.run(command, env=environment, check=True, capture_output=True).stdout

    gpg("--quick-generate-key", "ann@example.org", "rsa2048", "encrypt,sign", "never")
    line = next(one for one in gpg("--list-keys", "--with-colons").decode().splitlines() if one.startswith("fpr"))
    fingerprint = line.split(":")[9]
    forms = ("--input-type", "yaml", "--output-type", "yaml", "--filename-override", "x.yaml")
    command = [SOPS, "--disable-version-check", "encrypt", "--pgp", fingerprint, *forms, *ONLY_DATA]
    made = subprocess.run(command, input=SECRET.encode(), env=environment, capture_output=True, check=True)
    key = gpg("--export-secret-keys", "--armor", fingerprint)
    subprocess.run(["gpgconf", "--kill", "all"], env=environment, check=True)
    shutil.rmtree(ring)
    return made.stdout.decode(), key, fingerprint


async def test_a_pgp_key_opens_it_too(tmp_path: Path, places: Path) -> None:
    """By gpg, in a ring of this rendering alone; its agent is gone afterwards."""
    text, key, fingerprint = with_pgp(places / "ring")
    source = tree(tmp_path / "s", {"a.yaml": text})
    (one,) = await rendered(source, Keys(pgp=(key,)))
    assert one["stringData"] == {"password": "hunter2"}
    with pytest.raises(InvalidError, match="gpg cannot read a private key"):
        await rendered(source, Keys(pgp=(b"nonsense",)))
    with pytest.raises(InvalidError, match=fingerprint):
        await rendered(source, Keys())


async def test_a_missing_program_is_named(tmp_path: Path, ann: Owner) -> None:
    """With what to install."""
    source = tree(tmp_path / "s", {"a.yaml": ann.encrypted(SECRET, "yaml", *ONLY_DATA)})
    with pytest.raises(TerminalError, match="install sops"):
        await Kustomize(sops="no-such-program").render(source, spec(), Means(ann.keys))


def modes(file: str) -> tuple[int, int] | None:
    """Who may do what with a file and its directory; None where it is not there."""
    path = Path(file)
    return (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) if path.exists() else None


def coded(**data: str) -> dict[str, Any]:
    return {"data": {name.replace("__", "."): base64.b64encode(text.encode()).decode() for name, text in data.items()}}


def test_each_key_of_the_secret_is_what_it_is_in_flux() -> None:
    """Several age keys, PGP, and credentials of key services; other keys are nothing."""
    keys = keys_of(
        coded(
            one__agekey="A",
            two__agekey="B",
            ann__asc="P",
            sops__aws_kms="ignored",
            **{
                "sops.vault-token": "V\n",
                "sops.aws-kms": "aws_access_key_id: I\naws_secret_access_key: S\n",
                "sops.azure-kv": "tenantId: T\nclientId: C\nclientSecret: X\n",
                "sops.gcp-kms": '{"type": "service_account"}\n',
            },
        ),
        "Secret a",
    )
    assert (keys.age, keys.pgp, keys.google) == ("A\nB", (b"P",), '{"type": "service_account"}')
    assert keys.environment == {
        "VAULT_TOKEN": "V",
        "AWS_ACCESS_KEY_ID": "I",
        "AWS_SECRET_ACCESS_KEY": "S",
        "AZURE_TENANT_ID": "T",
        "AZURE_CLIENT_ID": "C",
        "AZURE_CLIENT_SECRET": "X",
    }
    assert "'A'" not in repr(keys)


@pytest.mark.parametrize("text", ["hunter2: [", "- hunter2", "hunter2"])
def test_credentials_that_cannot_be_read_are_named_by_their_key(text: str) -> None:
    """And by nothing of them."""
    with pytest.raises(InvalidError, match=r"Secret a: the value of 'sops\.aws-kms'") as caught:
        keys_of(coded(**{"sops.aws-kms": text}), "Secret a")
    assert "hunter2" not in str(caught.value)


async def test_our_own_identity_serves_where_the_secret_names_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cloud's key service by the worker's own account, as in Flux; a tenant's credentials never mix with it."""
    monkeypatch.setenv("AWS_ROLE_ARN", "ours")
    async with opened(Keys()) as one:
        assert one.environment["AWS_ROLE_ARN"] == "ours"
    async with opened(Keys(environment={"AWS_ACCESS_KEY_ID": "theirs"}, google="{}")) as one:
        assert "AWS_ROLE_ARN" not in one.environment
        assert modes(one.environment["GOOGLE_APPLICATION_CREDENTIALS"]) == (0o600, 0o700)
    assert modes(one.environment["SOPS_AGE_KEY_FILE"]) is None


@pytest.mark.lab
@pytest.mark.usefixtures("places")
async def test_sources_of_generators_and_patches_are_decrypted_for_kustomize_alone(
    tmp_path: Path, ann: Owner, kustomize: Kustomize
) -> None:
    """dotenv, JSON, binary; what is not encrypted passes, and the shared tree stays as it is."""
    patch = "apiVersion: v1\nkind: Secret\nmetadata: {name: b}\nstringData: {patched: hunter2}\n"
    files = {
        "kustomization.yaml": (
            "resources: [b.yaml]\npatches: [{path: p.yaml}]\ngeneratorOptions: {disableNameSuffixHash: true}\n"
            "secretGenerator:\n- {name: a, files: [conf.json=j.json, tls.key], envs: [.env], literals: [x=y]}\n"
        ),
        "b.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: b}\n",
        "p.yaml": ann.encrypted(patch, "yaml", *ONLY_DATA),
        "j.json": ann.encrypted('{"password": "hunter2"}', "json"),
        "tls.key": "not encrypted\n",
        ".env": ann.encrypted("PASSWORD=hunter2\n", "dotenv"),
    }
    source = tree(tmp_path / "s", files)
    found = {one["metadata"]["name"]: one for one in await rendered(source, ann.keys, kustomize.program)}
    data = {key: base64.b64decode(value) for key, value in found["a"]["data"].items()}
    assert data["PASSWORD"] == b"hunter2"
    assert data["conf.json"].split() == [b"{", b'"password":', b'"hunter2"', b"}"]
    assert (data["tls.key"], data["x"]) == (b"not encrypted\n", b"y")
    assert found["b"]["stringData"] == {"patched": "hunter2"}
    assert {name: (source / name).read_text() for name in files} == files
    with pytest.raises(InvalidError, match=r"'p\.yaml': none of the keys|'j\.json': none|'\.env': none"):
        await rendered(source, Owner().keys, kustomize.program)


@pytest.mark.lab
@pytest.mark.usefixtures("places")
@pytest.mark.parametrize("kind", ["bases", "components"])
async def test_sources_of_bases_and_components_are_decrypted_too(
    tmp_path: Path, ann: Owner, kustomize: Kustomize, kind: str
) -> None:
    """Wherever the directory leads to (fluxcd/flux2#2671, fluxcd/kustomize-controller#680 and #1271)."""
    head = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n" if kind == "components" else ""
    files = {
        "kustomization.yaml": f"{kind}: [part]\n",
        "part/kustomization.yaml": f"{head}secretGenerator:\n- {{name: a, envs: [config.enc.env]}}\n",
        "part/config.enc.env": ann.encrypted("PASSWORD=hunter2\n", "dotenv"),
    }
    (one,) = await rendered(tree(tmp_path / "s", files), ann.keys, kustomize.program)
    assert {key: base64.b64decode(value) for key, value in one["data"].items()} == {"PASSWORD": b"hunter2"}


@pytest.mark.lab
@pytest.mark.usefixtures("places")
async def test_what_kustomize_says_of_decrypted_files_stays_with_it(
    tmp_path: Path, ann: Owner, kustomize: Kustomize
) -> None:
    """It quotes what it cannot read."""
    files = {
        "kustomization.yaml": "resources: [b.yaml]\npatches: [{path: p.yaml}]\n",
        "b.yaml": SECRET,
        "p.yaml": ann.encrypted("password: hunter2\n", "yaml"),
    }
    with pytest.raises(InvalidError, match="decrypted files in it") as caught:
        await rendered(tree(tmp_path / "s", files), ann.keys, kustomize.program)
    assert "hunter2" not in str(caught.value)


def test_files_that_are_too_large_are_no_files_of_sops() -> None:
    """As in Flux: 5 MiB."""
    assert sops.MOST == 5 * 1024 * 1024
