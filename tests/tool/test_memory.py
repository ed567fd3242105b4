# SPDX-License-Identifier: Apache-2.0
"""One allocation of `serve` fails, at start or in one of ten handshakes: it serves on, or ends with a sentence; SIGTERM
always ends it. SLUICE_MEMORY_RUNS says how many allocations are tried (default 25), SLUICE_MEMORY_SEED which."""

import os
import random
import re
import signal
import socket
import ssl
import subprocess

import pytest

from kit import LIMIT, SLUICE, environment

PRELOAD = os.path.join(os.path.dirname(SLUICE), "tests", "libsluice_failing_malloc.so")
RUNS = int(os.environ.get("SLUICE_MEMORY_RUNS", "25"))
SEED = int(os.environ.get("SLUICE_MEMORY_SEED", "1"))
HANDSHAKES = 10

pytestmark = pytest.mark.skipif(not os.path.exists(PRELOAD), reason="sanitizers have an allocator of their own")


def handshake(port, ca):
    context = ssl.create_default_context(cafile=ca)
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=20) as s:
            with context.wrap_socket(s, server_hostname="localhost") as tls:
                tls.sendall(b"x")
                return tls.recv(1) == b"x"
    except OSError:
        return False


def serve(site, ca, **env):
    """(exit code, stderr, was the last client served); None for what it did not come to."""
    server = subprocess.Popen([SLUICE, "serve", "--listen", "127.0.0.1:0", "--cert", site.cert, "--key", site.key],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env=environment(LD_PRELOAD=PRELOAD, **env))
    try:
        found = re.search(rb":(\d+)$", server.stdout.readline().strip())
        served = None
        if found:
            for _ in range(HANDSHAKES + 1):
                served = handshake(int(found[1]), ca)
        try:
            code = server.wait(timeout=0.05 if found and served else 5)
        except subprocess.TimeoutExpired:
            server.send_signal(signal.SIGTERM)
            code = server.wait(timeout=LIMIT)
        else:
            served = None
        return code, server.stderr.read().decode(), served
    finally:
        if server.poll() is None:
            server.kill()
            server.wait()
        server.stdout.close()
        server.stderr.close()


@pytest.fixture(scope="module")
def total(site, authority, tmp_path_factory):
    count = tmp_path_factory.mktemp("memory") / "count"
    assert serve(site, authority.cert, FAILING_MALLOC_COUNT=str(count)) == (0, "", True)
    return int(count.read_text())


def test_an_allocation_that_fails_ends_one_handshake_or_the_process_in_words(site, authority, total):
    for n in random.Random(SEED).choices(range(total), k=RUNS):
        code, said, served = serve(site, authority.cert, FAILING_MALLOC=str(n))
        assert code >= 0, f"allocation {n} of {total}: signal {-code}; {said}"
        if served is None:
            assert code in (1, 70, 127) and said, f"allocation {n}: exit {code} without a word"
        else:
            assert code == 0, f"allocation {n}: exit {code} after SIGTERM; {said}"
            assert served, f"allocation {n}: the next clients are not served; {said}"
