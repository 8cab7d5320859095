"""One small question to a git server: what one reference points at, by HTTP and git's protocol v2, without a process of git.

A server that speaks an older protocol would send all its references. It is never asked for them: the question itself is of
v2 alone, and what answers it in another way has not answered.
"""

from __future__ import annotations

import httpx

from blocks.bounded_http import posted
from blocks.git.login import authorization
from blocks.git.mirror import Remote
from blocks.waits import retry_after
from sluice.errors import TerminalError, TransientError

MOST = 64 * 1024
"""Bytes of an answer: references whose names begin with the one that is asked for come as well."""
LONGEST = 10.0
HEADERS = {
    "Git-Protocol": "version=2",
    "Content-Type": "application/x-git-upload-pack-request",
    "Accept": "application/x-git-upload-pack-result",
}


def may_be_asked(remote: Remote) -> bool:
    """Whether the question can be put: over HTTP, without certificates or a proxy of the source's own."""
    login = remote.credentials
    own = login is not None and (login.authority or login.certificate or login.proxy)
    return remote.url.startswith(("http://", "https://")) and not own


async def ask(http: httpx.AsyncClient, remote: Remote, ref: str) -> str:
    """The commit that a reference of a repository points at, through a tag object where there is one; empty where it is not
    there.

    Args:
        http: the client to ask with.
        remote: a repository that may be asked so.
        ref: the whole name of a reference.

    Raises:
        TransientError: the server is away, or asks to wait.
        TerminalError: it refuses, is elsewhere, or does not speak the protocol.
    """
    body = _line("command=ls-refs\n") + b"0001" + _line("peel\n") + _line(f"ref-prefix {ref}\n") + b"0000"
    login = authorization(remote.credentials) if remote.credentials else ""
    headers = HEADERS | ({"Authorization": login} if login else {})
    address = f"{remote.url.rstrip('/')}/git-upload-pack"
    try:
        answer = await posted(http, address, MOST, min(LONGEST, remote.timeout), content=body, headers=headers)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise TransientError(f"{remote.url}: the git server does not answer ({type(error).__name__})") from None
    if answer.status in {408, 425, 429} or answer.status >= 500:
        waits = retry_after(answer.headers)
        raise TransientError(f"{remote.url}: the git server answers {answer.status}", retry_after=waits)
    if not answer.is_success or not answer.headers.get("Content-Type", "").startswith(HEADERS["Accept"]):
        raise TerminalError(f"{remote.url}: the git server answers {answer.status} to a question of protocol v2")
    if not answer.whole:
        raise TerminalError(f"{remote.url}: more than {MOST} bytes of references begin with {ref}")
    return _found(answer.content, ref, remote.url)


def _line(text: str) -> bytes:
    return f"{len(text) + 4:04x}{text}".encode()


def _found(content: bytes, ref: str, url: str) -> str:
    """What the lines of an answer say of a reference.

    Raises:
        TerminalError: they are no answer.
    """
    at = 0
    while True:
        try:
            length = int(content[at : at + 4], 16)
        except ValueError:
            raise TerminalError(f"{url}: the git server's answer is none of protocol v2") from None
        if length == 0:
            return ""
        words = content[at + 4 : at + length].decode(errors="replace").split()
        if length <= 4 or len(words) < 2 or words[0] == "ERR":
            raise TerminalError(f"{url}: the git server's answer is none of protocol v2")
        if words[1] == ref:
            peeled = next((word.removeprefix("peeled:") for word in words[2:] if word.startswith("peeled:")), "")
            return peeled or words[0]
        at += length
