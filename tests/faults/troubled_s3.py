"""S3 behind a bad line: a proxy before AWS on this disk that answers some requests with an error, or breaks them off, as it is told."""

import http.client
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, cast
from urllib.parse import urlsplit

RESET = "reset"
ERRORS = {"SlowDown": 503, "InternalError": 500, "ExpiredToken": 400, "AccessDenied": 403}
Rule = Callable[[str, str, int], str | None]
"""From method, path and the number of the request, from 1 on: RESET, one of `ERRORS`, or None to let it through."""


class TroubledS3:
    """Serves at `url` while its context lasts; `seen` are the requests that got through or not, as (method, path, trouble)."""

    def __init__(self, endpoint: str, rule: Rule) -> None:
        self.endpoint, self.rule = urlsplit(endpoint), rule
        self.seen: list[tuple[str, str, str | None]] = []
        self.lock = threading.Lock()
        self._http = _Http(("127.0.0.1", 0), _Line)
        self._http.proxy = self
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=[0.05], daemon=True)

    def __enter__(self) -> "TroubledS3":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._http.shutdown()
        self._http.server_close()

    def puts(self, trouble: str | None = None) -> list[str]:
        """Return the paths of PUT requests that had this trouble, or none."""
        return [path for method, path, got in self.seen if method == "PUT" and got == trouble]


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    proxy: TroubledS3


class _Line(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Keep quiet."""

    def _serve(self) -> None:
        proxy = cast(_Http, self.server).proxy
        with proxy.lock:
            trouble = proxy.rule(self.command, self.path, len(proxy.seen) + 1)
            proxy.seen.append((self.command, self.path, trouble))
        body = self._body()
        if trouble == RESET:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
            self.connection.close()
            self.close_connection = True
        elif trouble:
            text = f"<?xml version='1.0'?><Error><Code>{trouble}</Code><Message>told to</Message></Error>".encode()
            self._answer(ERRORS[trouble], [("Content-Type", "application/xml")], text)
        else:
            line = http.client.HTTPConnection(str(proxy.endpoint.hostname), int(proxy.endpoint.port or 80), timeout=60)
            headers = {name: value for name, value in self.headers.items() if name.lower() not in ("expect", "transfer-encoding")}
            line.request(self.command, self.path, body, {**headers, "Content-Length": str(len(body))})
            answer = line.getresponse()
            kept = [(name, value) for name, value in answer.getheaders() if name.lower() not in ("connection", "transfer-encoding")]
            self._answer(answer.status, kept, answer.read())
            line.close()

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _serve

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers:
            if self.command == "HEAD" or name.lower() != "content-length":
                self.send_header(name, value)
        if self.command != "HEAD":
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
