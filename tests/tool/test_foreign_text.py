# SPDX-License-Identifier: Apache-2.0
"""What a peer, a token or a file wrote is shown escaped, whoever wrote it and wherever it is shown; JSON is UTF-8."""

import base64
import json
import re
import subprocess

import pytest

from kit import Peer, Program, run

# A new line with a verdict of its own, a screen that is cleared, a title, C1, text that runs backwards, and Latin-1.
EVIL = b"evil\x1b[2J\x1b]0;PWNED\x07\r\n\xe2\x9c\x93 trusted\xc2\x9b31m\xe2\x80\xae\x7f\xe9"
SHOWN = r"evil\x1b[2J\x1b]0;PWNED\x07\x0d\x0a✓ trusted\u009b31m\u202e\x7f\xe9"


def assert_harmless(*outputs):
    for output in outputs:
        text = output.decode()  # valid UTF-8
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text), text


def tlv(tag, *contents):
    body = b"".join(contents)
    size = len(body)
    length = bytes([size] if size < 128 else [0x81, size] if size < 256 else [0x82, size >> 8, size & 255])
    return bytes([tag]) + length + body


def certificate_of(folder, name, evil=EVIL):
    """A certificate whose subject, issuer and names are `evil`: openssl would not write it."""
    key = folder / f"{name}.key"
    subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key], check=True)
    spki = subprocess.run(["openssl", "pkey", "-in", key, "-pubout", "-outform", "DER"], check=True,
                          capture_output=True).stdout
    algorithm = tlv(0x30, bytes.fromhex("06082a8648ce3d040302"))
    # AWS-LC wants valid UTF-8 in it.
    subject = tlv(0x30, tlv(0x31, tlv(0x30, bytes.fromhex("0603550403"), tlv(0x0C, evil[:-1]))))
    dates = tlv(0x30, tlv(0x17, b"260101000000Z"), tlv(0x17, b"491231235959Z"))
    names = tlv(0x30, tlv(0x82, evil), tlv(0x86, b"http://" + evil), tlv(0x81, evil))
    extension = tlv(0x30, bytes.fromhex("0603551d11"), tlv(0x04, names))
    to_sign = tlv(0x30, tlv(0xA0, tlv(0x02, b"\x02")), tlv(0x02, b"\x01"), algorithm, subject, dates, subject, spki,
                  tlv(0xA3, tlv(0x30, extension)))
    signed = subprocess.run(["openssl", "dgst", "-sha256", "-sign", key], input=to_sign, check=True,
                            capture_output=True).stdout
    der = tlv(0x30, to_sign, algorithm, tlv(0x03, b"\0", signed))
    path = folder / f"{name}.pem"
    path.write_bytes(b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(der) + b"-----END CERTIFICATE-----\n")
    return path, key


@pytest.fixture(scope="module")
def evil(tmp_path_factory):
    return certificate_of(tmp_path_factory.mktemp("evil"), "site")


@pytest.fixture
def evil_server(evil, serve):
    return serve("--cert", evil[0], "--key", evil[1])


@pytest.mark.parametrize("verb", ["check", "connect"])
def test_a_peers_names_are_escaped_on_the_screen(verb, evil_server):
    done = run(verb, f"localhost:{evil_server.port}")
    assert done.code == 5
    assert_harmless(done.out, done.err.encode())
    # A subject's control characters of ASCII are written as RFC 2253 has it.
    assert r"PWNED\07\0D\0A✓ trusted\u009b31m\u202e" in done.text + done.err
    assert verb == "connect" or f"for {SHOWN}" in done.text


def test_a_trusted_peers_names_are_escaped_in_the_verdict(evil_server, evil):
    done = run("check", f"localhost:{evil_server.port}", "--ca", evil[0])
    assert done.code == 6
    assert_harmless(done.out)
    assert f"it is for {SHOWN}" in done.text


def test_json_is_utf8_and_keeps_the_value(evil_server):
    done = run("check", f"localhost:{evil_server.port}", "--json")
    assert_harmless(done.out)
    told = json.loads(done.out.decode())
    # What is UTF-8 is as it was sent; the last byte is not.
    assert told["certificates"][0]["names"][0] == EVIL[:-1].decode() + r"\xe9"
    assert r"\u009b31m\u202e" in told["error"]["message"]


def test_serve_shows_a_clients_certificate_escaped(site, authority, evil):
    server = Program("serve", "--listen", "127.0.0.1:0", "--cert", site.cert, "--key", site.key, "--client-auth",
                     "required", "--ca", evil[0])
    try:
        port = server.line().rsplit(":", 1)[1]
        done = run("connect", f"localhost:{port}", "--ca", authority.cert, "--cert", evil[0], "--key", evil[1])
        line = server.line()
    finally:
        server.end()
    assert_harmless(line.encode(), done.err.encode())
    assert r"✓ trusted\u009b31m\u202e" in line


@pytest.mark.parametrize("way", [("--starttls", "smtp"), ("--starttls", "imap"), ("--proxy",)])
def test_what_is_said_before_tls_is_escaped(way):
    line = EVIL.replace(b"\r\n", b"") + b"\r\n"
    answer = b"HTTP/1.1 403 " + line + b"\r\n" if way[0] == "--proxy" else line

    def say(s):
        s.sendall(answer)
        s.recv(4096)

    with Peer(say) as peer:
        if way[0] == "--proxy":
            done = run("check", "example.test", "--proxy", f"http://{peer.name}")
        else:
            done = run("check", peer.name, *way)
    assert done.code in (3, 4)
    assert_harmless(done.out, done.err.encode())
    assert "evil.[2J.]0;PWNED." in done.text + done.err


def test_a_clients_name_and_protocols_are_escaped(server):
    """ALPN may hold any byte."""
    done = run("check", f"localhost:{server.port}", "--insecure", "--client-hello", "--alpn", "a\x1b[2J\u202eb")
    assert_harmless(done.out, done.err.encode())
    assert r"a\x1b[2J\u202eb" in done.text + done.err


def test_a_file_name_is_escaped():
    done = run("check", "localhost:1", "--ca", "no\x1b[2J\nsuch")
    assert done.code == 1
    assert r"no\x1b[2J\x0asuch" in done.err
    assert_harmless(done.err.encode())


def test_a_request_on_the_page_is_escaped(server_http):
    request = b"GET /\x9b\xff HTTP/1.1\r\nHost: localhost\r\nX-Name: caf\xe9\r\nConnection: close\r\n\r\n"
    done = run("connect", f"localhost:{server_http.port}", "--insecure", stdin=request)
    body = done.out.split(b"\r\n\r\n", 1)[1]
    told = json.loads(body.decode())
    assert {"name": "X-Name", "value": r"caf\xe9"} in told["request"]["headers"]
    page = run("connect", f"localhost:{server_http.port}", "--insecure",
               stdin=request.replace(b"X-Name", b"Accept: text/html\r\nX-Name"))
    assert_harmless(page.out.split(b"\r\n\r\n", 1)[1])
    assert r"caf\xe9".encode() in page.out


@pytest.fixture
def server_http(serve, site):
    return serve("--cert", site.cert, "--key", site.key, "--mode", "http")
