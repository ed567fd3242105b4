# SPDX-License-Identifier: Apache-2.0
"""`check`: one handshake, one verdict, and JSON that never lacks a key."""

import re
import ssl

import pytest

from kit import Peer, run

TOP = ["schema", "ok", "peer", "tls", "certificates", "timing_ms", "error"]
PEER = ["address", "server_name"]
TLS = [
    "version",
    "cipher",
    "group",
    "signature",
    "alpn",
    "resumed",
    "early_data",
    "policy",
    "client_certificate",
    "ocsp",
]
CERTIFICATE = ["subject", "issuer", "serial", "not_before", "not_after", "names", "key", "sha256"]
TIMING = ["resolve", "connect", "handshake", "sign", "total"]
ERROR = ["category", "code", "message", "alert", "origin"]


def keys_are_exact(report):
    assert list(report) == TOP
    assert list(report["peer"]) == PEER
    assert list(report["tls"]) == TLS
    assert list(report["timing_ms"]) == TIMING
    for one in report["certificates"] or []:
        assert list(one) == CERTIFICATE
    if report["error"] is not None:
        assert list(report["error"]) == ERROR
    return True


def test_a_good_server_in_json(server, authority):
    ran = run("check", server.name, "--ca", authority.cert, "--json")
    assert ran.code == 0 and ran.err == ""
    assert ran.out.count(b"\n") == 1
    report = ran.json
    assert keys_are_exact(report)
    assert report["schema"] == 1 and report["ok"] is True and report["error"] is None
    assert report["peer"] == {"address": server.address, "server_name": "localhost"}
    tls = report["tls"]
    assert (tls["version"], tls["cipher"], tls["group"]) == ("TLSv1.3", "TLS_AES_128_GCM_SHA256", "X25519MLKEM768")
    assert tls["signature"].startswith("ecdsa")
    assert (tls["alpn"], tls["resumed"], tls["client_certificate"], tls["ocsp"]) == (None, False, False, "none")
    leaf, root = report["certificates"]
    assert leaf["subject"] == "CN=site" and leaf["issuer"] == root["subject"] == "CN=Test Root"
    assert leaf["names"] == ["localhost", "127.0.0.1"]
    assert re.fullmatch(r"[0-9a-f]{64}", leaf["sha256"])
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", leaf["not_after"])
    assert all(isinstance(ms, float) and ms >= 0 for ms in report["timing_ms"].values())
    assert report["timing_ms"]["total"] >= report["timing_ms"]["handshake"] > 0


@pytest.mark.parametrize(
    "args",
    [
        ["127.0.0.1:1"],  # refused
        ["localhost:99999"],  # usage
        ["localhost:1", "--ca", "no-such-file"],  # config
        ["no-such-name.invalid"],  # resolve
    ],
)
def test_a_failure_in_json_has_every_key_too(args):
    report = run("check", *args, "--json").json
    assert keys_are_exact(report)
    assert report["ok"] is False and report["certificates"] is None
    assert report["tls"]["version"] is None and report["tls"]["resumed"] is False
    assert report["error"]["origin"] in ("local", "peer")


def test_a_chain_that_is_not_trusted_is_reported_as_it_was_sent(server):
    report = run("check", server.name, "--json").json
    assert keys_are_exact(report)
    assert [one["subject"] for one in report["certificates"]] == ["CN=site"]
    assert report["error"]["code"] == "untrusted"
    assert report["peer"]["address"] == server.address


def test_a_good_server_for_people(server, authority):
    ran = run("check", server.name, "--ca", authority.cert)
    assert ran.code == 0 and ran.err == ""
    verdict, *facts = ran.text.splitlines()
    assert verdict == f"✓ {server.name} is trusted: its certificate is valid for another 29 days"
    facts = "\n".join(facts)
    for fact in [
        rf"address +{re.escape(server.address)}",
        r"version +TLSv1\.3",
        r"cipher +TLS_AES_128_GCM_SHA256",
        r"group +X25519MLKEM768 \(post-quantum hybrid\)",
        r"signature +ecdsa",
        r"ALPN +none",
        r"SNI +localhost",
        r"resumption +a ticket, good for 15 hours",
        r"client certificate +not asked for",
        r"chain$",
        r"  CN=site, for localhost, 127\.0\.0\.1$",
        r"  │ ECDSA P-256, .*, 29 days left$",
        r"  └─ CN=Test Root, trusted here$",
        r"time$",
        r"  total +[\d.]+ m?s$",
    ]:
        assert re.search(rf"^  {fact}", facts, re.M), fact


def test_the_verdict_on_a_bad_server_says_what_why_and_what_next(server, authority):
    verdict = run("check", server.name, "--ca", authority.cert, "--servername", "example.org").text.splitlines()[0]
    assert verdict.startswith(f"✗ {server.name} is not trusted: ")
    assert (
        "the certificate is for another name: it is for localhost, 127.0.0.1; connect by a name it carries" in verdict
    )


def test_a_certificate_that_ends_soon_is_good_and_noted(serve, authority):
    site = authority.issue("soon", ends=5)
    server = serve("--cert", site.cert, "--key", site.key)
    ran = run("check", server.name, "--ca", authority.cert)
    assert ran.code == 0
    assert ran.text.splitlines()[0].endswith("is valid for another 4 days; renew it soon")


def test_unverified_is_said_in_both_streams(server):
    ran = run("check", server.name, "--insecure")
    assert ran.code == 0
    assert "its certificate was not verified" in ran.text.splitlines()[0]
    assert ran.err == (
        "sluice: certificate verification is OFF for this context (X.509 validation disabled); outside tests this is "
        "a vulnerability\n"
    )


def test_requirements_that_are_met(serve, site, authority):
    server = serve(
        "--cert", site.cert, "--key", site.key, "--alpn", "h2,http/1.1", "--ocsp", authority.ocsp_response(site)
    )
    ran = run(
        "check",
        server.name,
        "--ca",
        authority.cert,
        "--require-tls13",
        "--require-pq",
        "--require-alpn",
        "h2",
        "--require-ocsp",
        "--fail-under",
        "28d",
        "--json",
    )
    assert ran.code == 0, ran.json["error"]
    assert ran.json["tls"]["alpn"] == "h2" and ran.json["tls"]["ocsp"] == "good"


def test_versions_policy_and_alpn_are_as_asked(serve, site, authority):
    server = serve("--cert", site.cert, "--key", site.key, "--alpn", "http/1.1")
    report = run(
        "check", server.name, "--ca", authority.cert, "--max-tls", "1.2", "--alpn", "h2,http/1.1", "--json"
    ).json
    assert (report["tls"]["version"], report["tls"]["alpn"]) == ("TLSv1.2", "http/1.1")
    report = run("check", server.name, "--ca", authority.cert, "--policy", "20190801", "--json").json
    assert report["tls"]["policy"] == "20190801" and "MLKEM" not in report["tls"]["group"]


def test_an_address_needs_no_name(server, authority):
    report = run("check", server.address, "--ca", authority.cert, "--json").json
    assert report["ok"] is True and report["peer"]["server_name"] == "127.0.0.1"
    event = server.event("handshake")
    assert event["ok"] is True


def test_trust_from_a_folder(server, authority, tmp_path):
    (tmp_path / "root.pem").write_bytes(authority.cert.read_bytes())
    assert run("check", server.name, "--ca-dir", tmp_path).code == 0


def test_trust_from_the_environment(server, authority, token):
    env = dict(token.env, SSL_CERT_FILE=str(authority.cert))
    assert run("check", server.name, env=env).code == 0


def test_a_client_certificate_is_sent(serve, site, authority):
    server = serve("--cert", site.cert, "--key", site.key, "--client-auth", "required", "--ca", authority.cert)
    me = authority.issue("me", names="", usage="clientAuth")
    for version in "1.2", "1.3":
        report = run(
            "check",
            server.name,
            "--ca",
            authority.cert,
            "--cert",
            me.cert,
            "--key",
            me.key,
            "--max-tls",
            version,
            "--min-tls",
            version,
            "--json",
        ).json
        assert report["ok"] is True and report["tls"]["client_certificate"] is True
        assert server.event("handshake")["client_subject"] == "CN=me"


@pytest.mark.parametrize("way", ["--pin-file", "SLUICE_PIN", "pin-source", "--module"])
def test_a_client_certificate_with_its_key_in_a_token(way, serve, site, authority, token):
    server = serve("--cert", site.cert, "--key", site.key, "--client-auth", "required", "--ca", authority.cert)
    uri, env, more = token.uri, token.env, ["--pin-file", token.pin]
    if way == "SLUICE_PIN":
        env, more = dict(env, SLUICE_PIN="123456"), []
    if way == "pin-source":
        uri, more = f"{uri}&pin-source=file:{token.pin}", []
        env = dict(env, SLUICE_PIN="999999")  # the URI comes first
    if way == "--module":
        uri, more = uri.split("?")[0], [*more, "--module", "softhsm2"]
    ran = run(
        "check", server.name, "--ca", authority.cert, "--cert", token.cert, "--key", uri, *more, "--json", env=env
    )
    assert ran.code == 0, ran.json["error"]
    assert ran.json["timing_ms"]["sign"] > 0
    assert server.event("handshake")["client_subject"] == "CN=token-site"


def test_mutual_tls_1_3_with_the_protocol_of_mqtt_on_443(site, authority):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(site.cert, site.key)
    context.load_verify_locations(authority.cert)
    context.verify_mode = ssl.CERT_REQUIRED
    context.set_alpn_protocols(["x-amzn-mqtt-ca"])
    seen = []

    def behave(s):
        tls = context.wrap_socket(s, server_side=True)
        seen.append((tls.version(), tls.selected_alpn_protocol(), tls.getpeercert()["subject"]))
        tls.recv(1)

    me = authority.issue("device", names="", usage="clientAuth")
    shown = ["--cert", me.cert, "--key", me.key, "--min-tls", "1.3", "--alpn", "x-amzn-mqtt-ca"]
    with Peer(behave) as peer:
        ran = run("check", peer.name, "--ca", authority.cert, *shown, "--json")
    assert ran.code == 0, ran.json["error"]
    tls = ran.json["tls"]
    assert (tls["version"], tls["alpn"], tls["client_certificate"]) == ("TLSv1.3", "x-amzn-mqtt-ca", True)
    assert seen == [("TLSv1.3", "x-amzn-mqtt-ca", ((("commonName", "device"),),))]


def test_a_certificate_that_is_missed_after_the_handshake_is_a_failure(site, authority):
    # In TLS 1.3 the client is done first; the server's refusal comes as an alert.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(site.cert, site.key)
    context.load_verify_locations(authority.cert)
    context.verify_mode = ssl.CERT_REQUIRED

    def behave(s):
        try:
            context.wrap_socket(s, server_side=True)
        except ssl.SSLError:
            s.recv(4096)

    with Peer(behave) as peer:
        ran = run("check", peer.name, "--ca", authority.cert, "--json")
    assert ran.code == 4, ran.err
    assert ran.json["error"]["code"] == "alert" and ran.json["error"]["alert"] == "certificate_required"


@pytest.mark.parametrize("way", ["--keylog", "SSLKEYLOGFILE"])
def test_the_key_log_is_for_its_owner_only(way, server, authority, tmp_path, token):
    path = tmp_path / "keys"
    env = dict(token.env)
    args = ["--keylog", path] if way == "--keylog" else []
    if not args:
        env["SSLKEYLOGFILE"] = str(path)
    assert run("check", server.name, "--ca", authority.cert, *args, env=env).code == 0
    assert re.search(r"^CLIENT_TRAFFIC_SECRET_0 [0-9a-f]{64} [0-9a-f]{64}$", path.read_text(), re.M)
    assert path.stat().st_mode & 0o777 == 0o600


def test_stdin_is_left_alone(server, authority):
    assert run("check", server.name, "--ca", authority.cert, stdin=b"Q\n").code == 0
