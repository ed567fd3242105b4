# SPDX-License-Identifier: Apache-2.0
"""`serve --early-data` and OpenSSL's client: what comes with the first message, and what is made of it."""

import select
import subprocess
import threading

import pytest

from kit import LIMIT, run
from test_serve import end_of

REQUEST = b"GET /early HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


class OpensslClient:
    """`openssl s_client`, which keeps its session in a file between two runs."""

    def __init__(self, folder, authority):
        self.folder = folder
        self.session = folder / "session"
        trust = ["-CAfile", authority.cert, "-verify_return_error"]
        self.base = ["openssl", "s_client", *trust, "-servername", "localhost"]

    def talk(self, server, *more, until):
        """Runs it until `until` holds of what the server has said; all that it printed."""
        command = [*self.base, "-connect", f"127.0.0.1:{server.port}", *more]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        process = subprocess.Popen(command, **pipes)
        watchdog = threading.Timer(LIMIT, process.kill)
        watchdog.start()
        try:
            said = b""
            while not until(said):
                if not select.select([process.stdout], [], [], 0.05)[0]:
                    continue
                part = process.stdout.read1(65536)
                if not part:
                    break
                said += part
            process.stdin.close()  # which ends it
            return said + process.stdout.read()
        finally:
            process.kill()
            process.wait(timeout=LIMIT)
            watchdog.cancel()

    def visit(self, server):
        """A first visit, for the ticket, which comes after the handshake."""
        options = ["-sess_out", self.session]
        self.session.write_bytes(b"")
        return self.talk(server, *options, until=lambda _: b"END" in self.session.read_bytes())

    def send_early(self, server, text, until):
        early = self.folder / "early"
        early.write_bytes(text)
        options = ["-sess_in", self.session, "-early_data", early]
        return self.talk(server, *options, until=lambda said: until in said)


@pytest.fixture
def openssl_client(tmp_path, authority):
    return OpensslClient(tmp_path, authority)


def test_a_request_that_comes_early_is_answered(serve, site, openssl_client):
    server = serve("--cert", site.cert, "--key", site.key, "--mode", "http", "--early-data", "16384")
    assert b"Max Early Data: 16384" in openssl_client.visit(server)
    assert server.event("handshake")["tls"]["early_data"] == "none"
    said = openssl_client.send_early(server, REQUEST, until=b'"target":"/early"')
    assert b"Early data was accepted" in said and b'"early_data":"accepted"' in said
    assert f'"early_bytes":{len(REQUEST)}'.encode() in said
    tls = server.event("handshake")["tls"]
    assert tls["early_data"] == "accepted" and tls["resumed"] is True


def test_early_data_of_all_that_is_allowed_is_echoed(serve, site, openssl_client):
    server = serve("--cert", site.cert, "--key", site.key, "--early-data", "40000")
    openssl_client.visit(server)
    text = b"".join(b"%07d\n" % i for i in range(5000))
    said = openssl_client.send_early(server, text, until=b"0004999\n")
    assert text in said and b"Early data was accepted" in said
    server.event("handshake")
    assert server.event("handshake")["tls"]["early_data"] == "accepted"
    assert end_of(server)[-1]["traffic"]["received"]["bytes"] == 40000


def test_without_the_option_no_early_data_is_offered(serve, site, openssl_client):
    server = serve("--cert", site.cert, "--key", site.key)
    assert b"Max Early Data: 0" in openssl_client.visit(server)


def test_a_server_that_takes_none_rejects_it_and_goes_on(serve, site, openssl_client, authority):
    """The promise came from one server, the data goes to another, which does not know the ticket."""
    generous = serve("--cert", site.cert, "--key", site.key, "--early-data", "16384")
    openssl_client.visit(generous)
    for options in [], ["--early-data", "16384"], ["--tickets", "off"]:
        server = serve("--cert", site.cert, "--key", site.key, "--mode", "source", *options)
        said = openssl_client.send_early(server, REQUEST, until=b"ABCDEFG")
        assert b"ABCDEFG" in said, said[-3000:]
        assert b"Early data was rejected" in said, said[-3000:]
        tls = server.event("handshake")["tls"]
        assert tls["early_data"] == "rejected" and tls["resumed"] is False


@pytest.mark.parametrize("how", ["0", "-1", "many", "5000000000"])
def test_a_size_that_is_none_is_refused(how):
    ran = run("serve", "--listen", "127.0.0.1:0", f"--early-data={how}")
    assert ran.code == 1 and "--early-data" in ran.err


def test_early_data_needs_tickets():
    ran = run("serve", "--listen", "127.0.0.1:0", "--early-data", "100", "--tickets", "off")
    assert ran.code == 1 and "drop --tickets off" in ran.err
