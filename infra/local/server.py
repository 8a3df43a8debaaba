"""AWS on this disk as one HTTP server on the loopback interface: connections, bodies and files; the router does the rest."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from infra.local.access.guard import Guard
from infra.local.access.identities import OWNER
from infra.local.control.plane import ControlPlane, Handle
from infra.local.errors import ServiceError
from infra.local.router import Router, Service, Services
from infra.local.s3.object_store import ObjectStore
from infra.local.s3.wire import FileSlice, Request, Response

if TYPE_CHECKING:
    from infra.local.cloudformation.caller import Caller

_LOOPBACK = re.compile(r"(127(\.\d{1,3}){3}|localhost|\[::1\])(:\d{1,5})?", re.IGNORECASE)


class LocalServer:
    """One endpoint over one root directory, serving from a thread while its context lasts.

    `port` 0 takes a free one. Raises ServiceError for a host that others could reach, OSError if the port is taken.
    """

    def __init__(self, root: Path | str, port: int = 0, host: str = "127.0.0.1") -> None:
        if not _LOOPBACK.fullmatch(host):
            what = f"Expected a host on the loopback interface, but got {host!r}"
            raise ServiceError("InvalidHost", f"{what}. Use 127.0.0.1: there are no passwords here.")
        self.store = ObjectStore(root)
        self._http = _Http((host, port), _Connection)
        self.url = f"http://{host}:{self._http.server_port}"
        try:
            self.control = ControlPlane(root)
        except BaseException:
            self._http.server_close()
            raise
        self.guard = Guard(self.control)
        self._services = Services(lambda handle: _makers(self.store, self.control, self.guard, self.url, handle))
        self._http.router = Router(self.store, self.control, self._services, self.guard)
        self._thread = threading.Thread(target=self._http.serve_forever, args=[0.05], name="local-aws", daemon=True)

    def caller(self) -> Caller:
        """Return a way to call the services here in the name of the owner."""
        from infra.local.cloudformation.caller import Caller

        return Caller(self.store, self.control, self.guard, self._services.handle, OWNER)

    def __enter__(self) -> LocalServer:
        self._thread.start()
        return self

    def warm(self) -> None:
        """Import the query engine, while the client that started this server still imports what it needs itself.

        So is pyiceberg, which takes longer, if the last queries here were about Iceberg tables.
        """
        modules = ["infra.local.athena.engine"]
        if self.control.remembers("ICEBERG"):
            modules.append("infra.local.athena.iceberg.iceberg_catalog")
        threading.Thread(target=lambda: [import_module(module) for module in modules], name="warm", daemon=True).start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._services.close()
        self.control.close()


def _makers(store: ObjectStore, control: ControlPlane, guard: Guard, url: str, handle: Handle) -> dict[str, Callable[[], Service]]:
    """Return how to make each service; their imports wait until one is asked for."""

    def athena() -> Service:
        from infra.local.athena.service import AthenaService

        return AthenaService(store, control)

    def glue() -> Service:
        from infra.local.jobs.glue import GlueJobs

        return GlueJobs(store, control, guard, url)

    def logs() -> Service:
        from infra.local.jobs.logs import RunLogs

        return RunLogs(store)

    def sagemaker() -> Service:
        from infra.local.jobs.sagemaker import SageMakerJobs

        return SageMakerJobs(store, guard, url)

    def cloudformation() -> Service:
        from infra.local.cloudformation.caller import Caller
        from infra.local.cloudformation.cloudformation import CloudFormation
        from infra.local.cloudformation.stacks import StackStore

        stacks = StackStore(store.root / ".aws" / "stacks")
        return CloudFormation(stacks, lambda: Caller(store, control, guard, handle, guard.asking.get()))

    def states() -> Service:
        from infra.local.states.state_machines import StateMachines

        return StateMachines(store, control, guard, handle)

    return {"athena": athena, "cloudformation": cloudformation, "glue": glue, "logs": logs, "sagemaker": sagemaker, "states": states}


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    router: Router


class _Connection(BaseHTTPRequestHandler):
    """One client's connection, kept open from request to request."""

    protocol_version = "HTTP/1.1"
    server_version = "aws-on-this-disk"
    sys_version = ""
    rbufsize = 1 << 18
    wbufsize = 1 << 16  # an answer's head and body leave together

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def handle_expect_100(self) -> bool:
        proceed = super().handle_expect_100()
        self.wfile.flush()  # the client sends nothing before it has read this line
        return proceed

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet: a line for each object would bury what matters."""

    def _serve(self) -> None:
        try:
            request = Request(self.command, self.path, self.headers, self.rfile)
            self._send(self._refused() or cast(_Http, self.server).router.answer(request), request.body.finish)
        except ServiceError as error:  # a length that is none: where the next request begins is anyone's guess
            self._send(Response(error.status, error.message.encode()), lambda: False)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = do_PATCH = _serve

    def _refused(self) -> Response | None:
        """Refuse what a page in a browser sends, under a name that was made to point here or from another site.

        A page's images and links come without Origin, but browsers say of every request whose page it was: Sec-Fetch-Site is `none` for an
        address that a person typed.
        """
        host, origin = self.headers.get("Host", "localhost"), self.headers.get("Origin")
        site = self.headers.get("Sec-Fetch-Site", "none")
        ours = origin is None or _LOOPBACK.fullmatch(urlsplit(origin).netloc)
        if _LOOPBACK.fullmatch(host) and ours and site in ("none", "same-origin"):
            return None
        sender = f" from {origin}" if origin else "" if site == "none" else f" from a page ({site})"
        what = f"Expected a request from this machine to 127.0.0.1, but got one for {host!r}{sender}"
        return Response(403, f"{what}. Use the address that the server printed.\n".encode(), {"Content-Type": "text/plain"})

    def _send(self, response: Response, passed_over: Callable[[], bool]) -> None:
        body = response.body
        try:
            self.close_connection = not passed_over() or self.close_connection
            self.send_response(response.status)
            for name, value in response.headers.items():
                self.send_header(name, value)
            if isinstance(body, bytes) and response.status not in (204, 304) and "Content-Length" not in response.headers:
                self.send_header("Content-Length", str(len(body)))
            if self.close_connection:
                self.send_header("Connection", "close")
            self.end_headers()
            if isinstance(body, bytes) and self.command != "HEAD":
                self.wfile.write(body)
            self.wfile.flush()
            if isinstance(body, FileSlice) and body.size and self.connection.sendfile(body.file, body.offset, body.size) < body.size:
                self.close_connection = True  # the file became shorter while we sent it
        finally:
            if isinstance(body, FileSlice):
                body.file.close()
