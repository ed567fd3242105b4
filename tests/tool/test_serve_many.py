# SPDX-License-Identifier: Apache-2.0
"""`serve` holds ten thousand connections, or as many as the system lets two processes have."""

import concurrent.futures
import json
import resource
import socket
import ssl

import pytest

from kit import LIMIT

WISHED = 10_000
SPARE = 300  # descriptors that are not connections


@pytest.fixture
def low_limit():
    """A soft limit as low as a shell's; a program that wants more must ask."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(1024, hard), hard))
    yield hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def resident(pid):
    for line in open(f"/proc/{pid}/status"):
        if line.startswith("VmRSS:"):
            return int(line.split()[1])  # KiB
    raise AssertionError("no VmRSS")


class Crowd:
    def __init__(self, server, authority):
        self.server = server
        self.context = ssl.create_default_context(cafile=authority.cert)
        self.session = None
        self.members = []

    def join(self, _=None):
        raw = socket.create_connection(("127.0.0.1", self.server.port), timeout=4 * LIMIT)
        s = self.context.wrap_socket(raw, server_hostname="localhost", session=self.session)
        self.speak(s, b"hello")
        self.session = self.session or s.session  # the rest spare both sides some work
        self.members.append(s)

    @staticmethod
    def speak(s, word):
        s.sendall(word)
        assert s.recv(100) == word


def test_ten_thousand_connections_at_a_time(low_limit, serve, site, authority, capfd):
    count = min(WISHED, low_limit - SPARE)
    server = serve("--cert", site.cert, "--key", site.key, "--timeout", "60s")
    resource.setrlimit(resource.RLIMIT_NOFILE, (low_limit, low_limit))
    crowd = Crowd(server, authority)
    crowd.join()
    before = resident(server.process.pid)
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        for done in pool.map(crowd.join, range(count - 1)):
            assert done is None
    each = (resident(server.process.pid) - before) / count
    with capfd.disabled():
        print(f"\n{count} connections, {each:.1f} KiB each")
    assert each < 64

    for s in crowd.members:  # the first as well as the last is still served
        crowd.speak(s, b"still there?")
    server.terminate()
    for s in crowd.members:
        assert s.recv(100) == b""  # told goodbye, not cut off
        s.close()
    assert server.wait() == 0
    last = json.loads(server.rest()[-1])
    assert (last["event"], last["handshakes"], last["failed"]) == ("closed", count, 0)
