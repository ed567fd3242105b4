# SPDX-License-Identifier: Apache-2.0
"""Sluice and implementations of TLS that are not its own, in both directions."""

import json
import pathlib
import subprocess

import pytest

from cells import shows
from kit import LIMIT, SLUICE, environment, run
from peer import WORDS, Ask, Offer

KEYS = ["p256", "rsa2048"]
OUR_KEYS = KEYS + ["p256-token", "rsa2048-token"]
RESUMER = pathlib.Path(SLUICE).parent / "tests" / "peer_resumer"

# What they say when they refuse. Between versions of one implementation, too, the words differ.
NO_CERTIFICATE = {
    "1.2": {"handshake_failure", "bad_certificate", "decode_error", "certificate_required"},
    "1.3": {"certificate_required", "bad_certificate"},
}
STRANGER = {"unknown_ca", "bad_certificate", "access_denied", "certificate_unknown"}


def connect_options(version):
    """TLS 1.2 has no half-close: `connect` gives the peer this long to say more once stdin has ended."""
    return ["--timeout", "2s"] if version == "1.2" else []


@shows("client", "{key}", OUR_KEYS)
def test_their_client_meets_our_server(peer, version, key, serve_peer, authority):
    server = serve_peer(*key.args, env=key.env)
    outcome = peer.client(Ask(server.port, version, authority.cert))
    assert outcome.ok, outcome.text
    event = server.event("handshake")
    assert event["ok"] is True and event["client_subject"] is None
    assert event["tls"]["version"] == f"TLSv{version}"
    assert (event["sign_ms"] > 0) == key.in_token


@shows("server", "{key}", KEYS)
def test_our_client_meets_their_server(peer, version, key, authority):
    with peer.server(Offer(key, version)) as port:
        ran = run("check", f"localhost:{port}", "--ca", authority.cert, "--json")
        assert ran.code == 0, ran.json["error"]
        tls = ran.json["tls"]
        assert (tls["version"], tls["alpn"], tls["client_certificate"]) == (f"TLSv{version}", None, False)
        talked = run("connect", f"localhost:{port}", "--ca", authority.cert, *connect_options(version), stdin=WORDS)
        assert (talked.code, talked.out) == (0, peer.echo_of(WORDS)), talked.err


@shows("client", "ALPN")
def test_their_client_agrees_on_a_protocol(peer, version, serve_peer, identities, authority):
    names = "http/1.1" if peer.speaks_http else "h2,http/1.1"  # our server promises no HTTP/2 where it serves HTTP
    server = serve_peer(*identities["p256"].args, "--alpn", names)
    outcome = peer.client(Ask(server.port, version, authority.cert, alpn="http/1.1"))
    assert outcome.ok, outcome.text
    assert server.event("handshake")["tls"]["alpn"] == "http/1.1"


@shows("server", "ALPN")
def test_our_client_agrees_on_a_protocol(peer, version, identities, authority):
    with peer.server(Offer(identities["p256"], version, alpn="http/1.1")) as port:
        ran = run("check", f"localhost:{port}", "--ca", authority.cert, "--alpn", "h2,http/1.1", "--json")
    assert (ran.code, ran.json["tls"]["alpn"]) == (0, "http/1.1"), ran.json["error"]


@shows("client", "resumption")
def test_their_client_resumes(peer, version, serve_peer, identities, authority):
    key = identities["p256-token"]
    server = serve_peer(*key.args, env=key.env)
    outcome = peer.client(Ask(server.port, version, authority.cert, resumes=True))
    assert outcome.ok, outcome.text
    seen = []
    for event in (server.event("handshake"), server.event("handshake")):
        assert event["ok"] is True and event["tls"]["version"] == f"TLSv{version}", event["error"]
        seen.append((event["tls"]["resumed"], event["sign_ms"] > 0))
    assert seen == [(False, True), (True, False)]


@shows("server", "resumption")
def test_our_client_resumes(peer, version, identities, authority):
    visits = ["full"] + ["resumed"] * (3 if peer.renews_tickets else 1)
    with peer.server(Offer(identities["p256"], version)) as port:
        done = subprocess.run(
            [RESUMER, str(port), authority.cert, str(len(visits))],
            capture_output=True,
            timeout=LIMIT,
            env=environment(),
        )
    lines = [f"TLSv{version} {how} ".encode() + peer.echo_of(WORDS) for how in visits]
    assert (done.returncode, done.stdout) == (0, b"".join(lines)), done.stderr


@shows("client", "mTLS, {key}", KEYS)
def test_their_client_shows_our_server_a_certificate(peer, version, key, serve_peer, identities, authority):
    server = serve_peer(*identities["p256"].args, "--client-auth", "required", "--ca", authority.cert)
    outcome = peer.client(Ask(server.port, version, authority.cert, site=key))
    assert outcome.ok, outcome.text
    event = server.event("handshake")
    assert event["ok"] is True and event["client_subject"].startswith("CN=site-"), event["error"]


@shows("server", "mTLS, {key}", OUR_KEYS)
def test_our_client_shows_their_server_a_certificate(peer, version, key, identities, authority):
    with peer.server(Offer(identities["p256"], version, ca=authority.cert)) as port:
        ours = [f"localhost:{port}", "--ca", authority.cert, *key.args]
        ran = run("check", *ours, "--json", env=key.env)
        assert ran.code == 0, ran.json["error"]
        assert ran.json["tls"]["client_certificate"] is True
        assert (ran.json["timing_ms"]["sign"] > 0) == key.in_token
        if version == "1.3":
            ran = run("connect", *ours, stdin=WORDS, env=key.env)
            assert (ran.code, ran.out) == (0, peer.echo_of(WORDS)), ran.err


@shows("server", "refused by us")
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


@shows("client", "refuses us")
@pytest.mark.parametrize("wrong", ["name", "authority"])
def test_their_client_refuses(wrong, peer, version, serve_peer, identities, authority, strangers):
    server = serve_peer(*identities["p256"].args)
    name, ca = ("example.org", authority.cert) if wrong == "name" else ("localhost", strangers.cert)
    assert not peer.client(Ask(server.port, version, ca, name=name)).ok
    event = server.event("handshake")
    error = event["error"]
    if wrong in peer.late:
        assert event["ok"] is True or (error["code"], error["origin"]) == ("closed", "peer"), error
    else:
        assert (event["ok"], error["code"], error["origin"]) == (False, "alert", "peer"), error
        assert error["alert"] in STRANGER
    assert peer.client(Ask(server.port, version, authority.cert)).ok


@shows("client", "refused by us")
def test_our_server_refuses_a_client_without_a_certificate(peer, version, serve_peer, identities, authority):
    server = serve_peer(*identities["p256"].args, "--client-auth", "required", "--ca", authority.cert)
    assert not peer.client(Ask(server.port, version, authority.cert)).ok
    error = server.event("handshake")["error"]
    assert (error["category"], error["code"]) == ("certificate", "missing"), error


@shows("client", "refused by us")
def test_our_server_refuses_a_stranger(peer, version, serve_peer, identities, authority, strangers):
    stranger = strangers.issue(f"stranger-{peer.name}-{version}", usage="clientAuth")
    server = serve_peer(*identities["p256"].args, "--client-auth", "required", "--ca", authority.cert)
    assert not peer.client(Ask(server.port, version, authority.cert, site=stranger)).ok
    error = server.event("handshake")["error"]
    assert (error["category"], error["code"]) == ("certificate", "untrusted"), error


def refusal_of(port, *options):
    """What their server says of us. In TLS 1.3 that may come when our handshake is over, so something is to be read."""
    ran = run("connect", f"localhost:{port}", *options, "--json", stdin=WORDS)
    assert (ran.code, ran.out) == (4, b""), ran.err
    return json.loads(ran.err)["error"]


@shows("server", "refuses without")
def test_their_server_refuses_a_client_without_a_certificate(peer, version, identities, authority):
    with peer.server(Offer(identities["p256"], version, ca=authority.cert)) as port:
        error = refusal_of(port, "--ca", authority.cert)
    assert (error["category"], error["code"], error["origin"]) == ("tls", "alert", "peer"), error
    assert error["alert"] in NO_CERTIFICATE[version]


@shows("server", "refuses a stranger")
def test_their_server_refuses_a_stranger(peer, version, identities, authority, strangers):
    stranger = strangers.issue(f"us-{peer.name}-{version}", usage="clientAuth")
    with peer.server(Offer(identities["p256"], version, ca=authority.cert)) as port:
        error = refusal_of(port, "--ca", authority.cert, "--cert", stranger.cert, "--key", stranger.key)
    if "stranger" in peer.late:
        assert error["code"] in {"closed", "truncated", "reset"}, error
    else:
        assert (error["category"], error["code"], error["origin"]) == ("tls", "alert", "peer"), error
        assert error["alert"] in STRANGER
