# SPDX-License-Identifier: Apache-2.0
"""A program under callgrind, the counters between two points in time, and the functions they belong to."""
import collections
import re
import subprocess
from pathlib import Path

from lib.programs import Program

# Else glibc clears and copies with `rep stosb` and `rep movsb`, which callgrind counts once a byte.
TUNABLES = {"GLIBC_TUNABLES": "glibc.cpu.x86_rep_stosb_threshold=100000000:glibc.cpu.x86_rep_movsb_threshold=100000000"}
ALLOCATORS = {"malloc", "calloc", "realloc", "memalign", "posix_memalign", "aligned_alloc"}
NAME = re.compile(r"\((\d+)\)(?: (.*))?$")


class Counted(Program):
    """`counts()` is what was counted since `zero()`."""

    def __init__(self, command, folder):
        self.out = Path(folder) / "callgrind"
        valgrind = ["valgrind", "--tool=callgrind", "--quiet", "--vgdb-prefix=" + str(Path(folder) / "vgdb"),
                    f"--callgrind-out-file={self.out}"]
        self.prefix = Path(folder) / "vgdb"
        super().__init__([*valgrind, *command], TUNABLES)

    def ask(self, command):
        subprocess.run(["vgdb", f"--vgdb-prefix={self.prefix}", f"--pid={self.pid}", *command.split()], check=True,
                       capture_output=True, timeout=60)

    def zero(self):
        self.ask("zero")

    def counts(self):
        before = set(self.out.parent.glob("callgrind.*"))
        self.ask("dump")
        made = set(self.out.parent.glob("callgrind.*")) - before
        found = Counts(next(iter(made)))
        self.zero()
        return found


class Counts:
    """Instructions, calls of malloc and its like, and the instructions of each function itself."""

    def __init__(self, path):
        self.functions = collections.Counter()
        self.allocations = 0
        names, caller, called, is_call = {}, "", "", False

        def name_of(text):
            number, name = NAME.match(text).groups()
            if name:
                names[number] = name
            return names[number]

        with open(path, errors="replace") as lines:
            for line in lines:
                first = line[:1]
                if first.isdigit() or first in "+-*":
                    if not is_call:  # the line after calls= is what was spent in the called function
                        self.functions[caller] += int(line.split()[1])
                    is_call = False
                elif line.startswith("fn="):
                    caller = name_of(line[3:].rstrip())
                elif line.startswith("cfn="):
                    called = name_of(line[4:].rstrip())
                elif line.startswith("calls="):
                    is_call = True
                    if called in ALLOCATORS and caller not in ALLOCATORS:
                        self.allocations += int(line[6:].split()[0])
        self.instructions = sum(self.functions.values())
