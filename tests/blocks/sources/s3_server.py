"""A storage for tests that speaks S3's listing and reading, and checks each signature as AWS's own library makes it."""

from __future__ import annotations

import hashlib
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, unquote
from xml.sax.saxutils import escape

from pydantic import SecretStr

from sluice.sigv4 import Keys, quoted, signed_for_s3

ACCESS, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"


class S3Server:
    """Serves one bucket on loopback.

    Attributes:
        objects: by their keys.
        open: whether anybody may read.
        session: token of temporary keys that must be signed along; empty for none.
        bearer: token that is taken in place of a signature; empty for none.
        page: objects on one page of a list.
        status: an HTTP status that all requests get instead of an answer; 0 for none.
        seen: the paths that came.
    """

    def __init__(self, bucket: str) -> None:
        self.bucket, self.open, self.page, self.status = bucket, False, 1000, 0
        self.session, self.bearer = "", ""
        self.objects: dict[str, bytes] = {}
        self.seen: list[str] = []
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.host = f"127.0.0.1:{self._http.server_port}"
        threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    def answer(self, path: str, headers: dict[str, str]) -> tuple[int, bytes]:
        bare, _, query = path.partition("?")
        if self.status:
            return self.status, b"<Error><Code>SlowDown</Code></Error>"
        if not self.open and not self._signed(bare, dict(parse_qsl(query, keep_blank_values=True)), headers):
            return 403, b"<Error><Code>SignatureDoesNotMatch</Code></Error>"
        bucket, _, key = unquote(bare).removeprefix("/").partition("/")
        if bucket != self.bucket:
            return 404, b"<Error><Code>NoSuchBucket</Code></Error>"
        if not key:
            return 200, self._list(dict(parse_qsl(query, keep_blank_values=True)))
        return (200, self.objects[key]) if key in self.objects else (404, b"<Error><Code>NoSuchKey</Code></Error>")

    def _signed(self, path: str, query: dict[str, str], headers: dict[str, str]) -> bool:
        if self.bearer:
            return headers.get("authorization") == f"Bearer {self.bearer}"
        now = datetime.strptime(headers.get("x-amz-date", "20000101T000000Z"), "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        url = f"http://{self.host}{path}{'?' if query else ''}{quoted(query)}"
        wanted = signed_for_s3(
            Keys(ACCESS, SecretStr(SECRET), SecretStr(self.session)), "GET", url, now, region="us-east-1"
        )
        return headers.get("authorization") == wanted["Authorization"]

    def _list(self, query: dict[str, str]) -> bytes:
        keys = sorted(key for key in self.objects if key.startswith(query.get("prefix", "")))
        start = int(query.get("continuation-token", "0"))
        shown, more = keys[start : start + self.page], start + self.page < len(keys)
        lines = "".join(
            f"<Contents><Key>{escape(key)}</Key><ETag>&quot;{hashlib.md5(self.objects[key]).hexdigest()}&quot;</ETag>"  # noqa: S324 - as S3 does
            f"<Size>{len(self.objects[key])}</Size></Contents>"
            for key in shown
        )
        following = f"<NextContinuationToken>{start + self.page}</NextContinuationToken>" if more else ""
        namespace = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
        flag = str(more).lower()
        head = f"<ListBucketResult {namespace}><IsTruncated>{flag}</IsTruncated>"
        return f"{head}{following}{lines}</ListBucketResult>".encode()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
                pass

            def do_GET(self) -> None:
                server.seen.append(self.path)
                status, body = server.answer(self.path, {name.lower(): value for name, value in self.headers.items()})
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        return Handler
