# SPDX-License-Identifier: Apache-2.0
"""`serve --fail`: a server that fails as it is told, for testing clients."""

import json
import socket
import ssl
import time

import pytest

from kit import LIMIT, run
from test_serve import counts, end_of

SSL_OP_IGNORE_UNEXPECTED_EOF = 1 << 7  # which Python sets, and would not tell a cut from an end then


@pytest.fixture
def failing(serve, site):
    def start(how, *more):
        return serve("--cert", site.cert, "--key", site.key, "--fail", how, *more)

    return start


def checked(server, authority, *more):
    """The code of the error our own client reports, or None."""
    ran = run("check", server.name, "--ca", authority.cert, "--json", *more)
    error = ran.json["error"]
    return error and error["code"], ran


def test_an_alert_instead_of_an_answer(failing, authority):
    server = failing("handshake=alert:handshake_failure")
    code, ran = checked(server, authority)
    assert ran.code == 4 and ran.json["error"]["alert"] == "handshake_failure" and ran.json["error"]["origin"] == "peer"
    error = server.event("handshake")["error"]
    assert (error["category"], error["code"], error["origin"]) == ("tls", "handshake_failed", "local")
    assert "on purpose: --fail handshake=alert:handshake_failure" in error["message"]
    assert counts(end_of(server)[-1]) == (1, 1)


@pytest.mark.parametrize("how, code", [("close", "closed"), ("reset", "reset")])
def test_the_end_of_a_handshake(failing, authority, how, code):
    server = failing(f"handshake={how}")
    assert checked(server, authority)[0] == code


def test_a_handshake_that_stalls(failing, authority):
    server = failing("handshake=stall")
    assert checked(server, authority, "--timeout", "500ms")[0] == "timed_out"
    assert end_of(server)[-1]["failed"] == 1


def test_a_delay_before_the_answer(failing, authority):
    code, ran = checked(failing("delay=700ms"), authority)
    assert code is None and ran.json["timing_ms"]["handshake"] >= 700


def exchange(server, authority, send, want):
    """What of an echo arrives, and how it ends."""
    context = ssl.create_default_context(cafile=authority.cert)
    context.options &= ~SSL_OP_IGNORE_UNEXPECTED_EOF
    raw = socket.create_connection(("127.0.0.1", server.port), timeout=LIMIT)
    with context.wrap_socket(raw, server_hostname="localhost", suppress_ragged_eofs=False) as s:
        s.sendall(send)
        got = b""
        try:
            while len(got) < want:
                part = s.recv(65536)
                if not part:
                    return got, "close_notify"
                got += part
            s.settimeout(1)
            s.recv(1)
            return got, "more"
        except (ssl.SSLEOFError, ConnectionResetError):  # Python's words for ECONNRESET
            return got, "reset"
        except TimeoutError:
            return got, "nothing"
        except ssl.SSLError as why:
            assert why.reason == "UNEXPECTED_EOF_WHILE_READING"
            return got, "cut"


@pytest.mark.parametrize("count", [0, 1, 1000, 100_000])
@pytest.mark.parametrize("how, end", [("close", "cut"), ("reset", "reset")])
def test_a_close_after_a_number_of_bytes(failing, authority, how, end, count):
    server = failing(f"after={count}:{how}")
    text = bytes(i % 251 for i in range(count + 1))
    got, ended = exchange(server, authority, text, count + 1)
    assert (got, ended) == (text[:count], end)
    assert server.event("handshake")["ok"] is True


def test_a_stall_after_a_number_of_bytes(failing, authority):
    server = failing("after=10:stall")
    assert exchange(server, authority, b"x" * 20, 10) == (b"x" * 10, "nothing")
    server.terminate()
    assert server.wait() == 0


def test_our_client_distinguishes_truncation_from_close_notify(failing, authority):
    server = failing("after=3:close", "--mode", "source")
    ran = run("connect", server.name, "--ca", authority.cert)
    assert ran.code == 4 and ran.out == b' !"' and "it ended without close_notify" in ran.err


def test_a_cut_answer_of_http(failing, authority):
    server = failing("after=50:close", "--mode", "http")
    request = b"GET / HTTP/1.1\r\nHost: l\r\n\r\n"
    got, ended = exchange(server, authority, request, 51)
    assert (len(got), ended) == (50, "cut") and got.startswith(b"HTTP/1.1 200 OK\r\n")


def test_a_slow_answer(failing, authority):
    server = failing("slow=1000")
    began = time.monotonic()
    got, ended = exchange(server, authority, b"x" * 1500, 1500)
    assert got == b"x" * 1500 and time.monotonic() - began >= 1


def test_only_the_first_are_failed(failing, authority):
    server = failing("handshake=close,first=2")
    assert [checked(server, authority)[0] for _ in range(4)] == ["closed", "closed", None, None]
    assert counts(end_of(server)[-1]) == (4, 2)


def test_only_every_third_is_failed(failing, authority):
    server = failing("handshake=alert:internal_error,every=3")
    assert [checked(server, authority)[0] for _ in range(6)] == [None, None, "alert"] * 2


def test_retries_get_through(failing, authority):
    """What the library's own retry is for: a server that resets its first clients."""
    server = failing("handshake=reset,first=1", "--exit-after", "2")
    assert checked(server, authority)[0] == "reset" and checked(server, authority)[0] is None
    assert server.wait() == 0


def test_a_peer_that_closes_before_its_first_message_is_distinguished(failing):
    server = failing("handshake=close")
    with socket.create_connection(("127.0.0.1", server.port)) as s:
        s.sendall(b"\x16\x03")
    assert server.event("handshake")["error"]["code"] == "closed"


def test_a_client_that_speaks_no_tls_is_a_failure_there_too(failing):
    server = failing("after=1:close")
    with socket.create_connection(("127.0.0.1", server.port)) as s:
        s.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert server.event("handshake")["error"]["code"] == "protocol_error"


@pytest.mark.parametrize(
    "how, words",
    [
        ("", '"" is not something to fail with'),
        ("nonsense", '"nonsense" is not something to fail with'),
        ("handshake=maybe", '"handshake=maybe" does not say how to end'),
        ("handshake=alert:nobody", '"handshake=alert:nobody" names no alert of TLS'),
        ("after=x:close", '"after=x:close" has no number of 0 or more'),
        ("after=5", '"after=5" does not say how to end'),
        ("slow=0", '"slow=0" has no number of 1 or more'),
        ("first=3", '"first=3" says when to fail, and not how'),
        ("slow=1,slow=2", '"slow=2" comes twice'),
        ("handshake=close,slow=5", "ends the handshake, after which nothing is sent"),
        ("delay=5", '"5" is not a duration'),
    ],
)
def test_what_makes_no_sense_is_refused(how, words):
    ran = run("serve", "--listen", "127.0.0.1:0", "--fail", how)
    assert ran.code == 1 and words in ran.err and ran.err.count("\n") == 1 and "; " in ran.err


def test_discard_has_no_bytes_to_count():
    ran = run("serve", "--listen", "127.0.0.1:0", "--mode", "discard", "--fail", "after=1:close")
    assert ran.code == 1 and "in discard mode" in ran.err


def test_an_error_object_of_a_failure_on_purpose_is_like_any_other(failing, authority):
    server = failing("handshake=close")
    checked(server, authority)
    event = server.event("handshake")
    assert json.dumps(event) and event["ok"] is False and event["tls"]["version"] is None
