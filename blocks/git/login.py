"""What one call of git runs with: nothing of this machine's own configuration, and the login of the one source it is for.

What is secret travels in the environment of the one process or in a file that only we can read, never on a command line. A
source without an ssh key has none: the keys, the agent and the known hosts of sluice's own user are not the source's.
"""

from __future__ import annotations

import base64
import contextlib
import os
import shlex
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from sluice.credentials import GitCredentials

_PASSED_ON = ("PATH", "LANG", "http_proxy", "https_proxy", "no_proxy", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE")
_SETTINGS = {
    "core.hooksPath": os.devnull,
    "credential.helper": "",
    "core.askPass": "",
    "protocol.version": "2",
    # A server that sends a byte now and then would otherwise hold a sync until its timeout.
    "http.lowSpeedLimit": "1",
    "http.lowSpeedTime": "20",
    # Housekeeping that goes on behind our back would hold locks of a mirror that we take for free.
    "gc.autoDetach": "false",
    "maintenance.autoDetach": "false",
    # A mirror is a copy, and is made once more where a machine that loses its power loses some of it: do not wait for disks.
    "core.fsync": "none",
    # A file larger than this is streamed: a few kilobytes on the wire may be gigabytes of zeros.
    "core.bigFileThreshold": "4m",
}
_SSH = [
    *("ssh", "-F", os.devnull, "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes"),
    *("-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none", "-o", f"GlobalKnownHostsFile={os.devnull}"),
]


@contextlib.contextmanager
def environment(home: Path, protocols: frozenset[str], credentials: GitCredentials | None) -> Iterator[dict[str, str]]:
    """The environment of one process; what is in files is gone when the block ends.

    Args:
        home: directory that git takes as its home; ours, and empty.
        protocols: URL schemes that git may speak.
        credentials: to log in to the server.
    """
    settings = dict(_SETTINGS)
    made = {name: os.environ[name] for name in _PASSED_ON if name in os.environ} | {
        "HOME": str(home),
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ALLOW_PROTOCOL": ":".join(sorted(protocols)),
        "GIT_SSH_COMMAND": shlex.join(
            [*_SSH, "-o", f"IdentityFile={os.devnull}", "-o", f"UserKnownHostsFile={os.devnull}"]
        ),
    }
    with contextlib.ExitStack() as files:
        if credentials:
            folder = Path(files.enter_context(tempfile.TemporaryDirectory(prefix="sluice-login-")))
            settings |= _http(credentials, folder)
            if credentials.identity.get_secret_value():
                made |= _ssh(credentials, folder)
        made["GIT_CONFIG_COUNT"] = str(len(settings))
        for index, (key, value) in enumerate(settings.items()):
            made |= {f"GIT_CONFIG_KEY_{index}": key, f"GIT_CONFIG_VALUE_{index}": value}
        yield made


def secrets(credentials: GitCredentials | None) -> list[str]:
    """What must be in no message."""
    if credentials is None:
        return []
    hidden = [credentials.password, credentials.bearer_token, credentials.identity, credentials.client_key]
    found = [secret.get_secret_value() for secret in hidden if secret.get_secret_value()]
    if credentials.proxy and credentials.proxy.password.get_secret_value():
        found += [credentials.proxy.password.get_secret_value()]
        found += [quote(credentials.proxy.password.get_secret_value(), safe="")]
    # A user without a password is a token: `https://TOKEN@host/`.
    return found or [name for name in (credentials.username,) if name]


def _http(credentials: GitCredentials, folder: Path) -> dict[str, str]:
    """The settings for a server that is reached by http(s)."""
    settings: dict[str, str] = {}
    login = authorization(credentials)
    if login or credentials.client_key.get_secret_value():
        # git would carry the login to wherever a server sends it.
        settings |= {"http.followRedirects": "false"}
    if login:
        settings["http.extraHeader"] = f"Authorization: {login}"
    files = {
        "http.sslCAInfo": credentials.authority,
        "http.sslCert": credentials.certificate,
        "http.sslKey": credentials.client_key.get_secret_value(),
    }
    settings |= {name: str(_file(folder / name, text)) for name, text in files.items() if text}
    if credentials.proxy:
        settings["http.proxy"] = credentials.proxy.address_with_login
    return settings


def authorization(credentials: GitCredentials) -> str:
    """The header by which one logs in over http; empty for none."""
    if credentials.bearer_token.get_secret_value():
        return f"Bearer {credentials.bearer_token.get_secret_value()}"
    # The password of an ssh key is for that key.
    if not credentials.identity.get_secret_value() and (
        credentials.username or credentials.password.get_secret_value()
    ):
        pair = f"{credentials.username}:{credentials.password.get_secret_value()}".encode()
        return f"Basic {base64.b64encode(pair).decode()}"
    return ""


def _ssh(credentials: GitCredentials, folder: Path) -> dict[str, str]:
    """The environment for a server that is reached by ssh."""
    identity = _file(folder / "identity", credentials.identity.get_secret_value())
    hosts = _file(folder / "known_hosts", credentials.known_hosts)
    command = ["ssh", "-i", str(identity), "-o", f"UserKnownHostsFile={hosts}", *_SSH[1:]]
    password = credentials.password.get_secret_value()
    if not password:
        return {"GIT_SSH_COMMAND": shlex.join(command)}
    # A key with a password of its own: ssh asks a program for it, and in batch mode it asks nobody.
    asked = _file(folder / "ask", '#!/bin/sh\nprintf "%s\\n" "$SLUICE_SSH_PASSWORD"')
    asked.chmod(0o700)
    command[command.index("BatchMode=yes")] = "NumberOfPasswordPrompts=1"
    return {
        "GIT_SSH_COMMAND": shlex.join(command),
        "SSH_ASKPASS": str(asked),
        "SSH_ASKPASS_REQUIRE": "force",
        "SLUICE_SSH_PASSWORD": password,
    }


def _file(path: Path, text: str) -> Path:
    path.touch(mode=0o600)
    path.write_text(text if text.endswith("\n") else f"{text}\n")
    return path
