# SPDX-License-Identifier: Apache-2.0
"""`connect`: a faithful pipe."""

import json
import os
import random
import socket
import ssl
import subprocess
import threading

import pytest

from kit import LIMIT, SLUICE, Peer, Program, environment, run
from test_check import keys_are_exact

TEN_MB = 10_000_000


def noise(size, seed=1):
    return random.Random(seed).randbytes(size)


def tls_peer(site, behave, version=ssl.TLSVersion.TLSv1_3):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(site.cert, site.key)
    context.maximum_version = version
    context.num_tickets = 0
    return Peer(lambda s: behave(context.wrap_socket(s, server_side=True)))


def read_all(s):
    """Until the peer's close_notify; a cut raises."""
    got = bytearray()
    while chunk := s.recv(65536):
        got += chunk
    return bytes(got)


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_ten_megabytes_of_anything_come_back_as_they_were(version, server, authority):
    sent = b"Q\nR\n\x00\xff\x04\x1b" + noise(TEN_MB)
    # TLS 1.2 has no half-close: the tool says goodbye when all has been quiet for the time-out.
    ran = run(
        "connect",
        server.name,
        "--ca",
        authority.cert,
        "--max-tls",
        version,
        "--min-tls",
        version,
        "--timeout",
        "2s",
        stdin=sent,
    )
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == sent


def test_files_work_on_both_ends(server, authority, tmp_path):
    sent = tmp_path / "sent"
    got = tmp_path / "got"
    sent.write_bytes(noise(TEN_MB))
    with sent.open("rb") as source, got.open("wb") as sink:
        done = subprocess.run(
            [SLUICE, "connect", server.name, "--ca", authority.cert],
            stdin=source,
            stdout=sink,
            stderr=subprocess.PIPE,
            timeout=LIMIT,
            env=environment(),
        )
    assert (done.returncode, done.stderr) == (0, b"")
    assert got.read_bytes() == sent.read_bytes()


def test_the_end_of_stdin_is_a_half_close(site, authority):
    answer = noise(TEN_MB, 2)
    heard = []

    def behave(s):
        heard.append(read_all(s))  # ends, though the client is still there
        s.sendall(answer)
        s.unwrap()

    with tls_peer(site, behave) as peer:
        ran = run("connect", peer.name, "--ca", authority.cert, stdin=b"a question")
    assert (ran.code, ran.err) == (0, "")
    assert heard == [b"a question"] and ran.out == answer


def test_the_peers_half_close_leaves_our_direction_open(site, authority):
    heard = bytearray()
    said_goodbye = threading.Event()

    def behave(s):
        tls = MemoryTls(site, s)
        tls.write(b"hello\n")
        tls.say_goodbye()
        said_goodbye.set()
        heard.extend(tls.read_all())

    with Peer(behave) as peer:
        program = Program("connect", peer.name, "--ca", authority.cert, stdin=subprocess.PIPE)
        assert program.line() == "hello"
        assert said_goodbye.wait(LIMIT)
        for word in b"one ", b"two ", b"three":
            program.process.stdin.write(word)
            program.process.stdin.flush()
        program.process.stdin.close()
        assert program.wait() == 0
    assert bytes(heard) == b"one two three" and peer.trouble is None


class MemoryTls:
    """A TLS 1.3 server with its own hands on the records: it can say goodbye and go on listening."""

    def __init__(self, site, s):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(site.cert, site.key)
        self.s, self.incoming, self.outgoing = s, ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_side=True)
        self.drive(self.tls.do_handshake)

    def drive(self, call):
        while True:
            try:
                return call()
            except ssl.SSLWantReadError:
                self.flush()
                if not (chunk := self.s.recv(65536)):
                    raise EOFError
                self.incoming.write(chunk)
            finally:
                self.flush()

    def flush(self):
        if self.outgoing.pending:
            self.s.sendall(self.outgoing.read())

    def write(self, text):
        self.drive(lambda: self.tls.write(text))

    def say_goodbye(self):
        try:
            self.tls.unwrap()
        except ssl.SSLWantReadError:
            pass  # sent; the answer is not waited for
        self.flush()

    def read_all(self):
        got = bytearray()
        while True:
            try:
                chunk = self.drive(lambda: self.tls.read(65536))
            except ssl.SSLZeroReturnError:
                return got
            if not chunk:
                return got
            got += chunk


def test_a_peer_that_ends_ends_us_although_stdin_stays_open(site, authority):
    for version in ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3:
        reader, writer = os.pipe()
        with tls_peer(site, lambda s: (s.sendall(b"that was all\n"), goodbye(s)), version) as peer:
            done = subprocess.run(
                [SLUICE, "connect", peer.name, "--ca", authority.cert],
                stdin=reader,
                capture_output=True,
                timeout=LIMIT,
                env=environment(),
            )
        os.close(writer)
        os.close(reader)
        assert (done.returncode, done.stdout, done.stderr) == (0, b"that was all\n", b"")


def goodbye(s):
    """close_notify, then the end of the socket, without waiting for anybody."""
    s.settimeout(0)
    try:
        s.unwrap()
    except OSError:
        pass  # it waits for the answer; it has been sent
    s.close()


def test_truncation_is_distinguished_from_close_notify(site, authority):
    with tls_peer(site, lambda s: (s.sendall(b"half of the tru"), s.shutdown(socket.SHUT_RDWR))) as peer:
        ran = run("connect", peer.name, "--ca", authority.cert)
    assert ran.code == 4
    assert ran.out == b"half of the tru"
    assert ran.err.startswith("✗ ") and "ended without close_notify" in ran.err

    with tls_peer(site, lambda s: (s.sendall(b"the whole truth"), s.unwrap())) as peer:
        ran = run("connect", peer.name, "--ca", authority.cert)
    assert (ran.code, ran.out, ran.err) == (0, b"the whole truth", "")


def test_json_is_on_stderr_and_reports_the_truncation(site, authority):
    with tls_peer(site, lambda s: (s.sendall(b"data"), s.unwrap())) as peer:
        ran = run("connect", peer.name, "--ca", authority.cert, "--json")
    assert (ran.code, ran.out) == (0, b"data")
    report = json.loads(ran.err)
    told = report.pop("statistics")
    assert keys_are_exact(report) and report["ok"] is True and report["tls"]["version"] == "TLSv1.3"
    assert list(told) == ["received", "sent", "signatures"] and told["signatures"] == 0
    assert list(told["received"]) == list(told["sent"]) == ["bytes", "records", "wire_bytes", "alert"]
    assert told["received"]["bytes"] == 4 < told["received"]["wire_bytes"] and told["sent"]["bytes"] == 0
    assert told["received"]["alert"] == told["sent"]["alert"] == "close_notify"

    with tls_peer(site, lambda s: (s.sendall(b"data"), s.shutdown(socket.SHUT_RDWR))) as peer:
        ran = run("connect", peer.name, "--ca", authority.cert, "--json")
    report = json.loads(ran.err)
    assert report.pop("statistics")["received"]["alert"] is None
    assert keys_are_exact(report) and report["ok"] is False
    assert (ran.code, report["error"]["category"], report["error"]["code"]) == (4, "tls", "truncated")


def test_nothing_is_read_or_written_when_the_peer_is_not_trusted(server):
    ran = run("connect", server.name, stdin=b"a secret")
    assert (ran.code, ran.out) == (5, b"")
    assert ran.err.startswith("✗ ") and ran.err.count("\n") == 1


def test_a_requirement_comes_before_any_byte(server, authority):
    ran = run("connect", server.name, "--ca", authority.cert, "--require-alpn", "h2", stdin=b"a secret")
    assert (ran.code, ran.out) == (9, b"")


def test_a_reader_that_has_had_enough_ends_it_quietly(serve, site, authority):
    server = serve("--cert", site.cert, "--key", site.key, "--mode", "source")
    program = Program("connect", server.name, "--ca", authority.cert, stdin=subprocess.PIPE, raw=True)
    assert len(program.process.stdout.read(100_000)) == 100_000
    program.process.stdout.close()
    assert program.wait() == 0
    assert program.err == b""


def test_a_full_disk_is_reported(serve, site, authority):
    server = serve("--cert", site.cert, "--key", site.key, "--mode", "source")
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [SLUICE, "connect", server.name, "--ca", authority.cert],
            stdin=subprocess.PIPE,
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=LIMIT,
            env=environment(),
        )
    assert done.returncode == 70
    assert b"standard output" in done.stderr and b"No space left" in done.stderr


def test_a_reader_that_waits_stops_the_peer_and_not_our_own_words(server, authority):
    """Both directions at once, with a consumer that reads only after everything was written."""
    sent = noise(TEN_MB, 3)
    program = Program("connect", server.name, "--ca", authority.cert, stdin=subprocess.PIPE, raw=True)
    writer = threading.Thread(
        target=lambda: (program.process.stdin.write(sent), program.process.stdin.close()), daemon=True
    )
    writer.start()
    writer.join(timeout=1)  # far more than the buffers hold: it is stuck by now, or the echo got it all
    got = program.process.stdout.read()
    writer.join(timeout=LIMIT)
    assert program.wait() == 0 and got == sent


def test_the_shells_terminal_is_left_blocking(server, authority):
    reader, writer = os.pipe()
    os.write(writer, b"x")
    os.close(writer)
    assert os.get_blocking(reader)
    subprocess.run(
        [SLUICE, "connect", server.name, "--ca", authority.cert],
        stdin=reader,
        capture_output=True,
        timeout=LIMIT,
        env=environment(),
        check=True,
    )
    assert os.get_blocking(reader)
    os.close(reader)
