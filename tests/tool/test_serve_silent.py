# SPDX-License-Identifier: Apache-2.0
"""`serve` and clients that connect and say nothing: they cost a socket, for so long, and only so many."""

import contextlib
import socket

import pytest

from kit import LIMIT, run


@pytest.fixture
def connect():
    """Connects, and says nothing."""
    with contextlib.ExitStack() as open_sockets:

        def start(server, source="127.0.0.1"):
            at = socket.create_connection(("127.0.0.1", server.port), timeout=LIMIT, source_address=(source, 0))
            return open_sockets.enter_context(at)

        yield start


def is_open(client):
    client.setblocking(False)
    try:
        return client.recv(1) != b""
    except BlockingIOError:
        return True
    except ConnectionResetError:
        return False
    finally:
        client.settimeout(LIMIT)


def name_of(client):
    host, port = client.getsockname()
    return f"{host}:{port}"


def served(server, authority):
    return run("check", server.name, "--ca", authority.cert).code == 0


def test_the_oldest_of_too_many_is_closed(serve, site, authority, connect):
    server = serve("--cert", site.cert, "--key", site.key, "--max-silent", "2")
    clients = [connect(server) for _ in range(3)]
    event = server.event("handshake")
    assert event["error"]["code"] == "timed_out" and event["peer"] == name_of(clients[0])
    assert clients[0].recv(1) == b"" and is_open(clients[1]) and is_open(clients[2])
    assert served(server, authority)


def test_an_address_loses_its_own_oldest(serve, site, authority, connect):
    server = serve("--cert", site.cert, "--key", site.key, "--max-silent-per-address", "1")
    other = connect(server, "127.0.0.2")
    oldest, newest = connect(server), connect(server)
    event = server.event("handshake")
    assert event["peer"] == name_of(oldest)
    assert "its address has no room for more that are silent" in event["error"]["message"]
    assert is_open(other) and is_open(newest)
    assert served(server, authority)


def test_silence_has_a_time_of_its_own(serve, site, connect):
    server = serve("--cert", site.cert, "--key", site.key, "--timeout", "1h", "--silent-timeout", "50ms")
    client = connect(server)
    event = server.event("handshake")
    assert event["error"]["code"] == "timed_out" and event["peer"] == name_of(client)
    assert client.recv(1) == b""


@pytest.mark.parametrize(
    "option, value, words",
    [
        ("--silent-timeout", "0s", "no client can be so quick"),
        ("--silent-timeout", "soon", "is not a duration"),
        ("--max-silent", "0", "is not a number above 0"),
        ("--max-silent-per-address", "many", "is not a number above 0"),
    ],
)
def test_senseless_values_are_refused(option, value, words):
    ran = run("serve", "--listen", "127.0.0.1:0", option, value)
    assert ran.code == 1 and f"sluice: {option}: " in ran.err and words in ran.err


@pytest.mark.parametrize("option", ["--silent-timeout", "--max-silent", "--max-silent-per-address"])
def test_failing_on_purpose_applies_to_concurrent_clients(option):
    value = "5s" if option == "--silent-timeout" else "5"
    ran = run("serve", "--listen", "127.0.0.1:0", "--fail", "handshake=close", option, value)
    assert ran.code == 1 and "with --fail each client is met as soon as it connects" in ran.err
