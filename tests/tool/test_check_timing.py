# SPDX-License-Identifier: Apache-2.0
"""`check` shows where the time went, once and over many handshakes."""

import re

import pytest

from kit import deaf_port, environment, run
from test_look import ESCAPE, on_terminal

TIME = r"[\d.]+ (?:ms|s)"
BAR = r"(?:  +[█▉▊▋▌▍▎▏]+)?"


def waterfall(text):
    """[(phase, milliseconds, where its bar begins)] and the total."""
    lines = text.splitlines()
    first = lines.index("  time")
    rows = []
    for line in lines[first + 1 :]:
        found = re.fullmatch(rf"    (.+?)  +([\d.]+) (ms|s)({BAR})", line)
        if not found:
            break
        drawn = found[4]
        value = float(found[2]) * (1000 if found[3] == "s" else 1)
        rows.append((found[1], value, len(drawn) - len(drawn.lstrip()) if drawn else None))
    assert rows and rows[-1][0] == "total"
    return rows[:-1], rows[-1][1]


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_the_phases_are_all_there_and_follow_each_other(version, server, authority):
    ran = run("check", server.name, "--ca", authority.cert, "--max-tls", version)
    assert ran.code == 0
    phases, total = waterfall(ran.text)
    names = [name for name, _, _ in phases if not name.endswith(")")]
    assert names == [
        "resolve",
        f"connect {server.address}",
        "ServerHello",
        "certificates",
        "signature wait",
        "finished",
    ]
    begins = [begin for _, _, begin in phases if begin is not None]
    assert begins == sorted(begins)
    assert all(ms <= total + 0.01 for _, ms, _ in phases)


def test_a_refusal_ends_with_the_certificates(server):
    ran = run("check", server.name)
    assert ran.code == 5
    assert [name for name, _, _ in waterfall(ran.text)[0]][-2:] == ["ServerHello", "certificates"]


def test_an_address_that_did_not_answer_is_shown_with_its_cause():
    with deaf_port() as port:
        ran = run("check", f"127.0.0.1:{port}")
    assert ran.code == 3
    phases, _ = waterfall(ran.text)
    assert phases[-1][0] == f"connect 127.0.0.1:{port} (refused)"


def test_our_own_signature_is_a_phase_where_a_token_made_it(serve, site, authority, token):
    server = serve("--cert", site.cert, "--key", site.key, "--client-auth", "required", "--ca", authority.cert)
    mine = ["--cert", token.cert, "--key", token.uri, "--pin-file", token.pin]
    ran = run("check", server.name, "--ca", authority.cert, *mine, env=token.env)
    assert ran.code == 0, ran.text
    phases = {name: ms for name, ms, _ in waterfall(ran.text)[0]}
    assert phases["our signature"] > 0
    assert re.search(r"^  client certificate +asked for; ours was sent$", ran.text, re.M)


def test_the_bars_fit_the_terminal_and_fall_back_to_ascii(server, authority):
    code, shown = on_terminal("check", server.name, "--ca", authority.cert, width=60)
    assert code == 0
    lines = ESCAPE.sub("", shown).splitlines()
    assert all(len(line) <= 60 for line in lines[lines.index("  time") :])
    ran = run("check", server.name, "--ca", authority.cert, env=environment(LC_ALL="C"))
    assert ran.out.isascii() and re.search(rf"^    ServerHello +{TIME} +#+$", ran.text, re.M)


def test_many_handshakes_in_json(server, authority):
    ran = run("check", server.name, "--ca", authority.cert, "--count", "7", "--parallel", "3", "--json")
    assert ran.code == 0, ran.json["error"]
    runs = ran.json["runs"]
    assert len(runs) == 7 and all(one["ok"] and one["error"] is None for one in runs)
    assert {one["address"] for one in runs} == {server.address}
    assert not any(one["resumed"] for one in runs)
    assert all(one["timing_ms"]["total"] >= one["timing_ms"]["handshake"] > 0 for one in runs)
    for _ in range(7):
        assert server.event("handshake")["ok"] is True


def test_many_handshakes_for_people(server, authority):
    ran = run("check", server.name, "--ca", authority.cert, "--count", "20", "--parallel", "4")
    assert ran.code == 0
    assert ran.text.splitlines()[0].startswith(f"✓ {server.name} is trusted")
    assert re.search(rf"^  20 handshakes, 4 at a time, in {TIME}: 20 of 20 went well$", ran.text, re.M)
    assert re.search(r"^ +p50 +p90 +p99 +longest$", ran.text, re.M)
    for phase in "resolve", "connect", "handshake", "total":
        row = re.search(rf"^  {phase} +({TIME}) +({TIME}) +({TIME}) +({TIME})$", ran.text, re.M)
        assert row, phase
    bars = re.findall(rf"^  up to {TIME} +(\d+)(?: *|{BAR})$", ran.text, re.M)
    assert len(bars) == 8 and sum(map(int, bars)) == 20


def test_handshakes_that_fail_are_counted_by_cause(server):
    ran = run("check", server.name, "--count", "3")
    assert ran.code == 5
    assert ran.text.startswith("✗ ")
    assert "  3 handshakes, in " in ran.text and ": 0 of 3 went well" in ran.text
    assert re.search(r"^    3  untrusted$", ran.text, re.M)
    report = run("check", server.name, "--count", "3", "--json").json
    assert report["ok"] is False and [one["error"]["code"] for one in report["runs"]] == ["untrusted"] * 3


@pytest.mark.parametrize(
    "args", [["--count", "0"], ["--count", "many"], ["--parallel", "2"], ["--count", "2", "--watch", "1s"]]
)
def test_wrong_numbers_are_wrong_usage(args):
    ran = run("check", "localhost:1", *args)
    assert ran.code == 1 and ran.err.startswith("sluice") and ran.err.count("\n") == 1
