# SPDX-License-Identifier: Apache-2.0
"""`serve` with several certificates, chosen by the name a client asks for; and its tickets."""

import pytest

from kit import run

NAMES = "DNS:localhost,IP:127.0.0.1"


def leaf_of(server, authority, name, *more):
    ran = run("check", server.name, "--ca", authority.cert, "--servername", name, "--json", *more)
    assert ran.code == 0, ran.err
    server.event("handshake")
    return ran.json["certificates"][0]["subject"]


@pytest.fixture(scope="module")
def two(authority):
    return authority.issue("alpha", names="DNS:alpha.test"), authority.issue("beta", names="DNS:beta.test")


def test_the_name_asked_for_chooses_the_certificate(serve, site, two, authority):
    alpha, beta = two
    pairs = [part for one in (site, alpha, beta) for part in ("--cert", one.cert, "--key", one.key)]
    server = serve(*pairs)
    for name, subject in ("localhost", "CN=site"), ("alpha.test", "CN=alpha"), ("beta.test", "CN=beta"):
        for version in "1.2", "1.3":
            assert leaf_of(server, authority, name, "--min-tls", version, "--max-tls", version) == subject
    ran = run("check", server.name, "--ca", authority.cert, "--servername", "gamma.test")
    assert ran.code == 6, "the first is the default, and is not for that name"


def test_pairs_go_by_order_whatever_is_between_them(serve, two, authority):
    alpha, beta = two
    server = serve("--cert", alpha.cert, "--cert", beta.cert, "--key", alpha.key, "--mode", "echo", "--key", beta.key)
    assert leaf_of(server, authority, "beta.test") == "CN=beta"


def test_keys_in_files_and_tokens_go_together(serve, two, token, authority):
    alpha, _ = two
    server = serve(
        *("--cert", alpha.cert, "--key", alpha.key),
        *("--cert", token.cert, "--key", token.uri, "--pin-file", token.pin),
        env=token.env,
    )
    assert leaf_of(server, authority, "alpha.test") == "CN=alpha"
    assert run("check", server.name, "--ca", authority.cert).code == 0
    assert server.event("handshake")["sign_ms"] > 0, "the token's"


def test_both_kinds_of_key_for_one_name(serve, site, authority):
    rsa = authority.issue("site-rsa", names=NAMES, kind="rsa2048")
    server = serve("--cert", site.cert, "--key", site.key, "--cert", rsa.cert, "--key", rsa.key)
    assert leaf_of(server, authority, "localhost") == "CN=site"


def refusal_of_staple(site, file):
    return run("serve", "--listen", "127.0.0.1:0", "--cert", site.cert, "--key", site.key, "--ocsp", file)


def test_a_staple_that_is_none_is_refused(site, authority, tmp_path):
    good = authority.ocsp_response(site).read_bytes()
    for text in b"", b"no response", site.cert.read_bytes(), good[:-1], good + b"\0", b"\x30\x03\x0a\x01\x00":
        file = tmp_path / "odd.ocsp"
        file.write_bytes(text)
        ran = refusal_of_staple(site, file)
        assert ran.code == 1, ran.err
        assert f"{file}: not valid DER: not an OCSP response" in ran.err


def test_a_staple_without_an_answer_is_refused(site, tmp_path):
    file = tmp_path / "later.ocsp"
    file.write_bytes(b"\x30\x03\x0a\x01\x03")
    ran = refusal_of_staple(site, file)
    assert ran.code == 1 and "the responder gave no answer: trylater" in ran.err


def test_a_staple_for_another_certificate_is_refused(site, two, authority):
    alpha, _ = two
    staple = authority.ocsp_response(alpha)
    ran = refusal_of_staple(site, staple)
    assert ran.code == 1
    assert f'{staple}: used wrongly: the OCSP response in it is about another certificate than "CN=site"' in ran.err


def test_a_count_that_does_not_fit_is_refused(two):
    alpha, beta = two
    ran = run("serve", "--listen", "127.0.0.1:0", "--cert", alpha.cert, "--cert", beta.cert, "--key", alpha.key)
    assert ran.code == 1 and "2 certificates and 1 key" in ran.err
    ran = run("serve", "--listen", "127.0.0.1:0", "--cert", alpha.cert, "--key", beta.key)
    assert ran.code == 1 and "key" in ran.err


def test_a_response_for_each_certificate_or_none(serve, site, two, authority):
    alpha, _ = two
    pairs = ["--cert", alpha.cert, "--key", alpha.key, "--cert", site.cert, "--key", site.key]
    server = serve(*pairs, "--ocsp", "none", "--ocsp", authority.ocsp_response(site))

    def ocsp(name):
        ran = run("check", server.name, "--ca", authority.cert, "--servername", name, "--json")
        return ran.json["tls"]["ocsp"]

    assert (ocsp("alpha.test"), ocsp("localhost")) == ("none", "good")
    ran = run("serve", "--listen", "127.0.0.1:0", *pairs[:4], "--ocsp", "a", "--ocsp", "b")
    assert ran.code == 1 and "more responses than certificates" in ran.err


@pytest.mark.parametrize("tickets", ["on", "off"])
def test_tickets_are_given_or_not(serve, site, authority, tickets):
    import socket
    import ssl

    server = serve("--cert", site.cert, "--key", site.key, "--tickets", tickets)
    context = ssl.create_default_context(cafile=authority.cert)
    session, resumed = None, []
    for _ in range(2):
        raw = socket.create_connection(("127.0.0.1", server.port), timeout=60)
        with context.wrap_socket(raw, server_hostname="localhost", session=session) as s:
            s.sendall(b"hi")
            assert s.recv(2) == b"hi"
            session = s.session
            resumed.append(s.session_reused)
    assert resumed == [False, tickets == "on"]


def test_tickets_are_on_or_off():
    ran = run("serve", "--listen", "127.0.0.1:0", "--tickets", "maybe")
    assert ran.code == 1 and "write on or off" in ran.err
