# SPDX-License-Identifier: Apache-2.0
"""What a test asks of another implementation of TLS, and the ways to run one: a program, or a thread here."""

import contextlib
import dataclasses
import os
import pathlib
import socket
import subprocess
import threading
import time

from kit import LIMIT

WORDS = b"the quick brown fox jumps over the lazy dog\n"


@dataclasses.dataclass
class Ask:
    """A client: shake hands, have the words echoed."""

    port: int
    version: str  # "1.2" or "1.3", and no other
    ca: pathlib.Path
    name: str = "localhost"
    site: object = None  # a client certificate: .cert and .key
    alpn: str = ""
    resumes: bool = False  # then it does so twice, the second time with the session of the first


@dataclasses.dataclass
class Offer:
    """A server that echoes: .site is its certificate, .ca whom it wants client certificates from."""

    site: object
    version: str
    ca: pathlib.Path | None = None
    alpn: str = ""
    log: pathlib.Path | None = None  # where a program's words go


@dataclasses.dataclass
class Outcome:
    ok: bool
    text: str = ""  # what it said, for who looks at a failure


class Implementation:
    """`client(ask)` answers an Outcome, `server(offer)` is a context manager that answers a port."""

    name = "?"
    title, about = "?", "?"  # for docs/interop.md
    reverses = False  # its echo: OpenSSL's turns each line around
    speaks_http = False  # and has nothing echoed
    renews_tickets = False  # as a server, with each resumption, and takes the one before no more
    chooses_version = True  # else our server offers one version alone
    # Why something cannot be asked of it, by side/capability/version or the beginning of that.
    cannot = {}
    # What it finds wrong without saying so in an alert: "name", "authority", "stranger". `remarks` has the words.
    late = frozenset()
    # What its cells on the page have to be read with, by place as in `cannot`.
    remarks = {}

    def echo_of(self, words):
        return words.rstrip(b"\n")[::-1] + b"\n" if self.reverses else words


def ran(command, expected):
    """A client program that has the words echoed, says nothing else, and fails when anything is amiss."""
    done = subprocess.run(list(map(str, command)), input=WORDS, capture_output=True, timeout=LIMIT)
    text = (done.stdout + done.stderr).decode(errors="replace")
    return Outcome(done.returncode == 0 and done.stdout == expected, text)


def talk(command, words=WORDS):
    """A client program that copies stdin to the peer and the peer to stdout: done once it has printed the words."""
    process = subprocess.Popen(
        list(map(str, command)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    guard = threading.Timer(LIMIT, process.kill)
    guard.start()
    said = b""
    try:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(words)
            process.stdin.flush()
        while words not in said and (chunk := os.read(process.stdout.fileno(), 65536)):
            said += chunk
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
        said += process.stdout.read()
        return Outcome(process.wait() == 0 and words in said, said.decode(errors="replace"))
    finally:
        guard.cancel()
        process.kill()
        process.wait()
        process.stdout.close()


def port_of(process):
    """The port a program listens on, as the kernel tells it."""
    end = time.monotonic() + LIMIT
    while time.monotonic() < end and process.poll() is None:
        for line in pathlib.Path(f"/proc/{process.pid}/net/tcp").read_text().splitlines()[1:]:
            _, local, _, state, *rest = line.split()
            if state == "0A" and f"socket:[{rest[5]}]" in descriptors(process.pid):
                return int(local.rsplit(":", 1)[1], 16)
        time.sleep(0.01)
    raise AssertionError(f"it does not listen; its exit code is {process.poll()}")


def descriptors(pid):
    found = set()
    for entry in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            found.add(os.readlink(entry))
    return found


@contextlib.contextmanager
def program(command, log=None):
    """A server program, ended by a signal. It reads from a pipe that says nothing; what it says goes to `log`."""
    with open(log or os.devnull, "wb") as words:
        process = subprocess.Popen(list(map(str, command)), stdin=subprocess.PIPE, stdout=words, stderr=words)
        try:
            yield port_of(process)
        finally:
            process.kill()
            process.stdin.close()
            process.wait()


@contextlib.contextmanager
def thread(serve):
    """A server here: `serve(socket)` for one connection after the other."""
    listener = socket.create_server(("127.0.0.1", 0))

    def run():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:  # shut down below
                return
            with connection:
                connection.settimeout(LIMIT)
                with contextlib.suppress(Exception):  # of one client; the test looks at the other side
                    serve(connection)

    worker = threading.Thread(target=run, daemon=True)
    worker.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        worker.join(timeout=LIMIT)
