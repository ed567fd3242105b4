# SPDX-License-Identifier: Apache-2.0
"""Started without descriptors 0, 1 or 2: they are /dev/null, and nothing is written where it does not belong."""

import itertools
import os

import pytest

from kit import SLUICE, environment


def run_without(closed, *args):
    """The exit code; a signal is negative."""
    pid = os.fork()
    if pid == 0:
        try:
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            for descriptor in closed:
                os.close(descriptor)
            os.execve(SLUICE, [SLUICE, *map(str, args)], environment())
        finally:
            os._exit(99)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


SETS = [c for n in (1, 2, 3) for c in itertools.combinations((0, 1, 2), n)]


@pytest.mark.parametrize("closed", SETS, ids=str)
def test_the_verdict_is_the_same(closed):
    assert run_without(closed, "check", "--nosuch") == 1
    assert run_without(closed, "--version") == 0
    assert run_without(closed, "check", "localhost:1") in (3, 11)


@pytest.mark.parametrize("closed", SETS, ids=str)
def test_what_is_printed_is_in_no_file_and_no_socket(closed, server, authority, tmp_path):
    log = tmp_path / "keys"
    code = run_without(closed, "connect", server.name, "--ca", authority.cert, "--keylog", log, "--trace")
    assert code == 0
    for line in log.read_text().splitlines():
        assert line.split()[0].isupper(), line
    assert server.event("handshake")["ok"]
