# SPDX-License-Identifier: Apache-2.0
"""The workloads and the programs of the comparison, and one interleaved run of them."""
import contextlib
import dataclasses
import os
import statistics
import sys
import time

from lib.processor import anonymous_kib, cpu_seconds, wait_until_idle
from lib.programs import Ended, Program, words

MIB, GIB = 1 << 20, 1 << 30
SERVERS = {"coal": "coal", "sluice_callbacks": "Sluice, callbacks", "sluice_coroutines": "Sluice, coroutines",
           "rustls_server": "rustls", "go_server": "Go", "asio_ssl_server": "asio::ssl"}
CLIENTS = {"bare_client": "bare s2n", "stream": "Sluice, stream", "connect": "Sluice, async_connect"}
SERVER_CPU, CLIENT_CPU = "0", "1"


@dataclasses.dataclass
class Workload:
    """`count` operations a burst; a figure is CPU time for `per` of them, in units of `unit`."""
    name: str
    title: str
    settings: dict
    count: int
    unit: str = "µs"
    scale: float = 1e6
    certificate: str = "p256"
    server: dict = dataclasses.field(default_factory=dict)


def bulk(name, title, work, chunk):
    return Workload(name, title, {"work": work, "chunk": chunk}, GIB // 2, "s/GiB", GIB)


HANDSHAKE = {"work": "handshake", "at_once": 32}
WORKLOADS = (
    Workload("W1", "full handshake, P-256", HANDSHAKE, 3000),
    Workload("W2", "full handshake, RSA-2048", HANDSHAKE, 1200, certificate="rsa"),
    Workload("W3", "resumed handshake", HANDSHAKE | {"resume": 1}, 3000, server={"tickets": 1}),
    Workload("W4", "mutual TLS", HANDSHAKE | {"mutual": 1}, 1800, server={"mutual": 1}),
    bulk("W5a", "send, writes of 256 KiB", "download", 256 << 10),
    bulk("W5b", "send, writes of 16 KiB", "download", 16 << 10),
    bulk("W5c", "receive, buffer of 256 KiB", "upload", 256 << 10),
    bulk("W5d", "receive, buffer of 16 KiB", "upload", 16 << 10),
    Workload("W6", "echo of 64 bytes, 64 connections", {"work": "echo", "at_once": 64}, 50000),
    Workload("W6one", "echo of 64 bytes, one connection", {"work": "echo", "at_once": 1}, 10000),
)
CLIENT = Workload("client", "client's full handshake, chain and name verified", HANDSHAKE, 1500)
IDLE = Workload("W7", "memory of an idle connection", {"work": "idle"}, 10000, "KiB")


class Machine:
    """Where the programs are; what can be run of the comparison."""

    def __init__(self, build, site, quick):
        self.programs, self.site, self.quick = build / "bench", site, quick

    def command(self, program, *more, cpu):
        return ["taskset", "-c", cpu, self.programs / program, f"site={self.site}", *more]

    def has(self, program):
        return (self.programs / program).exists()

    def server(self, name, workload, environment=None):
        # Go would use a thread a CPU that it may run on: it may run on one.
        return Program(self.command(name, f"certificate={workload.certificate}", *words(**workload.server),
                                    cpu=SERVER_CPU), environment, preexec_fn=be_preferred)

    def load(self, port, workload, program="bench_load", **more):
        count = max(workload.count // 10, 64) if self.quick else workload.count
        settings = workload.settings | {"count": count, "warm_up": max(count // 20, 1), "port": port} | more
        return Program(self.command(program, *words(**settings), cpu=CLIENT_CPU), preexec_fn=be_preferred)


def be_preferred():
    """A session of its own at the highest priority, where that is allowed: others then hardly matter."""
    os.setsid()
    with contextlib.suppress(OSError), open("/proc/self/autogroup", "w") as group:
        group.write("-20")
    with contextlib.suppress(OSError):
        os.nice(-20)


def summary(figures, base):
    """Medians, and the ratios to the same cycles of the base."""
    quarters = lambda all_of: statistics.quantiles(all_of, n=4) if len(all_of) > 1 else [all_of[0]] * 3
    ratios = [one / other for one, other in zip(figures, base) if other > 0]
    low, middle, high = quarters(ratios)
    return {"median": statistics.median(figures), "ratio": middle, "quartiles": [low, high], "figures": figures}


def interleaved(names, burst, cycles, base):
    """A burst of each in turn, the first one another each cycle."""
    found = {name: [] for name in names}
    for cycle in range(cycles):
        turn = cycle % len(names)
        for name in names[turn:] + names[:turn]:
            found[name].append(burst(name))
    return {name: summary(found[name], found[base]) for name in names}


def run_servers(machine, workload, cycles):
    """CPU of each server for an operation; the load's is in the same unit under "load"."""
    names = [name for name in SERVERS if machine.has(name)]
    load_cpu, wall = [], {name: [] for name in names}
    with contextlib.ExitStack() as stack:
        servers = {name: stack.enter_context(machine.server(name, workload)) for name in names}
        loads = {}
        for name in list(names):
            try:
                loads[name] = stack.enter_context(machine.load(servers[name].read()["port"], workload))
                loads[name].read()
            except Ended as why:
                print(f"scripts/bench: {workload.name}, {name}: {why}", file=sys.stderr)
                names.remove(name)

        def burst(name):
            wait_until_idle(servers[name].pid)
            before = cpu_seconds(servers[name].pid)
            done = loads[name].round()
            load_cpu.append(done["cpu"] / done["count"] * workload.scale)
            wall[name].append(done["p99_us"])
            return (cpu_seconds(servers[name].pid) - before) / done["count"] * workload.scale

        rows = interleaved(names, burst, cycles, "coal")
    for name in names:
        rows[name]["p99_us"] = statistics.median(wall[name])
    return {"title": workload.title, "unit": workload.unit, "rows": rows, "load": statistics.median(load_cpu)}


def run_clients(machine, cycles, mutual=None):
    """CPU of each client for a handshake with coal."""
    name = CLIENT.name + (", mutual TLS" if mutual else "")
    workload = dataclasses.replace(CLIENT, server={"mutual": mutual} if mutual else {})
    with contextlib.ExitStack() as stack:
        port = stack.enter_context(machine.server("coal", workload)).read()["port"]
        settings = {"mutual": mutual, "at_once": 16}
        bare = machine.load(port, workload, "bare_client", verify=1, **settings)
        clients = {"bare_client": stack.enter_context(bare)}
        for by in ("stream", "connect"):
            clients[by] = stack.enter_context(machine.load(port, workload, "sluice_client", by=by, **settings))
        for client in clients.values():
            client.read()

        def burst(which):
            done = clients[which].round()
            return done["cpu"] / done["count"] * workload.scale

        rows = interleaved(list(clients), burst, cycles, "bare_client")
    return {name: {"title": CLIENT.title + (", with a certificate" if mutual else ""), "unit": "µs", "rows": rows}}


def run_idle(machine):
    """Anonymous memory of a server for each connection that is established and then silent, after four seconds."""
    rows = {}
    for name in (name for name in SERVERS if machine.has(name)):
        with machine.server(name, IDLE) as server, machine.load(server.read()["port"], IDLE, warm_up=None) as load:
            load.read()
            before = anonymous_kib(server.pid)
            done = load.round()
            time.sleep(4)
            rows[name] = {"median": (anonymous_kib(server.pid) - before) / done["count"], "count": done["count"]}
    for row in rows.values():
        row["ratio"] = row["median"] / rows["coal"]["median"]
    return {"title": IDLE.title, "unit": IDLE.unit, "rows": rows}
