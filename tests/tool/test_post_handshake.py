# SPDX-License-Identifier: Apache-2.0
"""What a peer may ask for once the handshake is over: new keys (TLS 1.3), another handshake (TLS 1.2)."""

import contextlib
import fcntl
import socket
import subprocess
import termios
import time

import pytest

from kit import Program, environment


def say(program, line):
    program.process.stdin.write(line.encode() + b"\n")
    program.process.stdin.flush()


class OpenSSL(Program):
    """s_client or s_server, with the commands it takes at the beginning of a line."""

    def __init__(self, *args):
        # Both its outputs in one, for their order.
        shell = ["-c", 'exec openssl "$@" 2>&1', "openssl"]
        super().__init__(*shell, *args, env=environment(), stdin=subprocess.PIPE, program="sh")

    def say(self, line):
        """What comes next is a read of its own: a command is only one at the beginning of what was read."""
        say(self, line)
        left = bytearray(4)
        while fcntl.ioctl(self.process.stdin, termios.FIONREAD, left) == 0 and any(left):
            assert self.process.poll() is None
            time.sleep(0.001)

    def until(self, words):
        seen = []
        while (line := self.line()) is not None:
            seen.append(line)
            if words in line:
                return line
        raise AssertionError("\n".join(seen))


@pytest.fixture
def openssl_peer():
    with contextlib.ExitStack() as running:

        def start(*args):
            peer = OpenSSL(*args)
            running.callback(peer.end)
            return peer

        yield start


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@pytest.fixture
def guest(openssl_peer, server, authority):
    def start(*args):
        peer = openssl_peer("s_client", "-connect", f"127.0.0.1:{server.port}", "-CAfile", authority.cert, *args)
        peer.say("hello")
        peer.until("hello")
        return peer

    return start


@pytest.mark.parametrize("command", ["k", "K"])  # its own keys; ours as well
def test_a_client_s_new_keys_are_followed(guest, command):
    peer = guest("-tls1_3")
    for word in ("first", "second"):
        peer.say(command)
        peer.until("KEYUPDATE")
        peer.say(word)
        assert peer.until(word) == word


def test_a_client_that_renegotiates_is_refused_and_no_other_is_disturbed(guest):
    other, peer = guest("-tls1_2"), guest("-tls1_2")
    peer.say("R")
    peer.until("RENEGOTIATING")
    peer.until("alert unexpected message")
    peer.wait()
    other.say("still there")
    assert other.until("still there") == "still there"


@pytest.fixture
def host(openssl_peer, site):
    def start(*args):
        port = free_port()
        peer = openssl_peer("s_server", "-accept", f"127.0.0.1:{port}", "-cert", site.cert, "-key", site.key, *args)
        peer.until("ACCEPT")
        peer.port = port
        return peer

    return start


@pytest.fixture
def visit(authority):
    with contextlib.ExitStack() as running:

        def start(port):
            program = Program("connect", f"localhost:{port}", "--ca", authority.cert, stdin=subprocess.PIPE)
            running.callback(program.end)
            return program

        yield start


@pytest.mark.parametrize("command", ["k", "K"])
def test_a_server_s_new_keys_are_followed(host, visit, command):
    peer = host("-tls1_3")
    ours = visit(peer.port)
    say(ours, "hello")
    peer.until("hello")
    for word in ("first", "second"):
        peer.say(command)
        peer.say(word)
        assert ours.line() == word
        say(ours, f"{word} seen")
        assert peer.until("seen") == f"{word} seen"


def test_a_server_that_wants_another_handshake_does_not_get_one(host, visit):
    peer = host("-tls1_2")
    ours = visit(peer.port)
    say(ours, "hello")
    peer.until("hello")
    peer.say("r")
    peer.say("still there")
    assert ours.line() == "still there"
    say(ours, "so am I")
    assert peer.until("so am I") == "so am I"
