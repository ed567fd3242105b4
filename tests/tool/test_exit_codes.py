# SPDX-License-Identifier: Apache-2.0
"""Each way to fail has its exit code, its category and its code: the contract that scripts rely on."""

import os
import signal
import socket
import ssl
import struct
import subprocess
import time

import pytest

from authority import self_signed
from kit import LIMIT, SLUICE, Peer, Program, deaf_port, environment, run


def check(*args, **more):
    return run("check", *args, "--json", **more)


def expect(ran, exit_code, category, code):
    assert ran.out, ran.err
    report = ran.json
    error = report["error"]
    assert report["ok"] is False and error is not None
    assert (ran.code, error["category"], error["code"]) == (exit_code, category, code), error["message"]
    return error


# --- resolve, connect ---


def test_2_when_the_name_is_not_found():
    error = check("no-such-name.invalid", "--timeout", "60s").json["error"]
    assert error["category"] == "resolve"
    assert error["code"] in ("name_not_found", "resolver_failed")  # the latter where no name server answers
    assert run("check", "no-such-name.invalid", "--timeout", "60s").code == 2


def test_3_when_the_connection_is_refused():
    with deaf_port() as port:
        error = expect(check(f"127.0.0.1:{port}"), 3, "connect", "refused")
    assert error["alert"] is None


def test_3_when_the_address_is_unreachable():
    expect(check("255.255.255.255:443"), 3, "connect", "unreachable")


def test_11_when_tcp_is_not_up_in_time():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        # The backlog is full after a few; what comes then is never answered.
        crowd = [socket.socket() for _ in range(4)]
        for one in crowd:
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
        expect(check(f"127.0.0.1:{port}", "--timeout", "700ms"), 11, "connect", "timed_out")
        for one in crowd:
            one.close()


# --- tls ---


def test_11_when_the_handshake_is_not_done_in_time():
    with Peer(lambda s: s.recv(1) and time.sleep(1)) as peer:
        expect(check(peer.name, "--timeout", "500ms"), 11, "tls", "timed_out")


def read_hello(s):
    header = s.recv(5, socket.MSG_WAITALL)
    s.recv(struct.unpack("!xxxH", header)[0], socket.MSG_WAITALL)


def test_4_when_the_peer_hangs_up():
    with Peer(read_hello) as peer:
        error = expect(check(peer.name), 4, "tls", "closed")
        assert error["origin"] == "peer"


def test_4_when_the_peer_resets():
    def reset(s):
        read_hello(s)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with Peer(reset) as peer:
        expect(check(peer.name), 4, "tls", "reset")


def test_4_when_the_peer_does_not_speak_tls():
    with Peer(lambda s: s.sendall(b"220 mail.example ESMTP, and some more words\r\n") or s.recv(4096)) as peer:
        expect(check(peer.name), 4, "tls", "protocol_error")


def test_4_when_the_peer_sends_an_alert():
    def alert(s):
        read_hello(s)
        s.sendall(b"\x15\x03\x03\x00\x02\x02\x28")
        s.recv(4096)

    with Peer(alert) as peer:
        error = expect(check(peer.name), 4, "tls", "alert")
        assert (error["alert"], error["origin"]) == ("handshake_failure", "peer")


def old_server(site):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(site.cert, site.key)
    context.maximum_version = ssl.TLSVersion.TLSv1_2

    def behave(s):
        try:
            context.wrap_socket(s, server_side=True).recv(1)
        except OSError:
            pass

    return Peer(behave)


def test_4_when_the_versions_do_not_meet(site, authority):
    with old_server(site) as peer:
        error = expect(check(peer.name, "--ca", authority.cert, "--min-tls", "1.3"), 4, "tls", "alert")
        assert error["alert"] == "protocol_version"
    with old_server(site) as peer:
        expect(
            check(peer.name, "--ca", authority.cert, "--policy", "default", "--min-tls", "1.3"),
            4,
            "tls",
            "version_unsupported",
        )


# --- certificate ---


def test_5_when_the_authority_is_not_trusted(server):
    expect(check(server.name), 5, "certificate", "untrusted")


def test_5_when_the_certificate_signed_itself(serve, authority, tmp_path):
    site = self_signed(tmp_path)
    server = serve("--cert", site.cert, "--key", site.key)
    error = check(server.name, "--ca", authority.cert)
    assert error.code == 5
    assert error.json["error"]["code"] in ("self_signed", "untrusted")


def test_5_when_the_certificate_is_for_another_purpose(serve, authority):
    site = authority.issue("client-only", usage="clientAuth")
    server = serve("--cert", site.cert, "--key", site.key)
    expect(check(server.name, "--ca", authority.cert), 5, "certificate", "wrong_purpose")


def test_6_when_the_certificate_is_for_another_name(server, authority):
    error = expect(
        check(server.name, "--ca", authority.cert, "--servername", "example.org"), 6, "certificate", "name_mismatch"
    )
    assert "localhost" in error["message"]


def test_7_when_the_certificate_has_expired(serve, authority):
    site = authority.issue("expired", begins=-10, ends=-2)
    server = serve("--cert", site.cert, "--key", site.key)
    expect(check(server.name, "--ca", authority.cert), 7, "certificate", "expired")


def test_7_when_the_certificate_is_not_valid_yet(serve, authority):
    site = authority.issue("future", begins=2, ends=10)
    server = serve("--cert", site.cert, "--key", site.key)
    expect(check(server.name, "--ca", authority.cert), 7, "certificate", "not_yet_valid")


def test_8_when_the_stapled_response_says_revoked(serve, authority):
    site = authority.issue("revoked")
    server = serve("--cert", site.cert, "--key", site.key, "--ocsp", authority.ocsp_response(site, revoked=True))
    ran = check(server.name, "--ca", authority.cert)
    expect(ran, 8, "certificate", "revoked")
    assert ran.json["tls"]["ocsp"] == "revoked"


def test_8_when_the_stapled_response_is_for_another_certificate(authority, site):
    staple = authority.ocsp_response(authority.issue("other"))  # which our own server would not take
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    args = ["s_server", "-accept", f"127.0.0.1:{port}", "-cert", site.cert, "-key", site.key, "-status_file", staple]
    peer = Program(*args, env=environment(), stdin=subprocess.PIPE, program="openssl")
    try:
        while "ACCEPT" not in (peer.line() or "ACCEPT"):
            pass
        ran = check(f"localhost:{port}", "--ca", authority.cert)
        assert ran.code == 8 and ran.json["tls"]["ocsp"] in ("invalid", "unknown"), ran.json["error"]
    finally:
        peer.end()


# --- requirements ---


@pytest.mark.parametrize(
    "requirement",
    [
        ["--require-pq", "--policy", "20190801"],
        ["--require-tls13", "--max-tls", "1.2"],
        ["--require-alpn", "h2"],
        ["--require-ocsp"],
        ["--fail-under", "31d"],
        ["--fail-under", "1d", "--insecure"],
    ],
)
def test_9_when_a_requirement_is_not_met(requirement, server, authority):
    ran = check(server.name, "--ca", authority.cert, *requirement)
    error = expect(ran, 9, "requirement", "requirement_not_met")
    assert requirement[0] in error["message"]
    assert ran.json["tls"]["version"] is not None


# --- tokens ---


def test_10_when_the_module_is_not_there(site):
    uri = "pkcs11:token=test;object=site?module-name=no-such-module"
    error = expect(check("localhost:1", "--cert", site.cert, "--key", uri), 10, "pkcs11", "module_load_failed")
    assert "no-such-module" in error["message"]


def test_10_when_the_token_is_not_there(token):
    uri = token.uri.replace("token=test", "token=other")
    error = expect(
        check("localhost:1", "--cert", token.cert, "--key", uri, env=token.env), 10, "pkcs11", "token_not_found"
    )
    assert "token=test" in error["message"]  # what there is


def test_10_when_the_key_is_not_there(token):
    uri = token.uri.replace("object=site", "object=other")
    expect(
        check("localhost:1", "--cert", token.cert, "--key", uri, "--pin-file", token.pin, env=token.env),
        10,
        "pkcs11",
        "key_not_found",
    )


def test_10_when_there_is_no_pin(token):
    expect(check("localhost:1", "--cert", token.cert, "--key", token.uri, env=token.env), 10, "pkcs11", "pin_required")


def test_10_when_the_pin_is_wrong(token):
    env = dict(token.env, SLUICE_PIN="999999")
    expect(check("localhost:1", "--cert", token.cert, "--key", token.uri, env=env), 10, "pkcs11", "CKR_PIN_INCORRECT")


# --- configuration ---


def test_1_when_a_file_is_not_there(site):
    expect(check("localhost:1", "--ca", "no-such-file.pem"), 1, "config", "file_not_found")
    expect(check("localhost:1", "--cert", site.cert, "--key", "no-such-file.key"), 1, "config", "file_not_found")
    expect(check("localhost:1", "--ca-dir", "no-such-folder"), 1, "config", "file_not_found")


def test_1_when_a_file_cannot_be_read(tmp_path):
    expect(check("localhost:1", "--ca", tmp_path), 1, "config", "file_unreadable")
    expect(check("localhost:1", "--keylog", tmp_path), 1, "config", "file_unreadable")


def test_1_when_pem_is_broken(tmp_path, site):
    broken = tmp_path / "broken.pem"
    broken.write_text("-----BEGIN CERTIFICATE-----\nnot base64!\n-----END CERTIFICATE-----\n")
    error = expect(check("localhost:1", "--ca", broken), 1, "config", "bad_pem")
    assert "broken.pem" in error["message"]
    expect(check("localhost:1", "--cert", broken, "--key", site.key), 1, "config", "bad_pem")


def test_1_when_the_pem_holds_something_else(site, tmp_path):
    expect(check("localhost:1", "--cert", site.key, "--key", site.key), 1, "config", "no_certificate")
    expect(check("localhost:1", "--cert", site.cert), 1, "config", "no_private_key")
    expect(check("localhost:1", "--ca", site.key), 1, "config", "trust_store_empty")
    (tmp_path / "empty").mkdir()
    expect(check("localhost:1", "--ca-dir", tmp_path / "empty"), 1, "config", "trust_store_empty")


def test_1_when_key_and_certificate_do_not_match(site, authority, token):
    other = authority.issue("mismatch")
    expect(check("localhost:1", "--cert", site.cert, "--key", other.key), 1, "config", "key_mismatch")
    ran = check("localhost:1", "--cert", site.cert, "--key", token.uri, "--pin-file", token.pin, env=token.env)
    expect(ran, 1, "config", "key_mismatch")


def test_1_when_the_key_is_encrypted(site, tmp_path):
    locked = tmp_path / "locked.key"
    subprocess.run(
        ["openssl", "pkcs8", "-topk8", "-in", site.key, "-out", locked, "-passout", "pass:secret"],
        check=True,
        timeout=LIMIT,
    )
    expect(check("localhost:1", "--cert", site.cert, "--key", locked), 1, "config", "password_needed")


def test_1_when_the_key_is_of_a_type_s2n_cannot_use(authority):
    site = authority.issue("edwards", kind="ed25519")
    expect(check("localhost:1", "--cert", site.cert, "--key", site.key), 1, "config", "unsupported_key")


def test_1_when_the_policy_is_unknown():
    expect(check("localhost:1", "--policy", "no-such-policy"), 1, "config", "unknown_policy")


def test_1_when_policy_and_versions_contradict_each_other():
    expect(check("localhost:1", "--policy", "default", "--max-tls", "1.2"), 1, "config", "policy_conflict")
    expect(check("localhost:1", "--min-tls", "1.3", "--max-tls", "1.2"), 1, "config", "policy_conflict")


def test_1_when_alpn_names_are_wrong():
    expect(check("localhost:1", "--alpn", "h2,,http/1.1"), 1, "config", "bad_alpn")
    expect(check("localhost:1", "--alpn", "a,b,c,d,e"), 1, "config", "bad_alpn")


def test_1_when_a_uri_is_wrong(site):
    expect(check("localhost:1", "--cert", site.cert, "--key", "pkcs11:token=%zz"), 1, "config", "bad_uri")
    expect(
        check("localhost:1", "--cert", site.cert, "--key", "pkcs11:token=x;object=y"), 1, "config", "bad_uri"
    )  # no module


def test_1_when_the_name_is_none(server, authority):
    ran = check(server.name, "--ca", authority.cert, "--servername", "exämple.org")
    expect(ran, 1, "config", "bad_name")


def test_1_when_the_command_line_is_wrong():
    expect(check("localhost:1", "--timeout", "soon"), 1, "config", "usage")
    for address in ("localhost:99999", "localhost:443:5", "https://localhost", "[localhost]:443"):
        expect(check(address), 1, "config", "usage")


def test_1_when_the_port_is_taken(server):
    ran = run("serve", "--listen", server.address)
    assert ran.code == 1 and ran.out == b""
    assert ran.err.count("\n") == 1 and "another program listens there" in ran.err


# --- the rest ---


def test_70_when_the_answer_cannot_be_written(server, authority):
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [SLUICE, "check", server.name, "--ca", authority.cert],
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=LIMIT,
            env=environment(),
        )
    assert done.returncode == 70
    assert b"No space left on device" in done.stderr


def test_0_when_the_reader_has_had_enough(server, authority):
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [SLUICE, "check", server.name, "--ca", authority.cert],
        stdout=writer,
        stderr=subprocess.PIPE,
        timeout=LIMIT,
        env=environment(),
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("verb", ["check", "connect"])
def test_130_when_interrupted(verb, number):
    def interrupt(s):
        read_hello(s)
        program.process.send_signal(number)
        s.recv(1)

    with Peer(interrupt) as peer:
        program = Program(verb, peer.name, "--timeout", "100s", stdin=subprocess.PIPE)
        assert program.wait() == 130
        program.process.stdin.close()


def test_a_file_that_fails_while_it_is_read_is_named(tmp_path):
    """/proc/self/mem can be opened, and not read at its beginning."""
    run("ca", "init", tmp_path / "ca")
    done = run("ca", "sign", "/proc/self/mem", "--ca", tmp_path / "ca")
    assert done.code == 1 and "/proc/self/mem" in done.err and "filebuf" not in done.err
