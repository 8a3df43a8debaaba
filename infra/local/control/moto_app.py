"""The one moto of this process, spoken to through its public server application, in memory and without a socket."""

from __future__ import annotations

import functools
import io
import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import unquote

from infra.local.control.journal import Call

ACCOUNT = "123456789012"  # moto's; everything on this disk belongs to one account ...
REGION = "us-east-1"  # ... in one region, whichever region a client names

HttpAnswer = tuple[int, dict[str, str], bytes]


class MotoApp:
    """Moto keeps its state in module globals: one per process, to be used by one thread at a time, under `lock`."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.user: object = None
        self._app: Callable[[dict[str, Any], Any], Iterable[bytes]] | None = None

    def call(self, call: Call, seed: int | None = None) -> HttpAnswer:
        """Answer a call. With the same `seed` before it, moto makes up the same ids."""
        if seed is not None:
            self._answer("POST", "/moto-api/seed", f"a={seed}", {}, b"")
        scope = f"{call.headers.get('access-key', 'local')}/20200101/{REGION}/{call.service}/aws4_request"
        headers = {name: value for name, value in call.headers.items() if name != "access-key"}
        headers["authorization"] = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=local"
        return self._answer(call.method, call.path, call.query, headers, call.body)

    def reset(self) -> None:
        """Forget everything."""
        self._answer("POST", "/moto-api/reset", "", {}, b"")

    def _answer(self, method: str, path: str, query: str, headers: dict[str, str], body: bytes) -> HttpAnswer:
        if self._app is None:
            self._app = _load()
        started: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(status: str, headers: list[tuple[str, str]], error: object = None) -> None:
            started.append((status, headers))

        content = b"".join(self._app(_environ(method, path, query, headers, body), start_response))
        status, answered = started[-1]
        return int(status.split()[0]), dict(answered), content


def _load() -> Callable[[dict[str, Any], Any], Iterable[bytes]]:
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app  # slow: one second

    class Dispatcher(DomainDispatcherApplication):
        """Moto looks through its own folders for every request; once per service is enough."""

        @functools.cache  # noqa: B019  (there is one dispatcher, and it lives as long as the process)
        def get_backend_for_host(self, host: str | None) -> Any:
            return super().get_backend_for_host(host)

    app: Callable[[dict[str, Any], Any], Iterable[bytes]] = Dispatcher(create_backend_app)
    return app


def _environ(method: str, path: str, query: str, headers: dict[str, str], body: bytes) -> dict[str, Any]:
    """Describe a request as PEP 3333 has it."""
    named = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items() if name != "content-type"}
    return {
        **named,
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote(path, "latin-1"),
        "QUERY_STRING": query,
        "RAW_URI": f"{path}?{query}" if query else path,
        "CONTENT_TYPE": headers.get("content-type", ""),
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_HOST": "localhost",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
