# SPDX-License-Identifier: Apache-2.0
"""`--proxy` and `--unix`: servers that are not reached straight."""

import contextlib
import os
import pathlib
import socket
import tempfile
import threading

import pytest

from kit import LIMIT, Peer, deaf_port, environment, run
from plain_servers import http_proxy, smtp, socks5_proxy, tls_echo

KINDS = {"http": http_proxy, "socks5": socks5_proxy}


def check(name, authority, proxy, *more, **how):
    return run("check", name, "--ca", authority.cert, "--proxy", proxy, *more, **how)


@pytest.mark.parametrize("kind", KINDS)
def test_check_and_connect_go_through(kind, server, authority):
    asked = []
    with Peer(KINDS[kind](asked)) as proxy:
        ran = check(server.name, authority, f"{kind}://127.0.0.1:{proxy.port}", "--json")
    assert ran.code == 0, ran.text
    # The name goes to the proxy as it is; where it led, the proxy alone knows.
    assert asked == ([f"CONNECT {server.name} HTTP/1.1"] if kind == "http" else [(3, b"localhost", server.port)])
    assert ran.json["peer"]["address"] is None and ran.json["peer"]["server_name"] == "localhost"
    assert ran.json["via"]["proxy"] == f"127.0.0.1:{proxy.port}" and ran.json["via"]["starttls"] is None

    sent = os.urandom(100_000)
    with Peer(KINDS[kind]([])) as proxy:
        way = ("--proxy", f"{kind}://127.0.0.1:{proxy.port}")
        ran = run("connect", server.name, "--ca", authority.cert, *way, stdin=sent)
    assert (ran.code, ran.out, ran.err) == (0, sent, "")


@pytest.mark.parametrize("kind", KINDS)
def test_a_user_is_let_in_with_the_password_from_a_place_of_its_own(kind, server, authority, tmp_path):
    password = tmp_path / "password"
    password.write_text("se:cret\n")
    for more, env in (("--proxy-password-file", password), {}), ((), {"SLUICE_PROXY_PASSWORD": "se:cret"}), (
        (),
        {"SLUICE_PROXY_PASSWORD": "se:cret\n"},
    ):
        with Peer(KINDS[kind]([], user="al ice:se:cret")) as proxy:
            url = f"{kind}://al%20ice@127.0.0.1:{proxy.port}/"
            ran = check(server.name, authority, url, *more, env=environment(**env))
        assert ran.code == 0, ran.text

    with Peer(KINDS[kind]([], user="alice:secret")) as proxy:
        url = f"{kind}://alice@127.0.0.1:{proxy.port}"
        ran = check(server.name, authority, url, "--json", env=environment(SLUICE_PROXY_PASSWORD="wrong"))
    assert (ran.code, ran.json["error"]["code"]) == (3, "refused")
    assert f"proxy 127.0.0.1:{proxy.port}" in ran.json["error"]["message"] and "wrong" not in ran.text

    with Peer(KINDS[kind]([], user="alice:secret")) as proxy:
        ran = check(server.name, authority, f"{kind}://127.0.0.1:{proxy.port}")
    assert ran.code == 3 and "write USER@ before its host" in ran.text


def test_the_refusal_of_a_proxy_is_quoted(server, authority):
    with Peer(http_proxy([], status="403 Forbidden by policy")) as proxy:
        ran = check(server.name, authority, f"http://127.0.0.1:{proxy.port}")
    assert ran.code == 3
    assert ran.text.splitlines()[0] == (
        f"✗ {server.name} cannot be reached: proxy 127.0.0.1:{proxy.port}: connection refused: it does not connect to "
        f'{server.name}: it answers "HTTP/1.1 403 Forbidden by policy"; see the proxy\'s log and its rules'
    )
    answers = [(2, "refused", "its rules do not allow it"), (4, "unreachable", "the host is unreachable")]
    for code, cause, words in answers:
        with Peer(socks5_proxy([], code=code)) as proxy:
            ran = check(server.name, authority, f"socks5://127.0.0.1:{proxy.port}", "--json")
        assert (ran.code, ran.json["error"]["code"]) == (3, cause) and words in ran.json["error"]["message"]


def test_a_proxy_that_is_not_there_or_is_none(server, authority):
    with deaf_port() as port:
        ran = check(server.name, authority, f"socks5://127.0.0.1:{port}", "--json")
    assert (ran.code, ran.json["error"]["code"]) == (3, "refused")
    assert ran.json["error"]["message"].startswith(f"proxy 127.0.0.1:{port}: Connection refused; ")

    ran = check(server.name, authority, "http://proxy.invalid:3128", "--json", "--timeout", "20s")
    assert ran.code in (2, 11) and "proxy proxy.invalid:3128" in ran.json["error"]["message"]

    for kind, words in ("http", "it does not speak HTTP"), ("socks5", "it does not speak SOCKS 5"):
        with Peer(lambda s: (s.recv(1), s.sendall(b"SSH-2.0-OpenSSH_9.2 hello\r\n"), s.recv(4096))) as proxy:
            ran = check(server.name, authority, f"{kind}://127.0.0.1:{proxy.port}")
        assert ran.code == 4 and words in ran.text


def test_bytes_behind_the_tunnels_opening_are_an_injection(server, authority):
    with Peer(http_proxy([], extra=b"\x16\x03\x03")) as proxy:
        ran = check(server.name, authority, f"http://127.0.0.1:{proxy.port}", "--json")
    assert (ran.code, ran.json["error"]["code"]) == (4, "protocol_error")


def test_interim_answers_and_addresses_of_any_type(server, authority):
    with Peer(http_proxy([], interim=True)) as proxy:
        assert check(server.name, authority, f"http://127.0.0.1:{proxy.port}").code == 0
    for bound in b"\x03\x04name\0\1", b"\x04" + bytes(18):
        with Peer(socks5_proxy([], bound=bound)) as proxy:
            assert check(server.name, authority, f"socks5://127.0.0.1:{proxy.port}").code == 0


@pytest.mark.parametrize("kind", KINDS)
def test_starttls_behind_a_proxy(kind, site, authority):
    with Peer(smtp(site)) as mail, Peer(KINDS[kind]([])) as proxy:
        ran = check(mail.name, authority, f"{kind}://localhost:{proxy.port}", "--starttls", "smtp", "--json")
    assert ran.code == 0, ran.text
    assert (ran.json["via"]["starttls"], ran.json["via"]["proxy"]) == ("smtp", f"localhost:{proxy.port}")


@pytest.mark.parametrize(
    "url, words",
    [
        ("ftp://localhost:1", "is not a proxy it knows"),
        ("localhost:3128", "is not a proxy it knows"),
        ("http://localhost", "has no port"),
        ("http://user:word@localhost:1", "there is a password in it, which every user of this machine can read"),
        ("socks5://user@localhost:1", "there is a user, and no password"),
        ("http://%zz@localhost:1", "two hexadecimal digits"),
        ("http://localhost:99999", "is not a port"),
    ],
)
def test_a_proxy_written_wrongly(url, words, server, authority):
    ran = check(server.name, authority, url)
    assert (ran.code, ran.out) == (1, b"") and words in ran.err
    assert "word@" not in ran.err


class UnixPeer:
    """A listening Unix socket whose one connection is echoed over TLS."""

    def __init__(self, site):
        self.folder = tempfile.TemporaryDirectory()
        self.path = str(pathlib.Path(self.folder.name) / "tls.sock")
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(1)
        self.thread = threading.Thread(target=self.serve, args=(site,), daemon=True)
        self.thread.start()

    def serve(self, site):
        try:
            connection, _ = self.listener.accept()
        except OSError:
            return
        connection.settimeout(LIMIT)
        with connection, contextlib.suppress(OSError):  # a client that refuses us hangs up
            tls_echo(connection, site)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()
        self.thread.join(timeout=LIMIT)
        self.folder.cleanup()


def test_a_unix_socket(site, authority):
    with UnixPeer(site) as peer:
        ran = run("check", "localhost", "--unix", peer.path, "--ca", authority.cert, "--json")
    assert ran.code == 0, ran.text
    assert ran.json["peer"] == {"address": None, "server_name": "localhost"}
    assert ran.json["via"]["unix"] == peer.path

    sent = os.urandom(1_000_000)
    with UnixPeer(site) as peer:
        ran = run("connect", "localhost", "--unix", peer.path, "--ca", authority.cert, stdin=sent)
    assert (ran.code, ran.out, ran.err) == (0, sent, "")


def test_a_unix_sockets_certificate_is_for_the_name_given(site, authority):
    with UnixPeer(site) as peer:
        ran = run("check", "example.org", "--unix", peer.path, "--ca", authority.cert)
    assert ran.code == 6 and ran.text.startswith(f"✗ example.org at {peer.path} is not trusted: ")
    with UnixPeer(site) as peer:
        way = ("--unix", peer.path, "--servername", "localhost")
        ran = run("check", "example.org", *way, "--ca", authority.cert)
    assert ran.code == 0 and ran.text.startswith(f"✓ example.org at {peer.path} is trusted: ")


def test_a_unix_socket_that_is_not_there(tmp_path, authority):
    ran = run("check", "localhost", "--unix", tmp_path / "none.sock", "--ca", authority.cert)
    assert ran.code == 3 and f"{tmp_path}/none.sock cannot be reached: " in ran.text
    assert "see whether a server listens on that path" in ran.text

    ran = run("check", "localhost", "--unix", "x" * 200)
    assert ran.code == 1 and "longer than a Unix socket's can be" in ran.err
    ran = run("check", "localhost", "--unix", "x", "--starttls", "smtp")
    assert ran.code == 1 and "leave --proxy and --starttls out" in ran.err
