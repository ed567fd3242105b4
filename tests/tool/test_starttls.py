# SPDX-License-Identifier: Apache-2.0
"""`--starttls`: servers that begin in the clear, and those that will not turn to TLS."""

import pytest

from kit import Peer, run
from plain_servers import imap, ldap, ldap_response, postgres, smtp

PROTOCOLS = {"smtp": smtp, "imap": imap, "postgres": postgres, "ldap": ldap}


def check(peer, protocol, authority, *more):
    return run("check", peer.name, "--starttls", protocol, "--ca", authority.cert, *more)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_check_and_connect_begin_in_the_clear(protocol, site, authority):
    with Peer(PROTOCOLS[protocol](site)) as peer:
        ran = check(peer, protocol, authority, "--json")
    assert (ran.code, peer.trouble) == (0, None), ran.text
    assert ran.json["tls"]["version"] == "TLSv1.3" and ran.json["ok"] is True
    assert ran.json["via"]["starttls"] == protocol and ran.json["via"]["proxy"] is None
    assert ran.json["via"]["prelude_ms"] > 0
    assert ran.json["peer"]["address"] == f"127.0.0.1:{peer.port}"

    sent = b"\x00binary\xff" * 10_000
    with Peer(PROTOCOLS[protocol](site)) as peer:
        ran = run("connect", peer.name, "--starttls", protocol, "--ca", authority.cert, stdin=sent)
    assert (ran.code, ran.out, ran.err) == (0, sent, "")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_byte_behind_the_go_ahead_is_an_injection(protocol, site, authority):
    with Peer(PROTOCOLS[protocol](site, extra=b"250 injected\r\n")) as peer:
        ran = check(peer, protocol, authority, "--json")
    assert (ran.code, ran.json["error"]["code"], ran.json["error"]["origin"]) == (4, "protocol_error", "local")
    assert 'it sent plaintext after the agreement to begin TLS: "250 injected..' in ran.json["error"]["message"]


@pytest.mark.parametrize(
    "protocol, server, words",
    [
        ("smtp", {"offer": ("PIPELINING",)}, "it does not offer STARTTLS"),
        ("smtp", {"answer": "454 TLS not available"}, 'it refuses STARTTLS: it answers "454 TLS not available"'),
        ("smtp", {"banner": "554-no\r\n554 go away"}, 'it does not accept mail: it answers "554 go away"'),
        ("smtp", {"banner": "SSH-2.0-OpenSSH"}, 'it does not speak SMTP: it answers "SSH-2.0-OpenSSH"'),
        ("smtp", {"banner": "220-one\r\n250 two"}, "it does not speak SMTP"),
        ("imap", {"capability": "* CAPABILITY IMAP4rev1 NOSTARTTLS"}, "it does not offer STARTTLS"),
        ("imap", {"answer": "NO not today"}, 'it refuses STARTTLS: it answers "NO not today"'),
        ("imap", {"greeting": "* PREAUTH you are in"}, 'before TLS: it answers "* PREAUTH you are in"'),
        ("imap", {"greeting": "220 mail"}, "it does not greet as IMAP does"),
        ("postgres", {"answer": b"N"}, "it has no TLS: it answers N to SSLRequest"),
        ("postgres", {"answer": b"E"}, "it answers SSLRequest with an error"),
        ("postgres", {"answer": b"H"}, 'it does not speak PostgreSQL: it answers SSLRequest with "H"'),
        ("ldap", {"answer": ldap_response(2, b"unsupported")}, 'it refuses StartTLS: result code 2, "unsupported"'),
        ("ldap", {"answer": ldap_response(52, number=0)}, "it refuses StartTLS: result code 52;"),
        ("ldap", {"answer": b"220 hello there\r\n"}, "it does not speak LDAP"),
        ("ldap", {"answer": b"\x30\x04\x02\x01\x01\x05"}, "it does not answer as LDAP does"),
        ("ldap", {"answer": b"\x30\x84\x7f\xff\xff\xff"}, "it does not speak LDAP"),
    ],
)
def test_a_server_that_refuses_starttls_is_quoted(protocol, server, words, site, authority):
    with Peer(PROTOCOLS[protocol](site, **server)) as peer:
        ran = check(peer, protocol, authority)
    assert ran.code == 4
    line = ran.text.splitlines()[0]
    assert line.startswith(f"✗ {peer.name} did not complete the handshake: ") and words in line


def test_ber_of_any_length_is_understood(site, authority):
    with Peer(ldap(site, answer=ldap_response(long=True))) as peer:
        assert check(peer, "ldap", authority).code == 0


def test_smtp_says_hello_with_its_address(site, authority):
    heard = []
    with Peer(smtp(site, heard=heard)) as peer:
        assert check(peer, "smtp", authority).code == 0
    assert heard == ["EHLO [127.0.0.1]"]


def test_a_server_that_hangs_up_or_is_silent(site, authority):
    with Peer(lambda s: s.sendall(b"220 hello\r\n")) as peer:
        ran = check(peer, "smtp", authority, "--json")
    assert (ran.code, ran.json["error"]["category"]) == (4, "tls")
    assert ran.json["error"]["code"] in ("closed", "reset")

    with Peer(lambda s: s.recv(1)) as peer:
        ran = check(peer, "smtp", authority, "--json", "--timeout", "300ms")
    assert (ran.code, ran.json["error"]["category"], ran.json["error"]["code"]) == (11, "tls", "timed_out")


def test_a_line_without_an_end_is_not_read_for_ever(authority):
    def pour(s):
        while True:
            s.sendall(b"a" * 4096)

    with Peer(pour) as peer:
        ran = check(peer, "smtp", authority)
    assert ran.code == 4 and "it sends a line without an end" in ran.text


def test_certificates_are_judged_as_ever(site):
    with Peer(smtp(site)) as peer:
        ran = run("check", peer.name, "--starttls", "smtp", "--json")
    assert (ran.code, ran.json["error"]["code"]) == (5, "untrusted")


def test_an_unknown_protocol():
    ran = run("check", "localhost", "--starttls", "gopher")
    assert (ran.code, ran.out) == (1, b"")
    assert ran.err == (
        'sluice: --starttls: used wrongly: "gopher" is not a protocol it knows; write smtp, imap, postgres or ldap\n'
    )


@pytest.mark.parametrize("protocol, port", [("smtp", 25), ("imap", 143), ("postgres", 5432), ("ldap", 389)])
def test_the_port_is_the_protocols_unless_given(protocol, port):
    # Nothing of this machine's is asked: names under .invalid do not exist (RFC 6761).
    ran = run("check", "host.invalid", "--starttls", protocol, "--timeout", "20s")
    assert ran.code in (2, 11) and f"host.invalid:{port} " in ran.text
