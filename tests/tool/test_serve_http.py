# SPDX-License-Identifier: Apache-2.0
"""`serve --mode http`: every request is answered with what was seen of the client; connections are kept."""

import http.client
import json
import re
import socket
import ssl

import pytest

from kit import LIMIT, Program, run
from schemas import validate

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.fixture
def page(serve, site):
    return serve("--cert", site.cert, "--key", site.key, "--mode", "http")


def trusting(authority, *alpn):
    context = ssl.create_default_context(cafile=authority.cert)
    if alpn:
        context.set_alpn_protocols(alpn)
    return context


def browse(server, authority):
    return http.client.HTTPSConnection("localhost", server.port, timeout=LIMIT, context=trusting(authority, "http/1.1"))


def wire(server, authority):
    raw = socket.create_connection(("127.0.0.1", server.port), timeout=LIMIT)
    return trusting(authority).wrap_socket(raw, server_hostname="localhost")


def everything(s):
    answer = b""
    while chunk := s.recv(65536):
        answer += chunk
    return answer


def test_json_reports_what_the_server_saw(page, authority):
    asked = browse(page, authority)
    asked.request("GET", "/some?thing=1", headers={"X-Mine": "a <b>"})
    answer = asked.getresponse()
    assert answer.status == 200 and answer.getheader("Content-Type") == "application/json"
    assert answer.getheader("Vary") == "Accept"
    facts = validate("serve-page", json.loads(answer.read()))
    assert re.fullmatch(r"127\.0\.0\.1:\d+", facts["peer"]) and facts["server_name"] == "localhost"
    assert facts["tls"]["version"] == "TLSv1.3" and facts["tls"]["alpn"] == "http/1.1"
    assert facts["key"] == {"place": "memory", "type": "ECDSA P-256", "certificate": "CN=site"}
    assert facts["client_subject"] is None and facts["client_certificates"] is None
    request = facts["request"]
    assert (request["method"], request["target"], request["version"]) == ("GET", "/some?thing=1", "HTTP/1.1")
    assert {"name": "X-Mine", "value": "a <b>"} in request["headers"]


def test_a_page_is_answered_without_json_too(site, authority):
    program = Program("serve", "--listen", "127.0.0.1:0", "--cert", site.cert, "--key", site.key, "--mode", "http")
    try:
        program.port = int(program.line().rsplit(":", 1)[1])
        asked = browse(program, authority)
        asked.request("GET", "/")
        assert json.loads(asked.getresponse().read())["tls"]["version"] == "TLSv1.3"
    finally:
        program.end()


def test_a_client_certificate_is_shown(serve, site, authority):
    me = authority.issue("visitor", names="", usage="clientAuth")
    options = ["--mode", "http", "--client-auth", "required", "--ca", authority.cert]
    server = serve("--cert", site.cert, "--key", site.key, *options)
    context = trusting(authority)
    context.load_cert_chain(me.cert, me.key)
    asked = http.client.HTTPSConnection("localhost", server.port, timeout=LIMIT, context=context)
    asked.request("GET", "/", headers={"Accept": BROWSER})
    html = asked.getresponse().read().decode()
    assert "client certificate verified" in html and "CN=visitor" in html
    asked.request("GET", "/")
    facts = validate("serve-page", json.loads(asked.getresponse().read()))
    assert facts["client_subject"] == "CN=visitor"
    assert facts["client_certificates"][0]["subject"] == "CN=visitor"


def test_a_key_in_a_token_is_reported_by_its_place(serve, token, authority):
    server = serve("--cert", token.cert, "--key", token.uri, "--pin-file", token.pin, "--mode", "http", env=token.env)
    asked = browse(server, authority)
    asked.request("GET", "/")
    facts = validate("serve-page", json.loads(asked.getresponse().read()))
    assert facts["key"]["place"].startswith("pkcs11:") and "pin" not in facts["key"]["place"]
    assert facts["sign_ms"] > 0


def test_html_on_request_and_nothing_in_it_is_taken_for_markup(page, authority):
    asked = browse(page, authority)
    asked.request("GET", "/<script>alert(1)</script>", headers={"Accept": BROWSER, "X-Odd": "<b>&\"bold\"</b>"})
    answer = asked.getresponse()
    html = answer.read().decode()
    assert answer.getheader("Content-Type") == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.getheader("Content-Security-Policy")
    assert html.startswith("<!doctype html>") and "You are connected with TLSv1.3" in html
    assert "&lt;b&gt;&amp;&quot;bold&quot;&lt;/b&gt;" in html and "&lt;script&gt;" in html
    assert "<b>" not in html and "<script" not in html
    assert not re.search(r"(src|href)=\"(?!data:)", html), "nothing is fetched from elsewhere"


def test_a_connection_is_kept_for_more_requests(page, authority):
    asked = browse(page, authority)
    for i in range(5):
        asked.request("POST" if i % 2 else "GET", f"/{i}", body=b"x" * 5000 if i % 2 else None)
        answer = asked.getresponse()
        request = json.loads(answer.read())["request"]
        assert request["target"] == f"/{i}" and request["body_bytes"] == (5000 if i % 2 else 0)
        assert answer.getheader("Connection") is None and not answer.will_close
    page.event("handshake")
    page.terminate()
    page.event("draining")
    assert page.event("closed")["handshakes"] == 1


def test_requests_that_come_together_are_answered_in_order(page, authority):
    with wire(page, authority) as s:
        both = b"GET /one HTTP/1.1\r\nHost: l\r\n\r\n" + b"GET /two HTTP/1.1\r\nHost: l\r\nConnection: close\r\n\r\n"
        for byte in both[:40]:
            s.sendall(bytes([byte]))
        s.sendall(both[40:])
        bodies = [part.split(b"\r\n\r\n", 1)[1] for part in everything(s).split(b"HTTP/1.1 200 OK\r\n")[1:]]
    assert [json.loads(body)["request"]["target"] for body in bodies] == ["/one", "/two"]


def test_the_end_is_the_clients_to_choose(page, authority):
    with wire(page, authority) as s:
        s.sendall(b"GET / HTTP/1.1\r\nHost: l\r\nConnection: close\r\n\r\n")
        assert b"\r\nConnection: close\r\n" in everything(s)
    with wire(page, authority) as s:
        s.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert everything(s).startswith(b"HTTP/1.0 200 OK\r\n")


def test_head_has_the_length_and_no_body(page, authority):
    with wire(page, authority) as s:
        s.sendall(b"HEAD / HTTP/1.1\r\nHost: l\r\nConnection: close\r\n\r\n")
        head, body = everything(s).split(b"\r\n\r\n", 1)
    assert body == b"" and int(re.search(rb"Content-Length: (\d+)", head)[1]) > 100


def test_expect_100_continue_is_answered(page, authority):
    with wire(page, authority) as s:
        head = b"Host: l\r\nExpect: 100-continue\r\nContent-Length: 3\r\nConnection: close"
        s.sendall(b"POST / HTTP/1.1\r\n" + head + b"\r\n\r\n")
        assert s.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        s.sendall(b"abc")
        assert b'"body_bytes":3' in everything(s)


@pytest.mark.parametrize(
    "request_, status",
    [
        (b"GET / HTTP/1.1\r\nCookie: " + b"x" * 20000, 431),
        (b"NONSENSE\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: l\r\nContent-Length: 2000000\r\n\r\n", 413),
    ],
    ids=["long head", "nonsense", "long body"],
)
def test_what_is_not_a_request_is_refused_and_ends_the_connection(page, authority, request_, status):
    with wire(page, authority) as s:
        s.sendall(request_)
        assert everything(s).startswith(b"HTTP/1.1 %d " % status)


def test_h2_is_never_promised(page, serve, site, authority):
    context = trusting(authority, "h2", "http/1.1")
    with context.wrap_socket(socket.create_connection(("127.0.0.1", page.port)), server_hostname="localhost") as s:
        assert s.selected_alpn_protocol() == "http/1.1"
    ran = run("serve", "--listen", "127.0.0.1:0", "--mode", "http", "--alpn", "h2,http/1.1")
    assert ran.code == 1 and ran.err.startswith('sluice: --alpn: ') and 'does not speak "h2"' in ran.err


def test_a_waiting_client_is_seen_off(page, authority):
    asked = browse(page, authority)
    asked.request("GET", "/")
    asked.getresponse().read()
    page.event("handshake")
    page.terminate()
    assert asked.sock.recv(100) == b""  # close_notify
    asked.close()
    assert page.wait() == 0


def test_a_client_that_accepts_anything_gets_json(page, authority):
    asked = browse(page, authority)
    asked.request("GET", "/", headers={"Accept": "*/*", "User-Agent": "curl/7.88.1"})
    assert asked.getresponse().getheader("Content-Type") == "application/json"
