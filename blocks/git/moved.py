"""Where a repository is now that was renamed: forges send those who ask for the old name to the new one.

Git would carry the login to wherever it is sent. Here it is shown to the source's own host only, which says itself whether
the new place is on it as well.
"""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

import httpx

from blocks.git.login import authorization
from sluice.credentials import GitCredentials

_REFS = "/info/refs?service=git-upload-pack"
_MOST_HOPS = 3


async def moved_to(url: str, credentials: GitCredentials, within: float) -> str:
    """The address that the server sends us to, on the same host and by the same scheme; empty for any other.

    Args:
        url: of the repository, http or https.
        credentials: to log in; one who needs certificates or a proxy of their own is not led anywhere.
        within: seconds.
    """
    if credentials.authority or credentials.certificate or credentials.proxy:
        return ""
    place, there = urlsplit(url)[:2], f"{url.rstrip('/')}{_REFS}"
    login = authorization(credentials)
    try:
        async with httpx.AsyncClient(timeout=within, headers={"User-Agent": "git/sluice"}) as http:
            for _ in range(_MOST_HOPS):
                async with http.stream("GET", there, headers={"Authorization": login} if login else {}) as answer:
                    if not answer.has_redirect_location:
                        return there.removesuffix(_REFS) if answer.status_code == 200 else ""
                    there = urljoin(there, answer.headers["Location"])
                if urlsplit(there)[:2] != place or not there.endswith(_REFS):
                    return ""
    except (httpx.HTTPError, httpx.InvalidURL, ValueError):
        return ""
    return ""
