# SPDX-License-Identifier: Apache-2.0
"""`connect --early-data`: sent with the first message where the session allows it, and never lost."""

import json

import pytest

from kit import run

TEXT = b"what comes first\n"


@pytest.fixture
def place(tmp_path):
    (tmp_path / "first").write_bytes(TEXT)
    return tmp_path


def talk(server, authority, place, *more, stdin=b"and then\n"):
    ran = run("connect", server.name, "--ca", authority.cert, "--session-in", place / "session", *more, stdin=stdin)
    assert ran.code == 0, ran.err
    return ran


def visit(server, authority, place):
    ran = run("connect", server.name, "--ca", authority.cert, "--session-out", place / "session", stdin=b"hello\n")
    assert (ran.code, ran.out) == (0, b"hello\n"), ran.err
    server.event("handshake")


@pytest.fixture
def eager(serve, site):
    def start(*options, port=0):
        return serve("--cert", site.cert, "--key", site.key, *options, port=port)

    return start


def test_it_is_taken_and_comes_first(eager, authority, place):
    server = eager("--early-data", "16384")
    visit(server, authority, place)
    ran = talk(server, authority, place, "--early-data", place / "first")
    assert ran.out == TEXT + b"and then\n"
    assert ran.err == "sluice: early data: the server took 17 of 17 bytes\n"
    assert server.event("handshake")["tls"]["early_data"] == "accepted"


def test_what_is_too_much_follows(eager, authority, place):
    server = eager("--early-data", "5")
    visit(server, authority, place)
    ran = talk(server, authority, place, "--early-data", place / "first")
    assert ran.out == TEXT + b"and then\n"
    assert "the server took 5 of 17 bytes; the rest is sent after the handshake" in ran.err


def test_stdin_may_come_early(eager, authority, place):
    server = eager("--early-data", "100000")
    visit(server, authority, place)
    text = bytes(i % 251 for i in range(50_000))
    ran = talk(server, authority, place, "--early-data", "-", stdin=text)
    assert ran.out == text and "the server took 16384 of 16384 bytes" in ran.err


def test_without_a_promise_nothing_is_sent_early_and_nothing_is_lost(eager, authority, place):
    server = eager()
    visit(server, authority, place)
    ran = talk(server, authority, place, "--early-data", place / "first")
    assert ran.out == TEXT + b"and then\n" and "no session allowed it; all of it is sent after" in ran.err


def test_what_was_rejected_is_sent_again(eager, authority, place):
    first = eager("--early-data", "16384")
    visit(first, authority, place)
    first.end()
    other = eager("--early-data", "16384", port=first.port)  # which cannot read the other's ticket
    ran = talk(other, authority, place, "--early-data", place / "first")
    assert ran.out == TEXT + b"and then\n" and "the server rejected it; all of it is sent after" in ran.err
    assert other.event("handshake")["tls"]["early_data"] == "rejected"


def test_json_says_what_became_of_it(eager, authority, place):
    server = eager("--early-data", "16384")
    visit(server, authority, place)
    ran = talk(server, authority, place, "--early-data", place / "first", "--json")
    assert json.loads(ran.err.splitlines()[-1])["tls"]["early_data"] == "accepted"


def test_it_needs_a_session_and_a_file_that_is_there(authority, place):
    ran = run("connect", "localhost:1", "--early-data", place / "first")
    assert ran.code == 1 and "--session-in" in ran.err
    (place / "session").write_bytes(b"")
    ran = run("connect", "localhost:1", "--session-in", place / "session", "--early-data", place / "none")
    assert ran.code == 1 and "none" in ran.err
