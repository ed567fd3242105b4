# SPDX-License-Identifier: Apache-2.0
"""Servers that begin in the clear, one a protocol, and proxies; each speaks for one connection of a kit.Peer."""

import base64
import select
import socket
import ssl
import struct


class Lines:
    """Reads lines from a socket without taking a byte more than they have."""

    def __init__(self, s):
        self.s = s

    def next(self):
        got = b""
        while not got.endswith(b"\n"):
            byte = self.s.recv(1)
            if not byte:
                raise EOFError(got)
            got += byte
        return got.decode().rstrip("\r\n")


def tls_echo(s, site):
    """TLS from here on; what the client says comes back."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(site.cert, site.key)
    context.num_tickets = 0
    with context.wrap_socket(s, server_side=True) as tls:
        try:
            while chunk := tls.recv(65536):
                tls.sendall(chunk)
            tls.unwrap()
        except OSError:
            pass  # a client that only looks hangs up at once


def smtp(
    site, offer=("PIPELINING", "STARTTLS"), answer="220 go ahead", banner="220-mail\r\n220 ready", extra=b"", heard=None
):
    def behave(s):
        lines = Lines(s)
        s.sendall(f"{banner}\r\n".encode())
        said = lines.next()
        if heard is not None:
            heard.append(said)
        words = ["mail.example.org", *offer]
        s.sendall("".join(f"250{'-' if i + 1 < len(words) else ' '}{w}\r\n" for i, w in enumerate(words)).encode())
        assert lines.next() == "STARTTLS"
        s.sendall(f"{answer}\r\n".encode() + extra)
        tls_echo(s, site)

    return behave


def imap(
    site, greeting="* OK hello", capability="* CAPABILITY IMAP4rev1 STARTTLS LOGIN", answer="OK begin", extra=b""
):
    def behave(s):
        lines = Lines(s)
        s.sendall(f"{greeting}\r\n".encode())
        tag, said = lines.next().split(" ", 1)
        assert said == "CAPABILITY"
        s.sendall(f"{capability}\r\n{tag} OK done\r\n".encode())
        tag, said = lines.next().split(" ", 1)
        assert said == "STARTTLS"
        s.sendall(f"* OK soon\r\n{tag} {answer}\r\n".encode() + extra)
        tls_echo(s, site)

    return behave


def read_exactly(s, count):
    got = b""
    while len(got) < count:
        chunk = s.recv(count - len(got))
        if not chunk:
            raise EOFError(got)
        got += chunk
    return got


def postgres(site, answer=b"S", extra=b""):
    def behave(s):
        assert struct.unpack("!II", read_exactly(s, 8)) == (8, 80877103)
        s.sendall(answer + extra)
        tls_echo(s, site)

    return behave


START_TLS = b"1.3.6.1.4.1.1466.20037"


def element(tag, contents, long=False):
    """BER; `long` in a form longer than it needs to be, as Active Directory has it."""
    size = bytes([0x84]) + struct.pack("!I", len(contents)) if long else bytes([len(contents)])
    return bytes([tag]) + size + contents


def ldap_response(result=0, diagnostic=b"", number=1, long=False):
    operation = element(0x0A, bytes([result])) + element(4, b"") + element(4, diagnostic) + element(0x8A, START_TLS)
    return element(0x30, element(2, bytes([number])) + element(0x78, operation, long), long)


def ldap(site, answer=None, extra=b""):
    def behave(s):
        request = read_exactly(s, 31)
        assert request == element(0x30, b"\x02\x01\x01" + element(0x77, element(0x80, START_TLS)))
        s.sendall((answer or ldap_response()) + extra)
        tls_echo(s, site)

    return behave


def relay(a, b):
    """Both ways, until one of them ends."""
    while True:
        for ready in select.select([a, b], [], [])[0]:
            chunk = ready.recv(65536)
            if not chunk:
                return
            (b if ready is a else a).sendall(chunk)


def http_proxy(asked, status="200 OK", user=None, extra=b"", interim=False):
    """Notes whom it is asked for in `asked`, and connects to that port of 127.0.0.1."""

    def behave(s):
        lines = Lines(s)
        request = lines.next()
        fields = {}
        while line := lines.next():
            name, value = line.split(": ", 1)
            fields[name.lower()] = value
        asked.append(request)
        if user and fields.get("proxy-authorization") != "Basic " + base64.b64encode(user.encode()).decode():
            s.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n")
            return
        if interim:
            s.sendall(b"HTTP/1.1 102 Processing\r\n\r\n")
        s.sendall(f"HTTP/1.1 {status}\r\nVia: test\r\n\r\n".encode() + extra)
        if status.startswith("200"):
            with socket.create_connection(("127.0.0.1", int(request.split()[1].rsplit(":", 1)[1]))) as there:
                relay(s, there)

    return behave


def socks5_proxy(asked, code=0, user=None, bound=b"\x01\x7f\0\0\1\0\1"):
    """The same, in SOCKS 5. `bound` is the address it claims to connect from."""

    def behave(s):
        version, count = read_exactly(s, 2)
        methods = read_exactly(s, count)
        assert version == 5
        method = 2 if user else 0
        if method not in methods:
            s.sendall(b"\x05\xff")
            return
        s.sendall(bytes([5, method]))
        if user:
            assert read_exactly(s, 1) == b"\1"
            said = [read_exactly(s, read_exactly(s, 1)[0]).decode() for _ in range(2)]
            s.sendall(bytes([1, 0 if ":".join(said) == user else 1]))
            if ":".join(said) != user:
                return
        assert read_exactly(s, 3) == b"\x05\x01\0"
        kind = read_exactly(s, 1)[0]
        host = read_exactly(s, {1: 4, 4: 16}.get(kind) or read_exactly(s, 1)[0])
        port = struct.unpack("!H", read_exactly(s, 2))[0]
        asked.append((kind, host, port))
        s.sendall(bytes([5, code, 0]) + bound)
        if code == 0:
            with socket.create_connection(("127.0.0.1", port)) as there:
                relay(s, there)

    return behave
