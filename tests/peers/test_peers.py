# SPDX-License-Identifier: Apache-2.0
"""Sluice and implementations of TLS that share no code with it, in both directions."""

import pytest

from kit import run
from peer import WORDS, Ask, Offer

# What they say when they refuse. Between versions of one implementation, too, the words differ.
NO_CERTIFICATE = {
    "1.2": {"handshake_failure", "bad_certificate", "decode_error"},
    "1.3": {"certificate_required", "bad_certificate"},
}
STRANGER = {"unknown_ca", "bad_certificate", "access_denied"}


def connect_options(version):
    """TLS 1.2 has no half-close: `connect` gives the peer this long to say more once stdin has ended."""
    return ["--timeout", "2s"] if version == "1.2" else []


def test_their_client_meets_our_server(peer, version, our_key, serve, authority):
    server = serve(*our_key.args, "--alpn", "http/1.1", env=our_key.env)
    outcome = peer.client(Ask(server.port, version, authority.cert, alpn="http/1.1"))
    assert outcome.ok, outcome.text
    event = server.event("handshake")
    assert event["ok"] is True and event["client_subject"] is None
    assert (event["tls"]["version"], event["tls"]["alpn"]) == (f"TLSv{version}", "http/1.1")
    assert (event["sign_ms"] > 0) == our_key.in_token


def test_our_client_meets_their_server(peer, version, key, authority):
    with peer.server(Offer(key, version, alpn="http/1.1")) as port:
        ran = run("check", f"localhost:{port}", "--ca", authority.cert, "--alpn", "h2,http/1.1", "--json")
        assert ran.code == 0, ran.json["error"]
        tls = ran.json["tls"]
        assert (tls["version"], tls["alpn"], tls["client_certificate"]) == (f"TLSv{version}", "http/1.1", False)
        talked = run("connect", f"localhost:{port}", "--ca", authority.cert, *connect_options(version), stdin=WORDS)
        assert (talked.code, talked.out) == (0, peer.echo_of(WORDS)), talked.err


def test_their_client_shows_our_server_a_certificate(peer, version, key, serve, identities, authority):
    server = serve(*identities["p256"].args, "--client-auth", "required", "--ca", authority.cert)
    outcome = peer.client(Ask(server.port, version, authority.cert, site=key))
    assert outcome.ok, outcome.text
    event = server.event("handshake")
    assert event["ok"] is True and event["client_subject"].startswith("CN=site-"), event["error"]


def test_our_client_shows_their_server_a_certificate(peer, version, our_key, identities, authority):
    with peer.server(Offer(identities["p256"], version, ca=authority.cert)) as port:
        ran = run("check", f"localhost:{port}", "--ca", authority.cert, *our_key.args, "--json", env=our_key.env)
        assert ran.code == 0, ran.json["error"]
        assert ran.json["tls"]["client_certificate"] is True
        assert (ran.json["timing_ms"]["sign"] > 0) == our_key.in_token
        if version == "1.3":
            ran = run(
                "connect", f"localhost:{port}", "--ca", authority.cert, *our_key.args, stdin=WORDS, env=our_key.env
            )
            assert (ran.code, ran.out) == (0, peer.echo_of(WORDS)), ran.err


@pytest.mark.parametrize("wrong", ["name", "authority"])
def test_our_client_refuses(wrong, peer, version, identities, authority, strangers):
    with peer.server(Offer(identities["p256"], version)) as port:
        if wrong == "name":
            ran = run("check", f"localhost:{port}", "--ca", authority.cert, "--servername", "example.org", "--json")
            expected = (6, "certificate", "name_mismatch")
        else:
            ran = run("check", f"localhost:{port}", "--ca", strangers.cert, "--json")
            expected = (5, "certificate", "untrusted")
        error = ran.json["error"]
        assert (ran.code, error["category"], error["code"]) == expected, error
        # One who is refused does no harm to the next.
        assert run("check", f"localhost:{port}", "--ca", authority.cert).code == 0


@pytest.mark.parametrize("wrong", ["name", "authority"])
def test_their_client_refuses(wrong, peer, version, serve, identities, authority, strangers):
    server = serve(*identities["p256"].args)
    name, ca = ("example.org", authority.cert) if wrong == "name" else ("localhost", strangers.cert)
    assert not peer.client(Ask(server.port, version, ca, name=name)).ok
    event = server.event("handshake")
    error = event["error"]
    assert (event["ok"], error["category"], error["code"], error["origin"]) == (False, "tls", "alert", "peer"), error
    assert error["alert"] in STRANGER
    assert peer.client(Ask(server.port, version, authority.cert)).ok


def test_our_server_refuses_who_shows_nothing(peer, version, serve, identities, authority):
    server = serve(*identities["p256"].args, "--client-auth", "required", "--ca", authority.cert)
    assert not peer.client(Ask(server.port, version, authority.cert)).ok
    error = server.event("handshake")["error"]
    assert (error["category"], error["code"]) == ("certificate", "missing"), error


def test_our_server_refuses_a_stranger(peer, version, serve, identities, authority, strangers):
    stranger = strangers.issue(f"stranger-{peer.name}-{version}", usage="clientAuth")
    server = serve(*identities["p256"].args, "--client-auth", "required", "--ca", authority.cert)
    assert not peer.client(Ask(server.port, version, authority.cert, site=stranger)).ok
    error = server.event("handshake")["error"]
    assert (error["category"], error["code"]) == ("certificate", "untrusted"), error


def test_their_server_refuses_who_shows_nothing(peer, version, identities, authority):
    with peer.server(Offer(identities["p256"], version, ca=authority.cert)) as port:
        ran = run("check", f"localhost:{port}", "--ca", authority.cert, "--json")
    error = ran.json["error"]
    assert (ran.code, error["category"], error["code"], error["origin"]) == (4, "tls", "alert", "peer"), error
    assert error["alert"] in NO_CERTIFICATE[version]


def test_their_server_refuses_a_stranger(peer, version, identities, authority, strangers):
    stranger = strangers.issue(f"us-{peer.name}-{version}", usage="clientAuth")
    with peer.server(Offer(identities["p256"], version, ca=authority.cert)) as port:
        ran = run(
            "check",
            f"localhost:{port}",
            "--ca",
            authority.cert,
            "--cert",
            stranger.cert,
            "--key",
            stranger.key,
            "--json",
        )
    error = ran.json["error"]
    assert (ran.code, error["category"], error["code"], error["origin"]) == (4, "tls", "alert", "peer"), error
    assert error["alert"] in STRANGER
