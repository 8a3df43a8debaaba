"""Serves a recognizer as SageMaker asks for it: GET /ping says that it is there, POST /invocations turns one recording into its bouts.

    python inference/handler.py --model-dir checkpoints/served [--port 8080]

It is the same process behind a serverless endpoint, behind a batch transform job, and on your machine. A request is one Parquet file
(inference/request_body.py makes one), an answer is CSV, the same bytes as inference/recognize.py writes. The model folder holds one
.safetensors or .onnx file; it is never unpickled, and no code of a model is run.

Answers: 200 bouts, 400 the recording breaks its contract (its faults, as JSON), 404 another address, 411 and 413 no length or too much,
         415 another content type, 503 too many requests at once, 500 something unexpected (told in the log, not in the answer).
Exit codes: 0 stopped by SIGTERM, 1 something unexpected, 2 usage, 4 the model cannot be loaded, 130 interrupted.
"""

import argparse
import json
import os
import signal
import sys
import threading
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, cast

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from behavior.contract import EXIT_OK, ContractError, UsageError, exit_code

if TYPE_CHECKING:
    from recognizers.recognizer import Recognizer

MOST_BYTES = 100 * 1024**2
"""Most bytes of a request; SageMaker itself passes 4 MB to a serverless endpoint, 25 MB to others, 100 MB in batch transform."""
MOST_AT_ONCE = 4
"""Requests that wait for the recognizer; it answers one after another, because each uses all cores."""
PATIENCE_S = 60.0
"""A client that sends nothing for so long is left."""


class RecognizerServer(ThreadingHTTPServer):
    """One recognizer behind HTTP."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], recognizer: "Recognizer") -> None:
        self.recognizer = recognizer
        self.busy = threading.Lock()
        self.places = threading.BoundedSemaphore(MOST_AT_ONCE)
        super().__init__(address, _Connection)


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "recognizer"
    sys_version = ""
    timeout = PATIENCE_S

    def do_GET(self) -> None:
        """Say that the recognizer is there."""
        self._send(200 if self.path == "/ping" else 404, b"")

    def do_POST(self) -> None:
        """Answer one recording."""
        status, content, kind = self._answer()
        self._send(status, content, kind)

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet about pings, which come every few seconds."""
        if self.path != "/ping":
            super().log_message(format, *args)

    def _answer(self) -> tuple[int, bytes, str]:
        from inference.request_body import ACCEPTED, TooLargeError, answer

        self.close_connection = True  # until the body is read, the next request could not be found
        if self.path != "/invocations":
            return _refusal(404, f"Expected /invocations, but got {self.path[:100]}.")
        length = self.headers.get("Content-Length") or ""
        if not length.isdigit():
            return _refusal(411, "Expected a Content-Length, but got none. Send the body in one piece.")
        if int(length) > MOST_BYTES:
            return _refusal(413, f"Expected at most {MOST_BYTES:,} bytes, but got {int(length):,}. Cut the recording into clips.")
        kind = (self.headers.get("Content-Type") or "").partition(";")[0].strip()
        if kind not in ACCEPTED:
            return _refusal(415, f"Expected content of type {ACCEPTED[0]}, but got {kind[:100] or 'none'}.")
        server = cast(RecognizerServer, self.server)
        if not server.places.acquire(blocking=False):
            return _refusal(503, f"Expected at most {MOST_AT_ONCE} requests at once, but got more. Try again later.")
        try:
            body = self.rfile.read(int(length))
            self.close_connection = False
            with server.busy:
                return 200, answer(body, server.recognizer), "text/csv"
        except ContractError as error:
            return 400, json.dumps({"faults": [str(fault) for fault in error.faults]}).encode(), "application/json"
        except TooLargeError as error:
            return _refusal(413, str(error))
        except Exception:  # one request that goes wrong must not end the endpoint
            traceback.print_exc()
            return _refusal(500, "Expected to answer, but failed. The log says why.")
        finally:
            server.places.release()

    def _send(self, status: int, content: bytes, kind: str = "text/plain") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)


def _refusal(status: int, message: str) -> tuple[int, bytes, str]:
    return status, f"{message}\n".encode(), "text/plain"


def load(folder: Path, device: str = "auto") -> "Recognizer":
    """Return the recognizer of a model folder. Raises UsageError unless it holds exactly one, ContractError for a broken file."""
    found = sorted(path for path in folder.glob("*") if path.suffix in (".safetensors", ".onnx"))
    if len(found) != 1:
        got = ", ".join(path.name for path in found) or "none"
        raise UsageError(f"Expected one .safetensors or .onnx file in {folder}, but got {got}. Name the folder of one model.")
    from recognizers.devices import find_device, rest_waiting_threads
    from recognizers.families import load_recognizer

    rest_waiting_threads()
    chosen = "cpu" if found[0].suffix == ".onnx" and device == "auto" else find_device(device)
    return load_recognizer(found, chosen)


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM; return the exit code."""
    flags = _flags().parse_args(arguments)
    return exit_code(lambda: _serve(flags))


def _serve(flags: argparse.Namespace) -> int:
    try:
        server = RecognizerServer((flags.host, flags.port), load(flags.model_dir, flags.device))
    except OSError as error:
        raise UsageError(f"Expected to serve on {flags.host}:{flags.port}, but got: {error}. Choose another --port.") from None
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())  # shutdown waits for this very thread
    print(f"serving {flags.model_dir} on port {server.server_port}", flush=True)
    with server:
        server.serve_forever()
    return EXIT_OK


def _flags() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    folder = Path(os.environ.get("SM_MODEL_DIR") or "/opt/ml/model")
    parser.add_argument("--model-dir", type=Path, default=folder, help="folder with one model (default: %(default)s)")
    parser.add_argument("--port", type=int, default=int(os.environ.get("SAGEMAKER_BIND_TO_PORT") or 8080), help="default: %(default)s")
    parser.add_argument("--host", default="0.0.0.0", help="127.0.0.1 serves this machine only (default: %(default)s)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps (default: %(default)s)")
    parser.add_argument("mode", nargs="?", choices=("serve",), default="serve", help="what SageMaker says to a container")
    return parser


if __name__ == "__main__":
    sys.exit(main())
