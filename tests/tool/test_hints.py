# SPDX-License-Identifier: Apache-2.0
"""Messages that name what to write instead, and options and time limits of clients and servers."""

import socket
import ssl
import subprocess
import time

import pytest

from kit import LIMIT, SLUICE, Peer, Program, environment, run


def test_a_key_log_of_the_environment_that_cannot_be_written_stops_nobody(server, authority, tmp_path):
    away = tmp_path / "no" / "keys"
    done = run("check", server.name, "--ca", authority.cert, env=environment(SSLKEYLOGFILE=str(away)))
    assert done.code == 0
    assert "SSLKEYLOGFILE: the key log cannot be written: No such file or directory" in done.err
    assert "it goes on without a key log" in done.err and done.err.count("\n") == 1


def test_a_key_log_that_was_asked_for_and_cannot_be_written_ends_it(server, tmp_path):
    done = run("check", server.name, "--keylog", tmp_path)
    assert done.code == 1 and "the key log cannot be written: Is a directory" in done.err
    assert "cannot be read" not in done.err


def test_a_folder_given_to_ca_hints_at_ca_dir(server, tmp_path):
    done = run("check", server.name, "--ca", tmp_path)
    assert done.code == 1 and f"write --ca-dir {tmp_path}" in done.err


def test_a_name_beyond_ascii_is_asked_for_in_its_xn_form():
    for verb in ("check", "connect"):
        done = run(verb, "b\u00fccher.test")
        assert done.code == 1, done.text + done.err
        assert "xn--" in done.text + done.err and "spelling" not in done.text + done.err


@pytest.mark.parametrize("form", ["127.0.0.1", "site.test:{port}:127.0.0.1"])
def test_resolve_says_where_a_name_is(serve, authority, form):
    site = authority.issue("resolved", names="DNS:site.test")
    server = serve("--cert", site.cert, "--key", site.key)
    done = run("check", f"site.test:{server.port}", "--ca", authority.cert, "--resolve", form.format(port=server.port))
    assert done.code == 0, done.text + done.err
    assert "site.test" in done.text and "127.0.0.1" in done.text
    assert server.event("handshake")["ok"]


@pytest.mark.parametrize("wrong", ["localhost", "127.0.0.1:443", "other.test:443:127.0.0.1"])
def test_resolve_takes_an_address_and_nothing_else(wrong):
    done = run("check", "site.test", "--resolve", wrong)
    assert done.code == 1 and "--resolve" in done.err


def test_a_proxys_password_wants_a_user(tmp_path):
    (tmp_path / "password").write_text("secret\n")
    done = run("check", "a.test", "--proxy", "http://127.0.0.1:1", "--proxy-password-file", tmp_path / "password")
    assert done.code == 1 and "write USER@" in done.err


def test_policy_list_names_what_it_leaves_out():
    done = run("policy", "list")
    assert done.code == 0 and "not listed: null and test_" in done.text
    assert run("policy", "show", "test_all").code == 1


def test_serve_marks_resumed_sessions_in_its_text(site, authority, tmp_path):
    server = Program("serve", "--listen", "127.0.0.1:0", "--cert", site.cert, "--key", site.key)
    try:
        name = "localhost:" + server.line().rsplit(":", 1)[1]
        session = tmp_path / "session"
        run("connect", name, "--ca", authority.cert, "--session-out", session, stdin=b"x")
        run("connect", name, "--ca", authority.cert, "--session-in", session, stdin=b"x")
        assert "resumed" not in server.line()
        assert "  resumed" in server.line()
    finally:
        server.end()


def test_connect_says_that_the_peer_has_ended_its_side(site, authority):
    """The peer says close_notify, keeps TCP open, and stdin goes on."""

    def behave(s):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(site.cert, site.key)
        context.num_tickets = 0
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(incoming, outgoing, server_side=True)
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                s.sendall(outgoing.read())
                incoming.write(s.recv(65536))
        s.sendall(outgoing.read())
        try:
            tls.unwrap()
        except ssl.SSLError:
            pass
        s.sendall(outgoing.read())  # close_notify
        while s.recv(65536):
            pass

    with Peer(behave) as peer:
        client = subprocess.Popen([SLUICE, "connect", peer.name, "--ca", authority.cert], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment())
        line = client.stderr.readline().decode()
        assert "the peer has ended its side" in line and "Ctrl-D" in line
        client.stdin.close()
        assert client.wait(timeout=LIMIT) == 0
        client.stdout.close()
        client.stderr.close()


class HttpClient:
    """TLS without checks, to a server in http mode."""

    def __init__(self, port):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self.s = context.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=LIMIT))

    def rest(self):
        said = b""
        while chunk := self.s.recv(65536):
            said += chunk
        return said


def test_an_idle_client_of_http_is_closed_after_the_timeout(serve, site):
    server = serve("--cert", site.cert, "--key", site.key, "--mode", "http", "--timeout", "300ms")
    client = HttpClient(server.port)
    assert client.rest() == b""


def test_half_a_request_is_answered_408_after_the_timeout(serve, site):
    server = serve("--cert", site.cert, "--key", site.key, "--mode", "http", "--timeout", "300ms")
    client = HttpClient(server.port)
    began = time.monotonic()
    client.s.sendall(b"GET / HTTP/1.1\r\nHost: ")
    assert client.rest().startswith(b"HTTP/1.1 408 ")
    assert time.monotonic() - began >= 0.3


def test_a_request_in_time_is_answered_and_the_next_has_the_time_anew(serve, site):
    server = serve("--cert", site.cert, "--key", site.key, "--mode", "http", "--timeout", "5s")
    client = HttpClient(server.port)
    for _ in range(2):
        client.s.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert client.s.recv(65536).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("verb", [("demo",), ("lab", "run", "expired")], ids=" ".join)
def test_a_temporary_folder_that_cannot_be_had_is_named(verb, tmp_path):
    done = run(*verb, env=environment(TMPDIR=str(tmp_path / "away")))
    assert done.code == 1, done.text + done.err
    told = done.text + done.err  # the demo says on its page what stopped it
    assert "temporary folder" in told and "TMPDIR" in told and "filesystem error" not in told
