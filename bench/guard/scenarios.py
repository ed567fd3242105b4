# SPDX-License-Identifier: Apache-2.0
"""What the guard counts: a fixed number of operations of each kind, on coal and on Sluice, or in the clients."""
import contextlib
import dataclasses
import os
import subprocess
import tempfile

from lib.callgrind import TUNABLES, Counted, Counts
from lib.calls import Calls, per_operation
from lib.processor import wait_until_idle
from lib.programs import Program, words

MIB = 1 << 20
SERVERS = ("coal", "sluice_callbacks", "sluice_coroutines")
CLIENTS = {"bare": ["bare_client", "work=handshake", "verify=1"], "sluice_stream": ["sluice_client", "by=stream"],
           "sluice_connect": ["sluice_client", "by=connect"]}
STARTS = {"bare": ["bare_client"], "sluice": ["sluice_client"]}


@dataclasses.dataclass
class Load:
    """One kind of operation, and how much of it."""
    name: str
    unit: str
    settings: dict
    count: int
    warm_up: int
    operations: int  # what is divided by
    server: dict = dataclasses.field(default_factory=dict)
    servers: tuple = SERVERS

    def words(self):
        return words(**self.settings, count=self.count, warm_up=self.warm_up)


# A coroutine more for each 256 KiB is not visible, and valgrind's AES is slow.
LOADS = (
    Load("full handshake", "handshake", {"work": "handshake", "at_once": 8}, 400, 50, 400),
    Load("resumed handshake", "handshake", {"work": "handshake", "at_once": 8, "resume": 1}, 400, 50, 400,
         {"tickets": 1}),
    Load("mutual TLS", "handshake", {"work": "handshake", "at_once": 8, "mutual": 1}, 400, 50, 400, {"mutual": 1}),
    Load("echo", "echo", {"work": "echo", "at_once": 64, "size": 64}, 4000, 1000, 4000),
    Load("send", "MiB", {"work": "download", "chunk": 256 << 10}, 64 * MIB, MIB, 64, servers=SERVERS[:2]),
    Load("receive", "MiB", {"work": "upload", "chunk": 256 << 10}, 64 * MIB, MIB, 64, servers=SERVERS[:2]),
)
CLIENT, START = "client handshake", "start"
CLIENT_COUNT, CLIENT_WARM_UP = 100, 50
NAMES = tuple(load.name for load in LOADS) + (CLIENT, START)


@dataclasses.dataclass
class Figures:
    """Of one operation."""
    instructions: float
    allocations: float
    functions: dict

    @classmethod
    def of(cls, counts, operations):
        return cls(counts.instructions / operations, counts.allocations / operations,
                   {name: spent / operations for name, spent in counts.functions.items()})


@dataclasses.dataclass
class Bench:
    """Where the programs and the certificates are."""
    programs: object
    site: object

    def command(self, program, *more):
        return [self.programs / program, f"site={self.site}", *more]


@contextlib.contextmanager
def counted(command):
    with tempfile.TemporaryDirectory() as folder, Counted(command, folder) as program:
        yield program


def count_server(bench, server, loads):
    """The figures of one server process for loads that want the same of it."""
    found = {}
    with counted(bench.command(server, "certificate=p256", *words(**loads[0].server))) as process:
        port = process.read()["port"]
        for load in loads:
            with Program(bench.command("bench_load", f"port={port}", *load.words())) as client:
                client.read()
                wait_until_idle(process.pid)
                process.zero()
                client.round()
                wait_until_idle(process.pid)
                found[load.name] = {server: Figures.of(process.counts(), load.operations)}
    return found


def count_calls(bench, server):
    """System calls of a full handshake, without callgrind: they depend on when the load's bytes arrive."""
    load = LOADS[0]
    with Calls(bench.programs) as calls:
        command = bench.command(server, "certificate=p256")
        with Program(command, calls.environment) as process:
            port = process.read()["port"]
            with Program(bench.command("bench_load", f"port={port}", *load.words())) as client:
                client.read()
                before = calls.read()
                client.round()
                return per_operation(before, calls.read(), load.operations)


def count_client(bench, name):
    program, *settings = CLIENTS[name]
    with Program(bench.command("coal", "certificate=p256")) as server:
        port = server.read()["port"]
        settings += [f"port={port}", *words(at_once=8, count=CLIENT_COUNT, warm_up=CLIENT_WARM_UP)]
        with counted(bench.command(program, *settings)) as process:
            process.read()
            process.zero()
            process.round()
            return {CLIENT: {name: Figures.of(process.counts(), CLIENT_COUNT)}}


def count_process(command):
    """A process that ends by itself."""
    with tempfile.TemporaryDirectory() as folder:
        out = f"{folder}/callgrind"
        subprocess.run(["valgrind", "--tool=callgrind", "--quiet", f"--callgrind-out-file={out}", *command], check=True,
                       env={**os.environ, **TUNABLES, "S2N_DONT_MLOCK": "1"})
        return Figures.of(Counts(out), 1)


def count_start(bench, name):
    """A process that starts the engine, or makes a client context with anchors of its own, and ends."""
    return {START: {name: count_process(bench.command(*STARTS[name], "only_start=1"))}}


def count_start_of_machine(bench):
    """The same with the system's trust store, which differs from machine to machine: instructions."""
    return {"bare": count_start(bench, "bare")[START]["bare"].instructions,
            "sluice": count_process([bench.programs / "sluice_client", "only_start=1"]).instructions}


def jobs(only, programs):
    """What to run, each a function of the bench; those that take longest first. Of Sluice's programs, those in
    `programs` are counted, or all if it is empty."""
    def is_wanted(program):
        return not programs or program in programs or not program.startswith("sluice")

    made = []
    chosen = [load for load in LOADS if load.name in only]
    for wanted in ({"mutual": 1}, {}, {"tickets": 1}):
        for server in filter(is_wanted, SERVERS):
            loads = [load for load in chosen if load.server == wanted and server in load.servers]
            if loads:
                made.append(lambda bench, s=server, l=loads: count_server(bench, s, l))
    if CLIENT in only:
        made += [lambda bench, n=name: count_client(bench, n) for name in filter(is_wanted, CLIENTS)]
    if START in only:
        made += [lambda bench, n=name: count_start(bench, n) for name in STARTS]
    return made
