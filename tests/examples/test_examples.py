# SPDX-License-Identifier: Apache-2.0
"""Every example does what its first lines say, against the others where they fit, and ends without a leak."""

import signal
import ssl
import subprocess
import threading
import time

import kit
import pytest
from plain_servers import http_proxy, smtp

SOURCES = sorted((kit.ROOT / "examples").glob("*.cpp"))


@pytest.fixture
def server(serve, site):
    return serve("02_server", "127.0.0.1", 0, site.cert, site.key)


def test_client_prints_what_the_server_says(run, server, authority):
    ran = run("01_client", "localhost", server.port, authority.cert)
    page = "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nhello over TLSv1.3\n"
    assert (ran.code, ran.text) == (0, page), ran.err
    assert ran.err.startswith("connected with TLSv1.3, TLS_")


def test_client_refuses_a_server_it_cannot_trust_and_says_why(run, server, authority):
    ran = run("01_client", "localhost", server.port)
    assert ran.code == 1 and not ran.out
    assert "not trusted" in ran.err or "untrusted" in ran.err, ran.err


def test_client_refuses_another_name(run, serve, authority):
    other = authority.issue("other", names="DNS:other.example")
    server = serve("02_server", "127.0.0.1", 0, other.cert, other.key)
    ran = run("01_client", "localhost", server.port, authority.cert)
    assert ran.code == 1 and not ran.out
    assert "other.example" in ran.err, ran.err


def cut(site, text):
    """A server that sends text over TLS, and hangs up without saying that it was all."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(site.cert, site.key)

    def behave(connection):
        with context.wrap_socket(connection, server_side=True) as tls:
            tls.recv(4096)
            tls.sendall(text)
            tls.shutdown(2)  # of the socket: no close_notify

    return kit.Peer(behave)


@pytest.mark.parametrize("client", ["01_client", "08_blocking"])
def test_clients_distinguish_truncation_from_close_notify(run, site, authority, client):
    with cut(site, b"half a page") as peer:
        ran = run(client, "localhost", peer.port, authority.cert)
    assert (ran.code, ran.text) == (1, "half a page")
    assert "close_notify" in ran.err, ran.err


def test_server_reports_a_client_that_fails_and_goes_on(run, server, authority):
    run("01_client", "localhost", server.port)
    assert run("01_client", "localhost", server.port, authority.cert).code == 0
    server.stop()
    assert server.err.startswith(b"127.0.0.1:") and b" during the handshake; " in server.err, server.err


def test_server_refuses_a_key_that_is_not_the_certificates(run, site, authority):
    other = authority.issue("stranger")
    ran = run("02_server", "127.0.0.1", 0, site.cert, other.key)
    assert ran.code == 1 and "does not belong to the certificate" in ran.err, ran.err


def test_hsm_server_serves_with_a_key_in_a_token(run, serve, token, authority):
    server = serve("03_hsm_server", "127.0.0.1", 0, token.cert, token.uri, token.pin, env=token.env)
    assert "key pkcs11:token=test;object=site" in server.greeting
    ran = run("01_client", "localhost", server.port, authority.cert)
    assert ran.code == 0 and ran.text.endswith("hello from a key in a token\n"), ran.err


def test_hsm_server_says_that_the_pin_is_wrong(run, token, tmp_path):
    pin = tmp_path / "pin"
    pin.write_text("000000\n")
    ran = run("03_hsm_server", "127.0.0.1", 0, token.cert, token.uri, pin, env=token.env)
    assert ran.code == 1 and "PIN" in ran.err, ran.err


def test_mutual_tls_knows_the_client_by_its_certificate(run, serve, site, authority):
    device = authority.issue("device-7", names=None, usage="clientAuth")
    server = serve("04_mutual_tls", "serve", "127.0.0.1", 0, authority.cert, site.cert, site.key)
    ran = run("04_mutual_tls", "visit", "localhost", server.port, authority.cert, device.cert, device.key)
    assert (ran.code, ran.text) == (0, "hello CN=device-7\n"), ran.err


def test_mutual_tls_refuses_a_client_without_or_with_an_unknown_certificate(run, serve, site, authority, tmp_path):
    server = serve("04_mutual_tls", "serve", "127.0.0.1", 0, authority.cert, site.cert, site.key)
    stranger = type(authority)(tmp_path / "other", "Other Root").issue("stranger", names=None)
    ran = run("04_mutual_tls", "visit", "localhost", server.port, authority.cert, stranger.cert, stranger.key)
    assert ran.code == 1 and not ran.out, ran.text
    assert not run("01_client", "localhost", server.port, authority.cert).out


def test_beast_speaks_http(run, server, authority):
    ran = run("05_beast_http", "localhost", server.port, authority.cert)
    assert (ran.code, ran.text) == (0, "200 text/plain\nhello over TLSv1.3\n"), ran.err


def mail_server(site, behind_go_ahead=b""):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(site.cert, site.key)

    def talk(connection, lines):
        replies = connection.makefile("rwb", buffering=0)
        for expected, reply in lines:
            if expected:
                assert replies.readline() == expected
            replies.write(reply)

    def behave(connection):
        talk(connection, [(None, b"220 mail.test\r\n"),
                          (b"EHLO client.invalid\r\n", b"250-mail.test\r\n250 STARTTLS\r\n"),
                          (b"STARTTLS\r\n", b"220 go ahead\r\n" + behind_go_ahead)])
        with context.wrap_socket(connection, server_side=True) as tls:
            talk(tls, [(b"EHLO client.invalid\r\n", b"250-mail.test\r\n250-SIZE 1000\r\n250 AUTH PLAIN\r\n"),
                       (b"QUIT\r\n", b"221 bye\r\n")])
            tls.unwrap()

    return kit.Peer(behave)


def test_starttls_upgrades_a_live_connection(run, site, authority):
    with mail_server(site) as peer:
        ran = run("06_starttls", "localhost", peer.port, authority.cert)
    assert (ran.code, ran.text) == (0, "250-mail.test\r\n250-SIZE 1000\r\n250 AUTH PLAIN\r\n"), ran.err
    assert peer.trouble is None


def test_starttls_refuses_what_was_slipped_in_before(run, site, authority):
    with mail_server(site, b"250 AUTH NONE\r\n") as peer:
        ran = run("06_starttls", "localhost", peer.port, authority.cert)
    assert ran.code == 1 and not ran.out
    assert "more than was asked for" in ran.err


def test_proxy_and_starttls_precede_tls(run, site, authority, tmp_path):
    asked, password = [], tmp_path / "password"
    password.write_text("se:cret\n")
    with kit.Peer(smtp(site)) as mail, kit.Peer(http_proxy(asked, user="alice:se:cret")) as proxy:
        where = ("localhost", proxy.port, "localhost", mail.port, authority.cert)
        ran = run("10_proxy", *where, "alice", password)
    assert ran.code == 0 and ran.text.startswith("TLSv1.3 with "), ran.err
    assert asked == [f"CONNECT localhost:{mail.port} HTTP/1.1"]

    with kit.Peer(http_proxy([], status="403 Forbidden")) as proxy:
        ran = run("10_proxy", "localhost", proxy.port, "example.org", 25, authority.cert)
    assert ran.code == 1 and not ran.out
    assert f"localhost:{proxy.port}: " in ran.err and "it does not connect to example.org:25" in ran.err


def test_deadline_on_a_read_leaves_the_stream_whole(run, server, authority):
    ran = run("07_cancel_and_deadlines", "localhost", server.port, authority.cert)
    assert ran.code == 0, ran.err
    silence, _, page = ran.text.partition("\n")
    assert silence == "(silence)" and page.endswith("\r\n\r\nhello over TLSv1.3\n")


def test_ctrl_c_ends_everything_wherever_it_is(examples, authority):
    waiting = threading.Event()

    def silent(connection):
        waiting.set()
        while connection.recv(4096):
            pass

    with kit.Peer(silent) as peer:
        program = kit.Program("localhost", peer.port, authority.cert, program=examples / "07_cancel_and_deadlines")
        assert waiting.wait(kit.LIMIT)
        program.process.send_signal(signal.SIGINT)
        began = time.monotonic()
        assert program.wait() == 1
    assert b"ancel" in program.err and time.monotonic() - began < 4, "not the time-out"


def test_blocking_needs_no_loop(run, server, authority):
    ran = run("08_blocking", "localhost", server.port, authority.cert)
    assert ran.code == 0 and ran.text.endswith("\r\n\r\nhello over TLSv1.3\n"), ran.err


def test_own_signer_signs_by_a_command(run, serve, site, authority):
    server = serve("09_own_signer", "127.0.0.1", 0, site.cert, f"openssl pkeyutl -sign -inkey {site.key}")
    for flag in ("-tls1_3", "-tls1_2"):
        client = ["openssl", "s_client", "-quiet", flag, "-verify_return_error", "-CAfile", str(authority.cert),
                  "-verify_hostname", "localhost", "-connect", f"localhost:{server.port}"]
        done = subprocess.run(client, input=b"", capture_output=True, timeout=kit.LIMIT)
        assert b"signed elsewhere\n" in done.stdout, done.stderr


def test_own_signer_is_checked_before_it_serves(run, site, authority):
    other = authority.issue("another")
    ran = run("09_own_signer", "127.0.0.1", 0, site.cert, f"openssl pkeyutl -sign -inkey {other.key}")
    assert ran.code == 1 and "does not belong to the certificate" in ran.err, ran.err


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_each_is_short_and_says_how_to_call_it(run, source):
    lines = source.read_text().splitlines()
    assert len(lines) <= 60
    assert lines[1].startswith("// ") and any(line.startswith(f"//   {source.stem} ") for line in lines[:5])
    ran = run(source.stem)
    assert ran.code == 1 and ran.err.startswith(f"usage: {source.stem} ")
