# SPDX-License-Identifier: Apache-2.0
"""In TLS 1.3 a server judges our certificate when our handshake is done: `check`, `connect` and `policy for` report its
verdict, also where it ends the connection without an alert."""

import contextlib
import json
import socket
import ssl
import struct
import threading

import pytest

from kit import LIMIT, run


class Judge:
    """Asks each client for a certificate, and then does as it is told with the connection."""

    def __init__(self, site, authority, then, tickets=0, version=ssl.TLSVersion.TLSv1_3):
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(site.cert, site.key)
        self.tls.load_verify_locations(authority.cert)
        self.tls.verify_mode = ssl.CERT_OPTIONAL
        self.tls.minimum_version = self.tls.maximum_version = version
        self.tls.num_tickets = tickets
        self.then = then
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.name = f"localhost:{self.listener.getsockname()[1]}"
        self.thread = threading.Thread(target=self.serve, daemon=True)

    def serve(self):
        with contextlib.suppress(OSError):
            connection, _ = self.listener.accept()
            connection.settimeout(LIMIT)
            with self.tls.wrap_socket(connection, server_side=True, suppress_ragged_eofs=False) as s:
                self.then(s)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.listener.close()
        self.thread.join(LIMIT)


def says_goodbye(s):
    """close_notify, and reads on."""
    s.settimeout(2)
    with contextlib.suppress(OSError):
        s.unwrap()


def hangs_up(s):
    s.shutdown(socket.SHUT_WR)  # TCP's alone
    while s.recv(100):
        pass


def resets(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def waits(s):
    with contextlib.suppress(OSError):
        while s.recv(100):
            pass


def echoes(s):
    with contextlib.suppress(OSError):
        while got := s.recv(100):
            s.sendall(got)
        s.unwrap()


class SlowJudge:
    """Asks for a client certificate, and takes half a second to judge it, or its absence."""

    def __init__(self, site, authority, mode):
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(site.cert, site.key)
        self.tls.load_verify_locations(authority.cert)
        self.tls.verify_mode = mode
        self.tls.minimum_version = ssl.TLSVersion.TLSv1_3
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.name = f"localhost:{self.listener.getsockname()[1]}"
        self.threads = [threading.Thread(target=self.accept, daemon=True)]

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                connection.settimeout(LIMIT)
                self.threads.append(threading.Thread(target=self.serve, args=[connection], daemon=True))
                self.threads[-1].start()

    def serve(self, connection):
        received, sent = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = self.tls.wrap_bio(received, sent, server_side=True)
        with connection, contextlib.suppress(OSError):
            try:
                while not self.is_done(tls):
                    flight = sent.read()
                    connection.sendall(flight)
                    received.write(connection.recv(65536))
                    if len(flight) > 300:  # it had our certificate in it: this is the client's answer
                        threading.Event().wait(0.5)
            finally:
                connection.sendall(sent.read())  # tickets, or an alert
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65536):
                    pass

    @staticmethod
    def is_done(tls):
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def __enter__(self):
        self.threads[0].start()
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for thread in self.threads:
            thread.join(LIMIT)


@pytest.fixture(scope="module")
def device(authority):
    return authority.issue("late-device", usage="clientAuth")


def options(authority, device):
    shown = ["--cert", device.cert, "--key", device.key] if device else []
    return ["--ca", authority.cert, *shown, "--json"]


@pytest.mark.parametrize("then", [says_goodbye, hangs_up, resets])
@pytest.mark.parametrize("is_shown", [True, False])
def test_an_end_before_the_first_byte_may_be_its_refusal(then, is_shown, site, authority, device):
    given = options(authority, device if is_shown else None)
    with Judge(site, authority, then) as judge:
        ran = run("check", judge.name, *given)
        error = ran.json["error"]
        assert (ran.code, error["category"], error["code"], error["origin"]) == (4, "tls", "closed", "peer"), error
        assert "it asked for a client certificate and ended the connection without sending anything" in error["message"]
        assert ("it may have refused our certificate" if is_shown else "--cert") in error["message"]
    with Judge(site, authority, then) as judge:
        ran = run("connect", judge.name, *given, stdin=b"hello\n")
        assert (ran.code, json.loads(ran.err)["error"]["code"]) == (4, "closed"), ran.err


def test_its_tickets_show_that_it_goes_on(site, authority, device):
    with Judge(site, authority, waits, tickets=2) as judge:
        ran = run("check", judge.name, *options(authority, device))
        assert ran.code == 0 and "client_certificate_judged" not in ran.json


def test_its_answer_shows_that_it_goes_on(site, authority, device):
    with Judge(site, authority, echoes) as judge:
        ran = run("connect", judge.name, *options(authority, device), stdin=b"hello\n")
        assert (ran.code, ran.out) == (0, b"hello\n"), ran.err


def test_a_silent_peer_is_reported(site, authority, device):
    with Judge(site, authority, waits) as judge:
        ran = run("check", judge.name, *options(authority, device))
        assert ran.code == 0 and ran.json["client_certificate_judged"] is False
        assert ran.json["tls"]["client_certificate"] is True
    with Judge(site, authority, waits) as judge:
        ran = run("check", judge.name, *options(authority, device)[:-1])
        assert ran.code == 0
        assert "not known: the server sent nothing for a second, and may still reject\n" in ran.text


def test_a_server_that_did_not_ask_may_end_as_it_likes(site, authority):
    judge = Judge(site, authority, says_goodbye)
    judge.tls.verify_mode = ssl.CERT_NONE
    with judge:
        assert run("check", judge.name, *options(authority, None)).code == 0


def test_tls12_knows_when_the_handshake_is_done(site, authority, device):
    with Judge(site, authority, says_goodbye, version=ssl.TLSVersion.TLSv1_2) as judge:
        ran = run("check", judge.name, *options(authority, device))
        assert ran.code == 0 and "client_certificate_judged" not in ran.json


def test_policy_for_waits_for_the_verdict_as_check_does(site, authority):
    """A server that refuses us half a second after the handshake: no policy can talk to it."""
    given = options(authority, None)
    with SlowJudge(site, authority, ssl.CERT_REQUIRED) as judge:
        refused = run("check", judge.name, *given).json["error"]
        assert refused["code"] == "alert" and refused["origin"] == "peer", refused
        ran = run("policy", "for", judge.name, *given)
        assert ran.code == 4 and not any(one["ok"] for one in ran.json["policies"])
        assert next(one["error"] for one in ran.json["policies"] if one["name"] == "default") == refused
    with SlowJudge(site, authority, ssl.CERT_OPTIONAL) as judge:
        ran = run("policy", "for", judge.name, *given)
        assert ran.code == 0 and next(one["ok"] for one in ran.json["policies"] if one["name"] == "default")
