# SPDX-License-Identifier: Apache-2.0
"""`check --watch`: the first verdict, then only what changes, until Ctrl-C."""

import json
import re
import signal

import pytest

from kit import Program, run


def restarted_at(server, *args):
    """A server of another kind where that one was."""
    server.end()
    program = Program("serve", "--listen", server.address, "--json", *args)
    program.event("listening")
    return program


def end(watch):
    watch.process.send_signal(signal.SIGINT)
    assert watch.wait() == 130


def visits(program, how_many):
    for _ in range(how_many):
        program.event("handshake")


def test_a_change_is_reported_and_its_absence_is_not(server, authority):
    watch = Program("check", server.name, "--ca", authority.cert, "--watch", "50ms", "--json")
    try:
        first = json.loads(watch.line())
        assert first["ok"] is True and first["changed"] == []
        visits(server, 4)  # nothing is told of these, or the next line would not be about the change
        other = authority.issue("other")
        after = restarted_at(server, "--cert", other.cert, "--key", other.key)
        try:
            line = json.loads(watch.line())
            while not line["ok"]:  # while nobody listened
                assert [c["name"] for c in line["changed"]][0] == "verdict"
                before, line = line, json.loads(watch.line())
            assert line["certificates"][0]["subject"] == "CN=other"
            assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", line["at"])
            assert "certificate" in [c["name"] for c in line["changed"]]
            end(watch)
            assert watch.rest() == []
        finally:
            after.end()
    finally:
        watch.end()


def test_it_speaks_to_people(server, authority):
    watch = Program("check", server.name, "--ca", authority.cert, "--watch", "50ms")
    try:
        at = r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}"
        assert re.fullmatch(rf"{at}  ✓ {server.name} is trusted: .*", watch.line())
        server.end()
        assert f"✗ {server.name} " in watch.line()
        change = watch.line()
        assert re.fullmatch(r"  verdict: good, now [a-z_]+", change), change
        end(watch)
    finally:
        watch.end()


def test_the_first_verdict_may_be_a_bad_one(server):
    watch = Program("check", server.name, "--watch", "50ms", "--json")
    try:
        assert json.loads(watch.line())["error"]["code"] == "untrusted"
        visits(server, 3)
        end(watch)
        assert watch.rest() == []
    finally:
        watch.end()


@pytest.mark.parametrize("period, why", [("soon", "is not a duration"), ("0s", "leaves no time between two looks")])
def test_a_wrong_period_is_wrong_usage(period, why):
    ran = run("check", "localhost:1", "--watch", period)
    assert ran.code == 1 and why in ran.err
