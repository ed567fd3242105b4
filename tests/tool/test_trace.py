# SPDX-License-Identifier: Apache-2.0
"""`--trace` and `--client-hello`: what goes by in a handshake, at both ends."""

import json
import socket

import pytest

from kit import Peer, run
from schemas import load

TLS13 = [
    ("sent", "ClientHello", False),
    ("received", "ServerHello", False),
    ("received", "ChangeCipherSpec", False),
    ("received", "EncryptedExtensions", True),
    ("received", "Certificate", True),
    ("received", "CertificateVerify", True),
    ("received", "Finished", True),
    ("sent", "ChangeCipherSpec", False),
    ("sent", "Finished", True),
]
TLS12 = [
    ("sent", "ClientHello", False),
    ("received", "ServerHello", False),
    ("received", "Certificate", False),
    ("received", "ServerKeyExchange", False),
    ("received", "ServerHelloDone", False),
    ("sent", "ClientKeyExchange", False),
    ("sent", "ChangeCipherSpec", False),
    ("sent", "Finished", True),
    ("received", "NewSessionTicket", False),
    ("received", "ChangeCipherSpec", False),
    ("received", "Finished", True),
]


def events(text, name):
    found = [json.loads(line) for line in text.splitlines() if line.startswith('{"event"')]
    for one in found:
        definition = {"message": "message_event", "client_hello": "client_hello_event"}[one["event"]]
        validator = load("common")
        scoped = validator.evolve(schema={"$ref": f"common.json#/$defs/{definition}"})
        assert not list(scoped.iter_errors(one)), one
    return [one for one in found if one["event"] == name]


@pytest.mark.parametrize("version, expected", [("1.3", TLS13), ("1.2", TLS12)])
def test_every_message_of_a_handshake_is_shown(version, expected, server, authority):
    ran = run("check", server.name, "--ca", authority.cert, "--max-tls", version, "--trace", "--json")
    assert ran.code == 0 and ran.json["ok"] is True
    told = events(ran.err, "message")
    shown = [(one["direction"], one["name"], one["encrypted"]) for one in told]
    assert shown[: len(expected)] == expected
    assert ("sent", "Alert close_notify" if version == "1.3" else "Alert", True) in shown[len(expected) :]
    assert [one["at_ms"] for one in told] == sorted(one["at_ms"] for one in told)
    # ServerHello has 44 bytes at the least, a certificate hundreds.
    sizes = {one["name"]: one["size"] for one in told}
    assert sizes["ServerHello"] > 44 and sizes["Certificate"] > 300


def test_people_see_lines_with_arrows_on_stderr(server, authority):
    ran = run("check", server.name, "--ca", authority.cert, "--trace")
    assert ran.code == 0 and ran.text.startswith("✓ ")
    lines = ran.err.splitlines()
    assert lines[0].split()[2:4] == ["→", "ClientHello"] and lines[0].endswith(" bytes")
    certificate = next(line for line in lines if " Certificate " in line)
    assert " ← " in certificate and certificate.endswith("  encrypted")


def test_a_refused_chain_is_seen_to_come(server):
    ran = run("check", server.name, "--trace", "--json")
    assert ran.code == 5
    names = [one["name"] for one in events(ran.err, "message")]
    assert "Certificate" in names


def test_tickets_are_shown_where_they_are_read(server, authority):
    ran = run("connect", server.name, "--ca", authority.cert, "--trace", stdin=b"hello\n")
    assert (ran.code, ran.out) == (0, b"hello\n")
    assert "ClientHello" in ran.err and "Alert close_notify" in ran.err


def test_our_client_hello_is_taken_apart(server, authority):
    ran = run("check", server.name, "--ca", authority.cert, "--alpn", "h2,http/1.1", "--client-hello", "--json")
    (told,) = events(ran.err, "client_hello")
    hello = told["hello"]
    assert hello["server_name"] == "localhost" and hello["alpn"] == ["h2", "http/1.1"]
    assert {"code": "0x1301", "name": "TLS_AES_128_GCM_SHA256"} in hello["cipher_suites"]
    assert [one["name"] for one in hello["versions"]] == ["TLSv1.3", "TLSv1.2"]
    assert "X25519MLKEM768" in [one["name"] for one in hello["groups"]]
    assert hello["key_shares"][0]["name"] in [one["name"] for one in hello["groups"]]
    assert "ecdsa_secp256r1_sha256" in [one["name"] for one in hello["signature_schemes"]]
    extensions = {one["name"]: one for one in hello["extensions"]}
    assert "unknown" not in extensions
    assert extensions["server_name"]["hex"].endswith(b"localhost".hex())
    assert hello["version"] == {"code": "0x0303", "name": "TLSv1.2"} and len(hello["random"]) == 64

    ran = run("check", server.name, "--ca", authority.cert, "--client-hello")
    assert ran.err.startswith("ClientHello\n") and "\n  SNI             localhost\n" in ran.err
    assert "0x1301 TLS_AES_128_GCM_SHA256" in ran.err and "0x002b supported_versions" in ran.err


def test_serve_shows_the_clients(serve, site, authority):
    server = serve("--cert", site.cert, "--key", site.key, "--client-hello", "--trace")
    assert run("check", server.name, "--ca", authority.cert, "--alpn", "h2").code == 0
    hello, names = None, []
    while (line := json.loads(server.line()))["event"] != "handshake":
        if line["event"] == "client_hello":
            hello = line["hello"]
            assert line["connection"] == 1
        else:
            names.append((line["direction"], line["name"]))
    assert hello["server_name"] == "localhost" and hello["alpn"] == ["h2"]
    assert names[0] == ("received", "ClientHello") and ("sent", "Certificate") in names

    # A client that breaks the rules cannot break the screen.
    with socket.create_connection(("127.0.0.1", server.port)) as s:
        s.sendall(bytes.fromhex("1603010009" + "01000005" + "0303000000"))
        while (line := json.loads(server.line()))["event"] != "client_hello":
            assert line["event"] in ("message", "handshake")
    assert line["hello"] is None


def test_a_peer_that_is_not_tls_leaves_nothing_to_show(authority):
    with Peer(lambda s: (s.recv(1), s.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"))) as peer:
        ran = run("check", peer.name, "--ca", authority.cert, "--trace", "--json")
    assert ran.code == 4
    assert [one["name"] for one in events(ran.err, "message")][:1] == ["ClientHello"]
