"""What passes between an HTTP connection and a service: request, response, and S3's XML."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.message import Message
from typing import BinaryIO
from urllib.parse import parse_qsl, unquote, urlsplit
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from infra.local.errors import ServiceError
from infra.local.s3.body import Body

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


@dataclass(frozen=True)
class FileSlice:
    """A piece of an open file, to be sent by the kernel."""

    file: BinaryIO
    offset: int
    size: int


@dataclass(frozen=True)
class Response:
    """An answer."""

    status: int = 200
    body: bytes | FileSlice = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class Request:
    """One HTTP request whose body has not been read yet."""

    def __init__(self, method: str, target: str, headers: Message, stream: io.BufferedIOBase) -> None:
        self.method = method
        self.headers = headers
        self.raw_path, _, self.raw_query = target.partition("?")
        self.query = dict(parse_qsl(self.raw_query, keep_blank_values=True))
        self.body = Body(headers, stream)
        self.check_deletion: Callable[[str], None] = lambda key: None  # the guard's word on each key of DeleteObjects

    @property
    def path(self) -> str:
        """The path, percent-decoded. Raises InvalidURI if it is not UTF-8."""
        try:
            return unquote(self.raw_path if self.raw_path.startswith("/") else urlsplit(self.raw_path).path, errors="strict")
        except UnicodeDecodeError:
            raise ServiceError("InvalidURI", "Expected a path in UTF-8, but got other bytes. Encode the key as UTF-8.") from None

    def header(self, name: str, default: str = "") -> str:
        """Return a header, whatever the case of its name."""
        return str(self.headers.get(name, default))


Operation = Callable[[Request, str, str], Response]
"""Turns a request to a bucket and a key into a response. Raises ServiceError."""


def element(tag: str, *content: str) -> str:
    """Return an XML element around content that is XML already."""
    return f"<{tag}>{''.join(content)}</{tag}>"


def text(tag: str, value: object) -> str:
    """Return an XML element around plain text; characters that XML cannot hold become U+FFFD."""
    return element(tag, escape(_NOT_XML.sub("\ufffd", str(value))))


def xml_response(tag: str, *content: str) -> Response:
    """Return a whole S3 answer."""
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<{tag} xmlns="{NAMESPACE}">{"".join(content)}</{tag}>'
    return Response(200, body.encode(), {"Content-Type": "application/xml"})


def parse_xml(content: bytes) -> ElementTree.Element:
    """Read the XML of a request. Raises MalformedXML."""
    try:
        return ElementTree.fromstring(content)
    except ElementTree.ParseError as error:
        raise ServiceError("MalformedXML", f"Expected XML, but got something else ({error}). Mend the request's body.") from None
