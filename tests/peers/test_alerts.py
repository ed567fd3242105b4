# SPDX-License-Identifier: Apache-2.0
"""What others hear of us after a failure of ours: the alert that names the cause, in their own words."""

import socket
import subprocess
import threading
import time

import pytest

from kit import LIMIT, SLUICE, environment, run
from implementations import ALL
from peer import WORDS, Ask, Offer

PEERS = ["openssl", "gnutls", "go", "java"]
NUMBERS = {
    "bad_record_mac": 20,
    "handshake_failure": 40,
    "bad_certificate": 42,
    "certificate_expired": 45,
    "unknown_ca": 48,
    "protocol_version": 70,
    "certificate_required": 116,
    "no_application_protocol": 120,
}
GO = {
    "bad_record_mac": "bad record MAC",
    "handshake_failure": "handshake failure",
    "bad_certificate": "bad certificate",
    "certificate_expired": "expired certificate",
    "unknown_ca": "unknown certificate authority",
    "protocol_version": "protocol version not supported",
    "certificate_required": "certificate required",
    "no_application_protocol": "no application protocol",
}


def in_words_of(peer, alert):
    """How that program says that it has received the alert."""
    return {
        "openssl": f"SSL alert number {NUMBERS[alert]}\n",
        "gnutls": f"{NUMBERS[alert]}]",  # [48], or, in a log, Alert[2|48]
        "go": f"remote error: tls: {GO[alert]}",
        "java": f"Received fatal alert: {alert}",
    }[peer]


@pytest.fixture(params=PEERS)
def other(request, built):
    return ALL[request.param]


@pytest.fixture(params=["1.2", "1.3"])
def version(request):
    return request.param


@pytest.fixture
def serve_long(serve):
    return lambda *args: serve(*args, "--timeout", f"{LIMIT}s")


def expect_heard(other, text, alert):
    assert in_words_of(other.name, alert) in text, text
    assert "close_notify" not in text


def wait_for(log, words):
    """What a server program has said, once it has said that."""
    end = time.monotonic() + 20
    while words not in log.read_text(errors="replace") and time.monotonic() < end:
        time.sleep(0.05)
    return log.read_text(errors="replace")


class Spoiler:
    """Passes everything on between a client and a server, but changes one record of data: the words, sealed."""

    # TLS 1.2 with ChaCha20, TLS 1.3, TLS 1.2 with GCM, TLS 1.3 of Java, which pads.
    SIZES = {len(WORDS) + more for more in (16, 17, 24, 33)}

    def __init__(self, port, spoils_client):
        self.port, self.spoils_client = port, spoils_client
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.threads = [threading.Thread(target=self.serve, daemon=True)]
        self.threads[0].start()

    def __enter__(self):
        return self.listener.getsockname()[1]

    def __exit__(self, *_):
        self.listener.close()

    def serve(self):
        client, _ = self.listener.accept()
        server = socket.create_connection(("127.0.0.1", self.port))
        down = threading.Thread(target=self.copy, args=(server, client, not self.spoils_client), daemon=True)
        down.start()
        self.copy(client, server, self.spoils_client)
        down.join(LIMIT)

    def copy(self, source, target, spoils):
        held = b""
        while chunk := self.receive(source):
            held += chunk
            while len(held) >= 5 and len(held) >= 5 + int.from_bytes(held[3:5], "big"):
                size = 5 + int.from_bytes(held[3:5], "big")
                record, held = bytearray(held[:size]), held[size:]
                if spoils and record[0] == 23 and size - 5 in self.SIZES:
                    record[-1] ^= 1
                    spoils = False
                try:
                    target.sendall(record)
                except OSError:
                    return
        try:
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    @staticmethod
    def receive(source):
        try:
            return source.recv(65536)
        except OSError:
            return b""


@pytest.mark.parametrize("wrong, alert", [("authority", "unknown_ca"), ("name", "bad_certificate")])
def test_their_server_receives_the_alert_of_our_client(
    other, version, wrong, alert, identities, authority, strangers, tmp_path
):
    log = tmp_path / "log"
    with other.server(Offer(identities["p256"], version, log=log)) as port:
        ca, name = (strangers.cert, "localhost") if wrong == "authority" else (authority.cert, "example.org")
        assert run("check", f"localhost:{port}", "--ca", ca, "--servername", name, "--json").code in (5, 6)
        expect_heard(other, wait_for(log, in_words_of(other.name, alert)), alert)


def test_their_server_receives_bad_record_mac(
    other, version, identities, authority, tmp_path
):
    log = tmp_path / "log"
    with other.server(Offer(identities["p256"], version, log=log)) as port, Spoiler(port, False) as between:
        command = [SLUICE, "connect", f"localhost:{between}", "--ca", authority.cert]
        ours = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=environment())
        ours.stdin.write(WORDS)
        ours.stdin.flush()  # and left open: after a close_notify of ours there would be no alert
        assert ours.wait(LIMIT) == 4, ours.stderr.read()
        ours.stdin.close()
        ours.stderr.close()
        # s_server -rev says nothing of what it reads, but for -msg.
        told = ", fatal bad_record_mac" if other.name == "openssl" else in_words_of(other.name, "bad_record_mac")
        assert told in wait_for(log, told)


def test_their_client_receives_bad_record_mac(other, version, serve_long, identities, authority):
    server = serve_long(*identities["p256"].args)
    with Spoiler(server.port, True) as port:
        outcome = other.client(Ask(port, version, authority.cert))
    assert not outcome.ok
    expect_heard(other, outcome.text, "bad_record_mac")


def test_their_client_receives_certificate_required(other, version, serve_long, identities, authority):
    server = serve_long(*identities["p256"].args, "--client-auth", "required", "--ca", authority.cert)
    outcome = other.client(Ask(server.port, version, authority.cert))
    assert not outcome.ok
    expect_heard(other, outcome.text, "certificate_required" if version == "1.3" else "handshake_failure")


def test_their_client_receives_unknown_ca(other, version, serve_long, identities, authority, strangers):
    stranger = strangers.issue(f"alerts-{other.name}-{version}", usage="clientAuth")
    server = serve_long(*identities["p256"].args, "--client-auth", "required", "--ca", authority.cert)
    outcome = other.client(Ask(server.port, version, authority.cert, site=stranger))
    assert not outcome.ok
    expect_heard(other, outcome.text, "unknown_ca")


def test_their_client_receives_protocol_version(other, version, serve, identities, authority):
    ours = ["--min-tls", "1.3"] if version == "1.2" else ["--max-tls", "1.2"]
    server = serve(*identities["p256"].args, *ours)
    outcome = other.client(Ask(server.port, version, authority.cert))
    assert not outcome.ok
    expect_heard(other, outcome.text, "protocol_version")
