"""The body of a request as a stream of its content: taken out of its framing, and checked against what was promised of it."""

from __future__ import annotations

import base64
import hashlib
import io
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from email.message import Message

from infra.local.errors import ServiceError
from infra.local.s3.object_store import CHUNK_BYTES

_LONGEST_LINE = 8192
_MOST_BYTES_IN_MEMORY = 64 << 20
_CHECKSUM = re.compile(r"x-amz-checksum-(crc32|crc32c|crc64nvme|sha1|sha256)")
_MOST_BYTES_PASSED_OVER = 4 << 20


class Body:
    """A request's body: plain, in HTTP chunks, in AWS chunks with trailers, or both; read once, checked as it passes."""

    def __init__(self, headers: Message, stream: io.BufferedIOBase) -> None:
        self._headers = headers
        self.left = 0
        self.chunked = "chunked" in headers.get("Transfer-Encoding", "").lower()
        self.checksums: dict[str, str] = {}
        self._trailers: dict[str, str] = {}
        if self.chunked:
            self._framed: io.RawIOBase = _Chunked(stream, {})
        else:
            self.left = _whole_number(headers.get("Content-Length") or "0")
            self._framed = _Counted(stream, self)
        content = _Chunked(io.BufferedReader(self._framed), self._trailers) if self.aws_chunked else self._framed
        self._stream = io.BufferedReader(content)

    @property
    def aws_chunked(self) -> bool:
        """Whether the body is framed in chunks of the AWS kind."""
        encoding, digest = self._headers.get("Content-Encoding", ""), self._headers.get("x-amz-content-sha256", "")
        return "aws-chunked" in encoding or digest.startswith("STREAMING-")

    def chunks(self) -> Iterator[bytes]:
        """Yield the content; raises behind the last chunk if it is not what the headers or trailers promised."""
        checks = self._promised()
        size = 0
        while chunk := self._stream.read1(CHUNK_BYTES):
            size += len(chunk)
            for check in checks:
                check.update(chunk)
            yield chunk
        length = self._headers.get("x-amz-decoded-content-length")
        if length is not None and _whole_number(length) != size:
            raise ServiceError("IncompleteBody", f"Expected {length} bytes, but got {size}. Send the request again.")
        for check in checks:
            check.compare(self._trailers.get(check.header, self._headers.get(check.header)))
            if check.sent and (match := _CHECKSUM.fullmatch(check.header)):
                self.checksums[match[1]] = check.sent

    def read(self) -> bytes:
        """Return the whole content, which is meant to be small."""
        content = bytearray()
        for chunk in self.chunks():
            content += chunk
            if len(content) > _MOST_BYTES_IN_MEMORY:
                raise ServiceError("EntityTooLarge", "Expected a request of at most 64 MiB, but got more. Send it in several.", 413)
        return bytes(content)

    def drain(self) -> None:
        """Pass over all that nobody read, however much it is."""
        with suppress(ServiceError):  # the client gave up before its end
            while self._stream.read1(CHUNK_BYTES):
                pass

    def finish(self) -> bool:
        """Pass over what nobody read, if that is little; say whether the connection can carry another request."""
        if not self.chunked and self.left > _MOST_BYTES_PASSED_OVER:
            return False
        scrap = bytearray(1) if self.chunked else bytearray(self.left)
        while self._framed.readinto(scrap):
            if self.chunked:
                return False
        return True

    def _promised(self) -> list[_Check]:
        """Return a check for each digest that a header gives or a trailer will give."""
        names = {name.lower() for name in self._headers} | {self._headers.get("x-amz-trailer", "").strip().lower()}
        checks = [_Check(name, match[1]) for name in sorted(names) if (match := _CHECKSUM.fullmatch(name))]
        if "content-md5" in names:
            checks.append(_Check("content-md5", "md5"))
        if re.fullmatch(r"[0-9a-f]{64}", self._headers.get("x-amz-content-sha256", "")):
            checks.append(_Check("x-amz-content-sha256", "sha256", as_hex=True))
        return checks


class _Check:
    """One promised digest. CRC32C and CRC64NVME are kept and handed out but not computed: Python has no fast code for them."""

    def __init__(self, header: str, algorithm: str, *, as_hex: bool = False) -> None:
        self.header = header
        self.sent = ""
        self._as_hex = as_hex
        self._crc = 0
        self._known = algorithm not in ("crc32c", "crc64nvme")
        self._hash = hashlib.new(algorithm, usedforsecurity=False) if self._known and algorithm != "crc32" else None

    def update(self, chunk: bytes) -> None:
        if self._hash is not None:
            self._hash.update(chunk)
        elif self._known:
            self._crc = zlib.crc32(chunk, self._crc)

    def compare(self, sent: str | None) -> None:
        digest = self._hash.digest() if self._hash is not None else self._crc.to_bytes(4, "big")
        computed = digest.hex() if self._as_hex else base64.b64encode(digest).decode()
        if not self._known:
            self.sent = sent or ""
        elif sent is None or sent == computed:
            self.sent = computed
        else:
            code = "XAmzContentSHA256Mismatch" if self._as_hex else "BadDigest"
            raise ServiceError(code, f"Expected a body with {self.header} {sent}, but got {computed}. Send it again.")


class _Counted(io.RawIOBase):
    """As many bytes of a connection as Content-Length says."""

    def __init__(self, stream: io.BufferedIOBase, body: Body) -> None:
        self._stream = stream
        self._body = body

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        return _fill(buffer, self._stream, self._body.left, self._took) if self._body.left else 0

    def _took(self, count: int) -> None:
        self._body.left -= count


class _Chunked(io.RawIOBase):
    """Bytes in chunks (`size;extension`, content, ..., `0`, trailers), as HTTP/1.1 and aws-chunked both frame them."""

    def __init__(self, stream: io.BufferedIOBase, trailers: dict[str, str]) -> None:
        self._stream = stream
        self._trailers = trailers
        self._left = 0
        self._between = False
        self._ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if not self._left and not self._ended:
            self._next_chunk()
        return _fill(buffer, self._stream, self._left, self._took) if self._left else 0

    def _took(self, count: int) -> None:
        self._left -= count

    def _next_chunk(self) -> None:
        if self._between:
            self._line()
        self._left, self._between = _whole_number(self._line().split(";")[0].strip(), base=16), True
        if self._left:
            return
        self._ended = True
        while line := self._line():
            name, _, value = line.partition(":")
            self._trailers[name.strip().lower()] = value.strip()

    def _line(self) -> str:
        return self._stream.readline(_LONGEST_LINE).decode("latin-1").rstrip("\r\n")


def _fill(buffer: memoryview, stream: io.BufferedIOBase, most: int, took: Callable[[int], None]) -> int:
    count = stream.readinto1(buffer[:most])
    if not count:
        raise ServiceError("IncompleteBody", f"Expected {most} more bytes, but got the end of the connection. Send the request again.")
    took(count)
    return int(count)


def _whole_number(digits: str, base: int = 10) -> int:
    """Read a length; `int` alone would also take signs, spaces and underscores."""
    if not re.fullmatch(r"[0-9a-fA-F]{1,16}" if base == 16 else r"[0-9]{1,19}", digits):
        raise ServiceError("InvalidRequest", f"Expected a length in digits, but got {digits!r}. Mend the request's framing.")
    return int(digits, base)
