from __future__ import annotations

import base64
import hashlib
import http.client
import os
import re
import socket
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from infra.local.errors import ServiceError
from infra.local.server import LocalServer

SCOPE = "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"


class Client:
    """HTTP as it is on the wire: paths and bodies are sent as given."""

    def __init__(self, url: str) -> None:
        self.connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)

    def __call__(self, method: str, path: str, body: bytes | Iterator[bytes] = b"", **headers: str) -> tuple[int, bytes, dict[str, str]]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.connection.request(method, path, body, {"Authorization": SCOPE, **named})
        answer = self.connection.getresponse()
        return answer.status, answer.read(), {name.lower(): value for name, value in answer.getheaders()}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "around" / "store"


@pytest.fixture
def call(root: Path) -> Iterator[Client]:
    with LocalServer(root) as server:
        server.store.create_bucket("zone")
        client = Client(server.url)
        yield client
        client.connection.close()


def aws_chunks(*chunks: bytes, **trailers: str) -> bytes:
    framed = b"".join(b"%x;chunk-signature=0\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    return framed + b"0\r\n" + "".join(f"{name.replace('_', '-')}:{value}\r\n" for name, value in trailers.items()).encode() + b"\r\n"


def crc32(content: bytes) -> str:
    return base64.b64encode(zlib.crc32(content).to_bytes(4, "big")).decode()


@pytest.mark.parametrize(
    "path",
    [
        "/zone/%2e%2e/%2e%2e/outside",
        "/zone/../../outside",
        "/zone/..%2f..%2foutside",
        "/zone/%2Fetc%2Foutside",
        "/zone//outside",
        "/zone/a%00b",
        "/zone/%2e%2e",
    ],
)
def test_an_odd_path_names_an_object_inside_the_store(call: Client, root: Path, path: str) -> None:
    before = sorted(root.parent.parent.iterdir())
    assert call("PUT", path, b"odd")[0] == 200
    assert call("GET", path)[:2] == (200, b"odd")
    assert call("DELETE", path)[0] == 204
    assert call("GET", path)[0] == 404
    assert sorted(root.parent.parent.iterdir()) == before
    assert os.listdir(root.parent) == ["store"]
    assert os.listdir(root / "zone") == []


@pytest.mark.parametrize("bucket", ["..", "%2e%2e", ".aws", "%2eaws", "..%2f..", "zo%00ne", "%2e"])
def test_no_bucket_name_leads_out_of_the_store_or_to_its_side_data(call: Client, root: Path, bucket: str) -> None:
    assert call("PUT", f"/{bucket}")[0] in (400, 404)
    assert call("PUT", f"/{bucket}/journal.sqlite", b"mine")[0] == 404
    assert call("GET", f"/{bucket}/journal.sqlite")[0] == 404
    assert call("GET", f"/{bucket}?list-type=2")[0] == 404
    assert call("DELETE", f"/{bucket}")[0] in (400, 404)
    assert sorted(os.listdir(root)) == [".aws", "zone"]


def test_no_prefix_lists_what_is_not_in_the_bucket(call: Client) -> None:
    for prefix in ["/", "../", "%2Fetc%2F", "..%2F..%2F"]:
        status, body, _ = call("GET", f"/zone?list-type=2&prefix={prefix}")
        assert (status, body.count(b"<Contents>")) == (200, 0)


def test_a_copy_cannot_read_outside_the_store(call: Client, root: Path) -> None:
    (root.parent / "secret").write_bytes(b"secret")
    for source in ["/zone/../../secret", "zone/%2e%2e/%2e%2e/secret", "../secret", "..%2f/secret"]:
        assert call("PUT", "/zone/copy", x_amz_copy_source=source)[0] == 404


def test_bytes_that_are_no_utf8_are_no_key(call: Client) -> None:
    status, body, _ = call("PUT", "/zone/%ff", b"")
    assert (status, b"<Code>InvalidURI</Code>" in body) == (400, True)


@pytest.mark.parametrize("host", ["attacker.example", "127.0.0.1.attacker.example", "localhost.example:80"])
def test_a_request_under_a_foreign_name_is_refused(call: Client, host: str) -> None:
    assert call("GET", "/", Host=host)[0] == 403


@pytest.mark.parametrize(("origin", "status"), [("https://attacker.example", 403), ("null", 403), ("http://localhost:8888", 200)])
def test_a_page_of_another_site_is_refused(call: Client, origin: str, status: int) -> None:
    assert call("GET", "/", Origin=origin)[0] == status


@pytest.mark.parametrize(("site", "status"), [("cross-site", 403), ("same-site", 403), ("same-origin", 200), ("none", 200)])
def test_an_image_in_a_page_is_refused_and_an_address_that_a_person_typed_is_not(call: Client, site: str, status: int) -> None:
    assert call("GET", "/zone", Sec_Fetch_Site=site)[0] == status
    assert call("HEAD", "/zone", Sec_Fetch_Site=site)[0] == status


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("service", ["iam", "sts", "cloudformation", "glue", "athena", "sagemaker", "logs"])
def test_an_address_alone_makes_no_service_but_s3_do_anything(call: Client, root: Path, method: str, service: str) -> None:
    signed = f"X-Amz-Credential=local/20260101/us-east-1/{service}/aws4_request"
    for path in ("/", "/anything"):
        assert call(method, f"{path}?Action=CreateUser&UserName=mouse&{signed}", Authorization="")[0] == 403
    assert call(method, f"/?{signed}", Authorization="")[0] == 403
    assert call("POST", f"/moto-api/reset?{signed}", Authorization="")[0] == 403
    with closing(sqlite3.connect(root / ".aws" / "journal.sqlite")) as journal:
        assert journal.execute("select count(*) from request").fetchone() == (0,)


def test_a_service_that_reads_by_get_is_read(call: Client) -> None:
    scope = SCOPE.replace("/s3/", "/lambda/")
    assert call("GET", "/2015-03-31/functions", Authorization=scope)[:2] == (200, b'{"Functions": []}')


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.2", "", "example.org"])
def test_the_server_listens_to_nobody_else(tmp_path: Path, host: str) -> None:
    with pytest.raises(ServiceError, match="loopback"):
        LocalServer(tmp_path, host=host)


WRONG = [
    {"x_amz_checksum_crc32": crc32(b"other")},
    {"x_amz_checksum_sha1": base64.b64encode(hashlib.sha1(b"other").digest()).decode()},
    {"x_amz_checksum_sha256": base64.b64encode(hashlib.sha256(b"other").digest()).decode()},
    {"Content_MD5": base64.b64encode(hashlib.md5(b"other").digest()).decode()},
    {"x_amz_content_sha256": hashlib.sha256(b"other").hexdigest()},
]


@pytest.mark.parametrize("header", WRONG, ids=lambda header: next(iter(header)))
def test_a_body_that_is_not_what_its_checksum_says_is_refused_and_not_kept(call: Client, root: Path, header: dict[str, str]) -> None:
    assert call("PUT", "/zone/a", b"mouse", **header)[0] == 400
    assert call("GET", "/zone/a")[0] == 404
    assert os.listdir(root / ".aws" / "s3" / "staged") == []


def test_a_right_checksum_is_kept_and_handed_out(call: Client) -> None:
    assert call("PUT", "/zone/a", b"mouse", x_amz_checksum_crc32=crc32(b"mouse"))[2]["x-amz-checksum-crc32"] == crc32(b"mouse")
    assert "x-amz-checksum-crc32" not in call("GET", "/zone/a")[2]
    assert call("GET", "/zone/a", x_amz_checksum_mode="ENABLED")[2]["x-amz-checksum-crc32"] == crc32(b"mouse")


def test_aws_chunks_are_taken_out_of_their_framing(call: Client) -> None:
    body = aws_chunks(b"mo", b"use", x_amz_checksum_crc32=crc32(b"mouse"))
    headers = {"Content_Encoding": "aws-chunked", "x_amz_trailer": "x-amz-checksum-crc32", "x_amz_decoded_content_length": "5"}
    assert call("PUT", "/zone/plain", body, **headers)[0] == 200
    assert call("PUT", "/zone/both", iter([body[:7], body[7:]]), **headers)[0] == 200, "AWS chunks inside HTTP chunks"
    for key in ("plain", "both"):
        status, content, answered = call("GET", f"/zone/{key}")
        assert (status, content) == (200, b"mouse")
        assert "content-encoding" not in answered
    assert call("PUT", "/zone/wrong", aws_chunks(b"mouse", x_amz_checksum_crc32=crc32(b"other")), **headers)[0] == 400
    assert call("PUT", "/zone/short", aws_chunks(b"mous", x_amz_checksum_crc32=crc32(b"mous")), **headers)[0] == 400
    assert call("GET", "/zone?list-type=2")[1].count(b"<Contents>") == 2


def test_a_broken_framing_is_refused(call: Client) -> None:
    for framing in [b"5\r\nmouse", b"-5\r\nmouse\r\n0\r\n\r\n", b"mouse", b"ffffffffffffffffff\r\n"]:
        with closing(http.client.HTTPConnection(call.connection.host, call.connection.port, timeout=10)) as other:
            other.request("PUT", "/zone/a", framing, {"Authorization": SCOPE, "Content-Encoding": "aws-chunked"})
            assert other.getresponse().status == 400
    assert call("GET", "/zone/a")[0] == 404


def test_a_connection_that_ends_early_leaves_no_object(call: Client, root: Path) -> None:
    head = f"PUT /zone/a HTTP/1.1\r\nHost: localhost\r\nAuthorization: {SCOPE}\r\nContent-Length: 100\r\n\r\n"
    with socket.create_connection((call.connection.host, call.connection.port)) as wire:
        wire.sendall(head.encode() + b"only a part")
        wire.shutdown(socket.SHUT_WR)
        assert b" 400 " in wire.recv(1 << 16).splitlines()[0]
    assert call("GET", "/zone/a")[0] == 404
    assert os.listdir(root / ".aws" / "s3" / "staged") == []


def test_the_server_says_at_once_that_a_client_may_go_on(call: Client) -> None:
    head = f"PUT /zone/a HTTP/1.1\r\nHost: localhost\r\nAuthorization: {SCOPE}\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
    with socket.create_connection((call.connection.host, call.connection.port), timeout=5) as wire:
        wire.sendall(head.encode())
        assert wire.recv(1 << 16).startswith(b"HTTP/1.1 100 ")
        wire.sendall(b"mouse")
        assert wire.recv(1 << 16).startswith(b"HTTP/1.1 200 ")


def test_a_refused_upload_does_not_spoil_the_connection(call: Client) -> None:
    assert call("PUT", "/nowhere/a", b"x" * 100_000)[0] == 404
    first = call.connection.sock
    assert call("GET", "/zone?list-type=2")[0] == 200
    assert call.connection.sock is first


@pytest.mark.parametrize(
    ("wanted", "status", "content", "where"),
    [
        ("bytes=2-4", 206, b"234", "bytes 2-4/10"),
        ("bytes=7-", 206, b"789", "bytes 7-9/10"),
        ("bytes=-2", 206, b"89", "bytes 8-9/10"),
        ("bytes=-99", 206, b"0123456789", "bytes 0-9/10"),
        ("bytes=8-99", 206, b"89", "bytes 8-9/10"),
        ("bytes=4-2", 200, b"0123456789", None),
        ("lines=1-2", 200, b"0123456789", None),
    ],
)
def test_a_range_of_an_object_can_be_read(call: Client, wanted: str, status: int, content: bytes, where: str | None) -> None:
    call("PUT", "/zone/digits", b"0123456789")
    answer = call("GET", "/zone/digits", Range=wanted)
    assert (answer[0], answer[1], answer[2].get("content-range")) == (status, content, where)
    head = call("HEAD", "/zone/digits", Range=wanted)
    assert (head[0], head[1], head[2]["content-length"]) == (status, b"", str(len(content)))


@pytest.mark.parametrize("wanted", ["bytes=10-", "bytes=-0"])
def test_a_range_outside_the_object_is_refused(call: Client, wanted: str) -> None:
    call("PUT", "/zone/digits", b"0123456789")
    assert call("GET", "/zone/digits", Range=wanted)[0] == 416
    assert call("PUT", "/zone/empty", b"")[0] == 200
    assert call("GET", "/zone/empty")[:2] == (200, b"")


def test_a_reader_may_set_conditions(call: Client) -> None:
    etag = call("PUT", "/zone/a", b"mouse")[2]["etag"]
    before, after = "Thu, 01 Jan 2015 00:00:00 GMT", "Fri, 01 Jan 2100 00:00:00 GMT"
    assert call("GET", "/zone/a", If_Match=etag)[0] == 200
    assert call("GET", "/zone/a", If_Match='"other"')[0] == 412
    assert call("GET", "/zone/a", If_None_Match=etag)[:2] == (304, b"")
    assert call("GET", "/zone/a", If_None_Match='"other"')[0] == 200
    assert call("GET", "/zone/a", If_Modified_Since=before)[0] == 200
    assert call("GET", "/zone/a", If_Modified_Since=after)[0] == 304
    assert call("GET", "/zone/a", If_Unmodified_Since=before)[0] == 412
    assert call("GET", "/zone/a", If_Unmodified_Since="yesterday")[0] == 400
    assert call("PUT", "/zone/b", x_amz_copy_source="/zone/a", x_amz_copy_source_if_none_match=etag)[0] == 412
    assert call("PUT", "/zone/b", x_amz_copy_source="/zone/a", x_amz_copy_source_if_match=etag)[0] == 200


def test_a_presigned_address_ends_when_it_says(call: Client) -> None:
    call("PUT", "/zone/a", b"mouse")
    assert call("GET", "/zone/a?X-Amz-Date=20200101T000000Z&X-Amz-Expires=60&X-Amz-Signature=0")[0] == 403
    assert call("GET", "/zone/a?X-Amz-Date=29990101T000000Z&X-Amz-Expires=60&X-Amz-Signature=0")[:2] == (200, b"mouse")
    assert call("GET", "/zone/a?AWSAccessKeyId=local&Signature=0&Expires=1577836800")[0] == 403
    assert call("GET", "/zone/a?AWSAccessKeyId=local&Signature=0&Expires=soon")[0] == 400


def test_what_is_not_there_says_so_in_the_words_of_s3(call: Client) -> None:
    status, body, _ = call("GET", "/zone/nothing")
    assert (status, b"<Code>NoSuchKey</Code>" in body) == (404, True)
    assert b"Expected an object s3://zone/nothing, but got none. List the bucket or write it first." in body
    assert b"<Code>NoSuchBucket</Code>" in call("GET", "/no-such-zone?list-type=2")[1]
    assert call("HEAD", "/zone/nothing")[:2] == (404, b"")
    status, body, _ = call("POST", "/zone/a?select")
    assert (status, b"<Code>NotImplemented</Code>" in body) == (501, True)
    assert call("GET", "/moto-api/data.json")[0] == 404, "the control plane's own interface is not for clients"


def test_every_object_is_listed_with_its_only_version_page_by_page(call: Client) -> None:
    for key in ["a", "b/1", "b/2"]:
        call("PUT", f"/zone/{key}", b"mouse")
    body = call("GET", "/zone?versions&max-keys=2")[1]
    assert re.findall(rb"<Key>(.*?)</Key><VersionId>null</VersionId><IsLatest>true</IsLatest>", body) == [b"a", b"b/1"]
    assert b"<NextKeyMarker>b/1</NextKeyMarker>" in body
    assert re.findall(rb"<Key>(.*?)</Key>", call("GET", "/zone?versions&key-marker=b/1")[1]) == [b"b/2"]


def test_a_key_that_xml_cannot_hold_is_listed_encoded(call: Client) -> None:
    call("PUT", "/zone/a%01%3C%26b", b"")
    assert b"<Key>a%01%3C%26b</Key>" in call("GET", "/zone?list-type=2&encoding-type=url")[1]
    assert "<Key>a\ufffd&lt;&amp;b</Key>".encode() in call("GET", "/zone?list-type=2")[1]


def test_version_1_listings_go_on_behind_a_common_prefix(call: Client) -> None:
    for key in ["a/1", "a/2", "b/1", "c"]:
        call("PUT", f"/zone/{key}", b"")
    body = call("GET", "/zone?delimiter=/&max-keys=1")[1]
    assert b"<NextMarker>a/</NextMarker>" in body
    body = call("GET", "/zone?delimiter=/&max-keys=1&marker=a/")[1]
    assert (b"<Prefix>b/</Prefix>" in body, b"<Prefix>a/</Prefix>" in body) == (True, False)
