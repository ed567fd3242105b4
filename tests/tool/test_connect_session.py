# SPDX-License-Identifier: Apache-2.0
"""`connect --session-in/--session-out`, and new keys on a signal."""

import base64
import json
import os
import signal
import stat
import subprocess

import pytest

from kit import Program, openssl, run


def connect(server, authority, *more, stdin=b"hello\n"):
    ran = run("connect", server.name, "--ca", authority.cert, "--json", *more, stdin=stdin)
    return ran, json.loads(ran.err.splitlines()[-1])


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_a_session_is_kept_and_resumed(version, server, authority, tmp_path):
    file = tmp_path / "session"
    how = ("--max-tls", version, "--timeout", "2s")
    ran, first = connect(server, authority, "--session-out", file, *how)
    assert (ran.code, ran.out, first["tls"]["resumed"]) == (0, b"hello\n", False)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["session"]
    kept = file.read_bytes()

    ran, second = connect(server, authority, "--session-in", file, "--session-out", file, *how)
    assert (ran.code, ran.out, second["tls"]["resumed"]) == (0, b"hello\n", True)
    assert second["tls"]["signature"] is None or version == "1.3"
    if version == "1.3":
        assert file.read_bytes() != kept  # tickets are for one use (RFC 8446 C.4)

    ran, third = connect(server, authority, "--session-in", file, *how)
    assert (ran.code, third["tls"]["resumed"]) == (0, True)


def test_a_session_for_another_name_or_out_of_date_is_not_used_and_reported(server, authority, tmp_path):
    file = tmp_path / "session"
    connect(server, authority, "--session-out", file)
    lines = file.read_text().splitlines()
    address, digest = lines[1].split(" ")
    assert lines[0] == "sluice session 2" and address == server.name and len(digest) == 32

    file.write_text("\n".join([lines[0], f"other.example:443 {digest}", *lines[2:]]) + "\n")
    ran, report = connect(server, authority, "--session-in", file)
    assert (ran.code, report["tls"]["resumed"]) == (0, False)
    assert ran.err.startswith(f"sluice: {file}: the session is for other.example:443; the handshake was a full one\n")

    file.write_text("\n".join([*lines[:2], "1000000000", lines[3]]) + "\n")
    ran, report = connect(server, authority, "--session-in", file)
    assert (ran.code, report["tls"]["resumed"]) == (0, False)
    assert f"{file}: the session ended on 2001-09-09T01:46:40Z" in ran.err


@pytest.mark.parametrize("how", [("--alpn", "h2"), ("--max-tls", "1.2"), ("--insecure",)])
def test_a_session_made_with_other_options_is_not_used_and_reported(how, server, authority, tmp_path):
    file = tmp_path / "session"
    connect(server, authority, "--session-out", file, *how)
    ran, report = connect(server, authority, "--session-in", file)
    assert (ran.code, report["tls"]["resumed"]) == (0, False)
    assert ran.err.startswith(f"sluice: {file}: the session was made with other options (trust, policy, protocols, ")


def test_a_session_of_another_port_is_not_used_and_reported(server, serve, site, authority, tmp_path):
    file = tmp_path / "session"
    connect(server, authority, "--session-out", file)
    other = serve("--cert", site.cert, "--key", site.key)
    ran, report = connect(other, authority, "--session-in", file)
    assert (ran.code, report["tls"]["resumed"]) == (0, False)
    assert ran.err.startswith(f"sluice: {file}: the session is for {server.name}; the handshake was a full one\n")


def test_a_session_the_server_does_not_take_makes_a_full_handshake(server, serve, site, authority, tmp_path):
    file = tmp_path / "session"
    connect(server, authority, "--session-out", file)
    lines = file.read_text().splitlines()
    other = serve("--cert", site.cert, "--key", site.key)  # with keys of its own for tickets
    file.write_text("\n".join([lines[0], lines[1].replace(server.name, other.name), *lines[2:]]) + "\n")
    ran, report = connect(other, authority, "--session-in", file)
    assert (ran.code, ran.out, ran.err.count("\n"), report["tls"]["resumed"]) == (0, b"hello\n", 1, False)

    file.write_text("\n".join([*lines[:3], base64.b64encode(os.urandom(200)).decode()]) + "\n")
    ran, report = connect(server, authority, "--session-in", file)
    assert (ran.code, report["tls"]["resumed"]) == (0, False)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "something else\n",
        "sluice session 2\nlocalhost\n2000000000\nQUJD",
        "sluice session 2\nlocalhost\n2000000000\n***\n",
        "sluice session 2\nlocalhost\nsoon\nQUJD\n",
        "sluice session 1\nlocalhost\n2000000000\nQUJD\n",  # as Sluice 0.1 kept it, by the name alone
    ],
)
def test_a_file_that_is_no_sessions_is_an_error_before_anybody_is_asked(text, authority, tmp_path):
    file = tmp_path / "session"
    file.write_text(text)
    ran = run("connect", "host.invalid", "--session-in", file)
    assert (ran.code, ran.out) == (1, b"")
    assert ran.err == (
        f"sluice: {file}: used wrongly: it is not a session's file, or is damaged; make one with --session-out FILE\n"
    )


def test_a_file_that_is_not_there_or_cannot_be_written(server, authority, tmp_path):
    ran = run("connect", "host.invalid", "--session-in", tmp_path / "none")
    assert ran.code == 1 and f"{tmp_path}/none: file not found" in ran.err

    ran, report = connect(server, authority, "--session-out", tmp_path / "no" / "folder")
    assert (ran.code, ran.out) == (1, b"hello\n")
    assert report["error"]["code"] == "file_unreadable"
    assert "the session cannot be written" in report["error"]["message"]


def test_a_session_of_an_unverified_connection_is_not_for_a_verified_one(server, authority, tmp_path):
    file = tmp_path / "session"
    run("connect", server.name, "--insecure", "--session-out", file, stdin=b"hello\n")
    ran, report = connect(server, authority, "--session-in", file)
    assert (ran.code, report["tls"]["resumed"]) == (0, False)
    assert "the session was made with other options (trust, policy, " in ran.err


def test_new_keys_on_a_signal(server, authority):
    program = Program(
        "connect", server.name, "--ca", authority.cert, "--trace", "--json", stdin=subprocess.PIPE, raw=True
    )
    out = program.process.stdout
    for turn in range(3):
        program.process.stdin.write(b"before\n")
        program.process.stdin.flush()
        assert out.readline() == b"before\n"
        program.process.send_signal(signal.SIGUSR1)
        # The answer on stderr is read by a thread to its end: the KeyUpdate itself is looked for there.
        program.process.stdin.write(b"after\n")
        program.process.stdin.flush()
        assert out.readline() == b"after\n"
    program.process.stdin.close()
    assert out.read() == b""
    assert program.wait() == 0
    err = program.err.decode()
    assert err.count("sluice: SIGUSR1: new keys go with the next bytes that are sent\n") == 3
    updates = [line for line in err.splitlines() if '"name":"KeyUpdate"' in line]
    assert 1 <= len(updates) <= 3 and all('"direction":"sent"' in line for line in updates)


def test_tls12_has_no_new_keys_and_goes_on(server, authority):
    how = ("--max-tls", "1.2", "--timeout", "2s")
    program = Program("connect", server.name, "--ca", authority.cert, *how, stdin=subprocess.PIPE, raw=True)
    program.process.stdin.write(b"before\n")
    program.process.stdin.flush()
    assert program.process.stdout.readline() == b"before\n"
    program.process.send_signal(signal.SIGUSR1)
    program.process.stdin.write(b"after\n")
    program.process.stdin.close()
    assert program.process.stdout.read() == b"after\n"
    assert program.wait() == 0
    assert program.err.decode() == "sluice: SIGUSR1: no new keys: TLSv1.2 has no way to change them\n"


def test_a_chain_that_is_refused_is_saved_as_it_was_sent(server, site, tmp_path):
    file = tmp_path / "chain.pem"
    assert run("check", server.name, "--save-chain", file).code == 5
    sent = openssl("x509", "-in", site.cert, "-noout", "-fingerprint", "-sha256")
    assert openssl("x509", "-in", file, "-noout", "-fingerprint", "-sha256") == sent


def test_a_chain_is_saved(server, authority, site, tmp_path):
    file = tmp_path / "chain.pem"
    assert run("check", server.name, "--ca", authority.cert, "--save-chain", file).code == 0
    saved = file.read_text()
    leaf = site.cert.read_text().strip()
    assert saved.startswith(leaf) and saved.count("BEGIN CERTIFICATE") == 2  # as verified: to the anchor
    assert stat.S_IMODE(file.stat().st_mode) == 0o644 & ~current_umask()
    # What was saved can be trusted from then on, where that is what is wanted.
    assert run("check", server.name, "--ca", file).code == 0

    ran = run("connect", server.name, "--ca", authority.cert, "--save-chain", tmp_path / "no" / "folder", stdin=b"x")
    assert ran.code == 1 and ran.out == b"" and "the chain cannot be written" in ran.err


def current_umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask
