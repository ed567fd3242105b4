# SPDX-License-Identifier: Apache-2.0
"""System calls of a server, counted by a library that LD_PRELOAD puts before libc (common/count_calls.cpp)."""
import struct
import tempfile

NAMES = ("recv", "recv, nothing there", "send", "epoll_wait", "epoll_ctl", "accept", "accept, nobody there",
         "timerfd_settime")
FORMAT = f"{len(NAMES)}Q"


class Calls:
    """Give `environment` to the server; `read()` are the calls so far, by name."""

    def __init__(self, programs):
        self.file = tempfile.NamedTemporaryFile()
        self.file.write(bytes(struct.calcsize(FORMAT)))
        self.file.flush()
        self.environment = {"LD_PRELOAD": str(programs / "libcount_calls.so"), "SLUICE_BENCH_CALLS": self.file.name}

    def read(self):
        with open(self.file.name, "rb") as counters:
            return dict(zip(NAMES, struct.unpack(FORMAT, counters.read())))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()


def per_operation(before, after, operations):
    return {name: (after[name] - before[name]) / operations for name in NAMES}
