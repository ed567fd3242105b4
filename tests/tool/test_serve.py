# SPDX-License-Identifier: Apache-2.0
"""`serve`: events as promised, modes, and ends that lose nobody's words."""

import json
import os
import re
import signal
import socket
import ssl
import subprocess
import threading
import time

import pytest

from kit import LIMIT, Program, run
from test_check import ERROR, TLS

HANDSHAKE = ["event", "peer", "ok", "tls", "error", "sign_ms", "client_subject"]
CLOSED = ["event", "handshakes", "failed", "traffic"]
TRAFFIC = ["connections", "received", "sent"]
ONE_WAY = ["bytes", "records", "wire_bytes"]


def counts(closed):
    return closed["handshakes"], closed["failed"]


def client(server, authority, **options):
    context = ssl.create_default_context(cafile=authority.cert)
    context.set_alpn_protocols(options.get("alpn", ["http/1.1"]))
    raw = socket.create_connection(("127.0.0.1", server.port), timeout=LIMIT)
    return context.wrap_socket(raw, server_hostname="localhost")


def end_of(server):
    """Ends the server by SIGTERM and answers its last events."""
    server.terminate()
    assert server.wait() == 0
    return [json.loads(line) for line in server.rest()]


# --- events ---


def test_the_first_line_is_where_it_listens(site):
    program = Program("serve", "--listen", "127.0.0.1:0", "--cert", site.cert, "--key", site.key)
    assert re.fullmatch(r"listening 127\.0\.0\.1:[1-9]\d*", program.line())
    program.process.send_signal(signal.SIGTERM)
    assert program.wait() == 0
    assert program.rest() == ["draining"]


@pytest.mark.parametrize(
    "listen, address", [("[::1]:0", r"\[::1\]:\d+"), (":0", r"127\.0\.0\.1:\d+"), ("localhost:0", r"127\.0\.0\.1:\d+")]
)
def test_other_ways_to_say_where(listen, address, site):
    program = Program("serve", "--listen", listen, "--json", "--cert", site.cert, "--key", site.key)
    assert re.fullmatch(address, program.event("listening")["address"])
    program.process.send_signal(signal.SIGTERM)
    assert program.wait() == 0


def test_events_have_exactly_the_promised_keys(server, authority):
    assert run("check", server.name, "--ca", authority.cert).code == 0
    good = server.event("handshake")
    assert list(good) == HANDSHAKE and list(good["tls"]) == TLS
    assert good["ok"] is True and good["error"] is None and good["client_subject"] is None
    assert re.fullmatch(r"127\.0\.0\.1:\d+", good["peer"])
    assert good["tls"]["version"] == "TLSv1.3" and good["sign_ms"] == 0

    with socket.create_connection(("127.0.0.1", server.port)) as stranger:
        stranger.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        stranger.settimeout(LIMIT)
        while stranger.recv(4096):
            pass
    bad = server.event("handshake")
    assert list(bad) == HANDSHAKE and list(bad["tls"]) == TLS and list(bad["error"]) == ERROR
    assert bad["ok"] is False and bad["tls"]["version"] is None and bad["sign_ms"] is None
    assert bad["error"]["category"] == "tls"

    draining, closed = end_of(server)
    assert draining == {"event": "draining"}
    assert list(closed) == CLOSED and list(closed["traffic"]) == TRAFFIC
    assert list(closed["traffic"]["received"]) == list(closed["traffic"]["sent"]) == ONE_WAY
    assert counts(closed) == (2, 1) and closed["traffic"]["connections"] == 2
    assert closed["traffic"]["received"]["bytes"] == 0 < closed["traffic"]["received"]["records"]


def test_a_key_in_a_token_signs_and_the_time_is_reported(serve, token, authority):
    server = serve("--cert", token.cert, "--key", token.uri, "--pin-file", token.pin, env=token.env)
    for version in "1.2", "1.3":
        assert run("check", server.name, "--ca", authority.cert, "--max-tls", version, "--min-tls", version).code == 0
        event = server.event("handshake")
        assert event["ok"] is True and event["sign_ms"] > 0
    assert end_of(server)[-1]["failed"] == 0


def test_a_token_is_asked_over_as_many_sessions_as_wished(serve, token):
    server = serve("--cert", token.cert, "--key", token.uri, "--pin-file", token.pin, "--sessions", "3", env=token.env)
    assert end_of(server)[-1]["tokens"][0]["sessions"]["limit"] == 3


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_resumption_saves_a_signature(version, serve, token, authority):
    server = serve("--cert", token.cert, "--key", token.uri, "--pin-file", token.pin, env=token.env)
    context = ssl.create_default_context(cafile=authority.cert)
    context.minimum_version = context.maximum_version = version
    session, resumed, signatures = None, [], []
    for _ in range(3):
        raw = socket.create_connection(("127.0.0.1", server.port), timeout=LIMIT)
        with context.wrap_socket(raw, server_hostname="localhost", session=session) as s:
            s.sendall(b"hi")
            assert s.recv(2) == b"hi"  # TLS 1.3's ticket has come before this
            session = s.session
            resumed.append(s.session_reused)
        signatures.append(server.event("handshake")["sign_ms"] > 0)
    assert (resumed, signatures) == ([False, True, True], [True, False, False])
    last = end_of(server)[-1]
    assert (last["handshakes"], last["resumed"], last["signatures_saved"]) == (3, 2, 2)


def test_people_get_lines_not_json(site, authority):
    program = Program("serve", "--listen", "127.0.0.1:0", "--cert", site.cert, "--key", site.key)
    name = "localhost:" + program.line().rsplit(":", 1)[1]
    assert run("check", name, "--ca", authority.cert).code == 0
    assert re.match(
        r"✓ 127\.0\.0\.1:\d+  TLSv1\.3  TLS_AES_128_GCM_SHA256  X25519MLKEM768 \(post-quantum\)", program.line()
    )
    assert run("check", name).code == 5
    line = program.line()
    assert line.startswith(("✗ ", "✓ "))  # in TLS 1.3 the server may be done before the client says no
    program.process.send_signal(signal.SIGTERM)
    assert program.wait() == 0


# --- certificates ---


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_without_a_certificate_it_makes_one_and_prints_it(more, tmp_path):
    program = Program("serve", "--listen", "127.0.0.1:0", "--exit-after", "1", *more)
    first = program.line()
    port = (json.loads(first)["address"] if more else first).rsplit(":", 1)[1]
    pinned = tmp_path / "pinned.pem"
    if not more:
        lines = []
        while not lines or lines[-1] != "-----END CERTIFICATE-----":
            lines.append(program.line())
        pinned.write_text("\n".join(lines[lines.index("-----BEGIN CERTIFICATE-----") :]) + "\n")
        assert run("check", f"localhost:{port}", "--ca", pinned).code == 0
    else:
        assert run("check", f"localhost:{port}", "--insecure").code == 0
    assert program.wait() == 0
    if more:  # stdout is for events alone
        assert all(line.startswith("{") for line in program.rest())
        assert program.err.decode().startswith("-----BEGIN CERTIFICATE-----")


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_client_certificates_none_optional_required(version, serve, site, authority):
    me = authority.issue("client", names="", usage="clientAuth")
    versions = ["--min-tls", version, "--max-tls", version]
    shown = ["--cert", me.cert, "--key", me.key]

    def subject(mode, *args):
        server = serve("--cert", site.cert, "--key", site.key, "--client-auth", mode, "--ca", authority.cert)
        run("check", server.name, "--ca", authority.cert, *versions, *args)
        event = server.event("handshake")
        return (event["ok"], event["client_subject"], event["error"] and event["error"]["code"])

    assert subject("none", *shown) == (True, None, None)
    assert subject("optional", *shown) == (True, "CN=client", None)
    assert subject("optional") == (True, None, None)
    assert subject("required", *shown) == (True, "CN=client", None)
    assert subject("required") == (False, None, "missing")


def test_a_client_certificate_of_strangers_is_refused(serve, site, authority, tmp_path):
    from authority import Authority

    stranger = Authority(tmp_path / "strangers", "Strangers").issue("stranger", names="", usage="clientAuth")
    server = serve("--cert", site.cert, "--key", site.key, "--client-auth", "required", "--ca", authority.cert)
    run("check", server.name, "--ca", authority.cert, "--cert", stranger.cert, "--key", stranger.key)
    error = server.event("handshake")["error"]
    assert (error["category"], error["code"]) == ("certificate", "untrusted")


def test_client_auth_needs_a_trusted_authority(site):
    ran = run("serve", "--listen", "127.0.0.1:0", "--cert", site.cert, "--key", site.key, "--client-auth", "required")
    assert ran.code == 1 and "--ca" in ran.err and ran.err.count("\n") == 1


# --- modes ---


def test_echo_gives_back(server, authority):
    with client(server, authority) as s:
        for word in b"one", b"two", b"three":
            s.sendall(word)
            assert s.recv(100) == word
        s.unwrap()


def test_discard_takes_everything_and_says_nothing(serve, site, authority):
    server = serve("--cert", site.cert, "--key", site.key, "--mode", "discard")
    ran = run("connect", server.name, "--ca", authority.cert, stdin=b"x" * 5_000_000)
    assert (ran.code, ran.out) == (0, b"")


def test_source_pours_until_the_client_ends(serve, site, authority):
    server = serve("--cert", site.cert, "--key", site.key, "--mode", "source")
    with client(server, authority) as s:
        got = 0
        while got < 3_000_000:
            got += len(s.recv(65536))
    assert end_of(server)[-1]["handshakes"] == 1


# --- limits and ends ---


def test_exit_after_counts_failures_and_lets_the_last_client_finish(serve, site, authority):
    server = serve("--cert", site.cert, "--key", site.key, "--exit-after", "2")
    with socket.create_connection(("127.0.0.1", server.port)) as stranger:
        stranger.sendall(b"not TLS at all, this")
    assert server.event("handshake")["ok"] is False
    with client(server, authority) as s:
        assert server.event("handshake")["ok"] is True
        server.event("draining")
        time.sleep(1)  # longer than a quiet client is suffered while draining by a signal
        s.sendall(b"still there?")
        assert s.recv(100) == b"still there?"
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", server.port))
        s.unwrap()
    assert counts(server.event("closed")) == (2, 1)
    assert server.wait() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_drains(number, server, authority):
    """The busy client finishes its conversation, the quiet one is told goodbye, nobody new gets in."""
    busy, quiet = client(server, authority), client(server, authority)
    server.event("handshake")
    server.event("handshake")
    server.process.send_signal(number)
    server.event("draining")
    for _ in range(10):
        busy.sendall(b"x" * 1000)
        got = 0
        while got < 1000:
            got += len(busy.recv(1000))
        time.sleep(0.1)
    assert quiet.recv(100) == b""  # close_notify, not a cut: that would raise
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.port))
    busy.unwrap()
    busy.close()
    quiet.close()
    assert server.wait() == 0
    closed = server.event("closed")
    assert counts(closed) == (2, 0)
    assert closed["traffic"]["received"]["bytes"] == closed["traffic"]["sent"]["bytes"] == 10_000


def test_draining_has_an_end_whatever_clients_do(serve, site, authority):
    server = serve("--cert", site.cert, "--key", site.key, "--mode", "source", "--timeout", "2s")
    with client(server, authority) as s:  # does not read
        server.event("handshake")
        server.terminate()
        assert server.wait() == 0
        del s


def test_a_second_signal_ends_it_at_once(serve, site, authority):
    server = serve("--cert", site.cert, "--key", site.key, "--mode", "source", "--timeout", "100s")
    with client(server, authority):
        server.event("handshake")
        server.terminate()
        server.event("draining")
        server.terminate()
        assert server.wait() == 130


def test_a_signal_before_it_listens_is_answered_too(token, tmp_path):
    """It waits for its PIN, which comes after the signal."""
    pin = tmp_path / "pin"
    os.mkfifo(pin, 0o600)
    program = Program(
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--json",
        "--cert",
        token.cert,
        "--key",
        token.uri,
        "--pin-file",
        pin,
        env=token.env,
    )
    with open(pin, "w") as answer:  # opens once the other side does
        program.process.send_signal(signal.SIGTERM)
        answer.write("123456\n")
    assert program.wait() == 0
    assert [json.loads(line)["event"] for line in program.rest()] == ["listening", "draining", "closed"]


def test_a_signal_while_it_is_leaving_changes_nothing(serve, token):
    """The token is put away after the last word: a moment when another signal used to kill."""
    for _ in range(10):
        server = serve("--cert", token.cert, "--key", token.uri, "--pin-file", token.pin, env=token.env)
        server.terminate()
        server.event("draining")
        server.event("closed")
        server.terminate()
        assert server.wait() == 0


def test_a_signal_under_load_with_a_key_in_a_token_ends_well(serve, token, authority):
    """Signatures are being made, sessions opened and closed; the module must survive that, and so must we."""

    def press(server, over):
        while not over.is_set():
            try:
                client(server, authority).close()
            except OSError:
                pass

    for _ in range(5):
        server = serve("--cert", token.cert, "--key", token.uri, "--pin-file", token.pin, env=token.env)
        over = threading.Event()
        crowd = [threading.Thread(target=press, args=(server, over)) for _ in range(4)]
        for one in crowd:
            one.start()
        server.event("handshake")
        server.terminate()
        code = server.wait()
        over.set()
        for one in crowd:
            one.join()
        assert code == 0, server.err.decode()


def test_a_silent_client_delays_nobody(server, authority):
    with socket.create_connection(("127.0.0.1", server.port)):
        assert run("check", server.name, "--ca", authority.cert).code == 0


def test_a_silent_client_is_timed_out(serve, site):
    server = serve("--cert", site.cert, "--key", site.key, "--timeout", "300ms")
    with socket.create_connection(("127.0.0.1", server.port)):
        event = server.event("handshake")
    assert event["ok"] is False and event["error"]["code"] == "timed_out"


def test_at_most_max_connections_clients_are_served(serve, site, authority):
    server = serve("--cert", site.cert, "--key", site.key, "--max-connections", "2")
    first, second = client(server, authority), client(server, authority)
    server.event("handshake")
    server.event("handshake")
    program = Program("connect", server.name, "--ca", authority.cert, stdin=subprocess.PIPE)
    program.process.stdin.write(b"hello\n")
    program.process.stdin.close()
    for s in first, second:  # those who were first are served
        s.sendall(b"hi")
        assert s.recv(2) == b"hi"
    assert program.process.poll() is None and program.lines.empty()
    first.unwrap()
    first.close()
    assert program.line() == "hello"
    assert program.wait() == 0
    second.close()
