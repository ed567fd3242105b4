# SPDX-License-Identifier: Apache-2.0
"""`bench`: presses a server, and says what came of it. Nothing here asserts how fast anything is."""

import fcntl
import json
import os
import pty
import resource
import signal
import struct
import subprocess
import termios
import threading

import pytest

from kit import LIMIT, SLUICE, Program, deaf_port, environment, run
from stalling import Stalling

TOP = ["workload", "rate", "ok", "errors", "per_s", "mb_s", "latency_us", "connections"]
TIMES = ["p50", "p90", "p99", "p999", "max"]
SHORT = ("--duration", "500ms")
QUICK = ("--duration", "1s", "--warm-up", "100ms")


def bench(*args, code=0):
    ran = run("bench", *args, "--json")
    assert code is None or ran.code == code, (ran.text, ran.err)
    assert ran.out.count(b"\n") == 1
    answer = ran.json
    assert list(answer) == TOP and list(answer["latency_us"]) == TIMES
    times = [answer["latency_us"][name] for name in TIMES]
    if times[0] is None:
        assert times == [None] * 5
    else:
        assert times == sorted(times) and times[0] > 0
    return answer


@pytest.fixture
def mode(serve, site):
    return lambda name, *more: serve("--cert", site.cert, "--key", site.key, "--mode", name, *more)


def handshakes_at(server):
    """How every handshake went, once the server is done."""
    server.terminate()
    events = [json.loads(line) for line in server.rest()]
    return [event for event in events if event["event"] == "handshake"]


def test_handshake_in_json(mode, authority):
    server = mode("echo")
    answer = bench("handshake", server.name, "--ca", authority.cert, "--connections", "4", *QUICK)
    assert (answer["workload"], answer["rate"], answer["connections"]) == ("handshake", None, 4)
    assert answer["ok"] > 0 and answer["errors"] == {} and answer["per_s"] > 0 and answer["mb_s"] == 0
    seen = handshakes_at(server)
    assert len(seen) > answer["ok"] and all(one["ok"] for one in seen)  # the warm-up and the first are there too
    assert not any(one["tls"]["resumed"] for one in seen)


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_handshake_resumed(mode, authority, version):
    server = mode("echo")
    wishes = ("--ca", authority.cert, "--connections", "3", "--threads", "2", "--resume", "--max-tls", version)
    answer = bench("handshake", server.name, *wishes, *QUICK)
    assert answer["ok"] > 0 and answer["errors"] == {}
    seen = handshakes_at(server)
    assert sum(one["tls"]["resumed"] for one in seen) >= answer["ok"]


def test_handshake_that_cannot_resume_says_so(mode, site, authority):
    server = mode("echo", "--client-auth", "required", "--ca", authority.cert)  # s2n gives no tickets then
    mine = ("--cert", site.cert, "--key", site.key)
    wishes = ("handshake", server.name, "--ca", authority.cert, "--resume", *mine, *QUICK)
    answer = bench(*wishes, code=9)
    assert answer["ok"] == 0 and list(answer["errors"]) == ["not_resumed"]
    people = run("bench", *wishes)
    assert people.code == 9 and people.text.startswith(f"✗ {server.name}: nothing succeeded: ")
    assert "drop --resume" in people.text.splitlines()[0]


def test_handshake_with_a_client_certificate(mode, site, authority):
    mine = ("--mtls", "--cert", site.cert, "--key", site.key)
    strict = mode("echo", "--client-auth", "required", "--ca", authority.cert)
    trusting = ("--ca", authority.cert, "--connections", "2", *QUICK)
    answer = bench("handshake", strict.name, *trusting, *mine)
    assert answer["ok"] > 0 and answer["errors"] == {}
    refused = bench("handshake", strict.name, *trusting, "--max-tls", "1.2", code=4)
    assert refused["ok"] == 0 and sum(refused["errors"].values()) == 1
    careless = mode("echo")
    unasked = bench("handshake", careless.name, *trusting, *mine, code=9)
    assert unasked["ok"] == 0 and list(unasked["errors"]) == ["no_client_certificate"]


def test_a_refusal_that_comes_after_the_handshake_is_no_success(site, authority):
    trusting = ("--ca", authority.cert, "--connections", "2", *QUICK)
    with Stalling(site, client_ca=authority.cert) as strict:  # TLS 1.3: the client is done before it is judged
        refused = bench("handshake", strict.name, *trusting, code=4)
        assert refused["ok"] == 0 and refused["errors"] == {"alert": 1}
        mine = ("--mtls", "--cert", site.cert, "--key", site.key)
        assert bench("handshake", strict.name, *trusting, *mine)["errors"] == {}


def test_the_open_loop_asks_for_as_many_as_are_due(mode, authority):
    server = mode("echo")
    answer = bench(
        "handshake", server.name, "--ca", authority.cert, "--threads", "1", "--rate", "20", "--duration", "2s",
        "--warm-up", "500ms", "--timeout", "1m",
    )
    assert answer["rate"] == 20.0
    assert answer["ok"] + sum(answer["errors"].values()) == 40


def test_a_stall_hides_nothing_in_the_open_loop_and_one_ping_in_the_closed(site, authority):
    common = ("--ca", authority.cert, "--duration", "3s", "--warm-up", "0s", "--timeout", "1m")
    with Stalling(site, after=50, pause=2) as server:
        closed = bench("latency", server.name, *common)
    with Stalling(site, after=50, pause=2) as server:
        opened = bench("latency", server.name, *common, "--rate", "100")
    assert closed["latency_us"]["max"] >= 2e6 and opened["latency_us"]["max"] >= 2e6
    assert opened["ok"] == 300 and opened["errors"] == {}
    # 200 pings became due while it stalled, and each waited for what was left of the pause: half of all for a second
    # or so. The closed loop asked nothing in that time, and so saw one.
    assert opened["latency_us"]["p90"] >= 1e6
    assert closed["latency_us"]["p50"] < opened["latency_us"]["p90"]


def test_latency_in_json(mode, authority):
    server = mode("echo")
    answer = bench("latency", server.name, "--ca", authority.cert, "--connections", "3", "--size", "100", *QUICK)
    assert (answer["workload"], answer["rate"], answer["connections"]) == ("latency", None, 3)
    assert answer["ok"] > 0 and answer["errors"] == {} and answer["mb_s"] > 0
    assert len(handshakes_at(server)) == 4  # the first, and three that stay


def test_latency_by_the_clock_misses_nothing(mode, authority):
    server = mode("echo")
    answer = bench(
        "latency", server.name, "--ca", authority.cert, "--connections", "3", "--threads", "2", "--rate", "100",
        "--duration", "2s", "--warm-up", "500ms", "--timeout", "1m",
    )
    assert answer["ok"] in (199, 200, 201) and answer["errors"] == {}  # three schedules, each with its own edges


@pytest.mark.parametrize("rate", [(), ("--rate", "50")])
def test_latency_needs_an_echo(mode, authority, rate):
    source = mode("source")
    wrong = bench("latency", source.name, "--ca", authority.cert, *QUICK, *rate, code=4)
    assert wrong["ok"] == 0 and wrong["errors"]["wrong_echo"] > 0
    silent = mode("discard")
    answer = bench("latency", silent.name, "--ca", authority.cert, *QUICK, "--timeout", "1s", *rate, code=11)
    assert answer["ok"] == 0 and list(answer["errors"]) == ["timed_out"]


@pytest.mark.parametrize(
    "direction, server_mode", [("down", "source"), ("up", "discard"), ("both", "echo")], ids=["down", "up", "both"]
)
def test_throughput(mode, authority, direction, server_mode):
    server = mode(server_mode)
    answer = bench(
        "throughput", server.name, "--ca", authority.cert, "--direction", direction, "--connections", "2",
        "--duration", "1s", "--warm-up", "100ms",
    )
    assert (answer["workload"], answer["rate"]) == ("throughput", None)
    assert answer["ok"] > 0 and answer["errors"] == {} and answer["mb_s"] > 0


def test_throughput_of_a_server_that_does_something_else(mode, authority):
    server = mode("discard")
    wishes = ("throughput", server.name, "--ca", authority.cert, *QUICK)
    nothing = bench(*wishes, "--direction", "down", code=11)
    assert nothing["ok"] == 0 and nothing["errors"] == {"timed_out": 1}
    one_way = bench(*wishes, "--direction", "both")  # what we sent is gone, so that some of it succeeded
    assert one_way["ok"] > 0 and one_way["errors"] == {"timed_out": 1}
    people = run("bench", *wishes)
    assert people.code == 11 and "sluice serve --mode source" in people.text.splitlines()[0]


def test_throughput_up_to_a_server_that_answers_is_a_failure(mode, authority):
    server = mode("echo")
    wishes = ("--ca", authority.cert, "--direction", "up", *QUICK)
    answer = bench("throughput", server.name, *wishes, code=None)  # 4, unless some went before the answer came
    assert answer["errors"]["protocol_error"] > 0


def test_idle_keeps_more_connections_than_the_soft_limit_of_descriptors(mode, authority):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 2000:
        pytest.fail(f"the hard limit of descriptors is {hard}: nothing can be shown")
    server = mode("echo")
    lower = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    ran = run(
        "bench", "idle", server.name, "--ca", authority.cert, "--connections", "400", "--json", "--timeout", "1m",
        *SHORT, preexec_fn=lower,
    )
    assert ran.code == 0, ran.err
    answer = ran.json
    assert (answer["workload"], answer["ok"], answer["errors"], answer["connections"]) == ("idle", 400, {}, 400)
    assert answer["per_s"] > 0 and answer["latency_us"]["p50"] > 0
    assert all(one["ok"] for one in handshakes_at(server))


def test_idle_says_what_one_costs(server, authority):
    ran = run("bench", "idle", server.name, "--ca", authority.cert, "--connections", "50", *SHORT)
    assert ran.code == 0
    assert ran.text.startswith(f"✓ {server.name}: 50 of 50 connections stayed, ") and " KiB of memory each" in ran.text


def test_idle_reports_connections_that_the_server_dropped(server, authority):
    wishes = ("--ca", authority.cert, "--connections", "5", "--duration", "5m", "--json")
    program = Program("bench", "idle", server.name, *wishes)
    for _ in range(6):  # the first, and five that stay
        assert server.event("handshake")["ok"]
    server.terminate()  # says goodbye to who is quiet
    answer = json.loads(program.line())  # with nobody left to keep it does not wait for the end
    assert program.wait() == 4
    assert answer["ok"] == 0 and answer["errors"] == {"closed": 5} and answer["per_s"] > 0


def test_idle_beyond_the_hard_limit_is_1(server, authority):
    lower = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
    ran = run("bench", "idle", server.name, "--ca", authority.cert, "--connections", "1000", preexec_fn=lower)
    assert ran.code == 1 and ran.out == b""
    assert "256 descriptors, too few for 1000 connections" in ran.err and "ulimit -Hn" in ran.err


def test_without_an_answer_there_is_an_object_too(server):
    with deaf_port() as port:
        refused = bench("handshake", f"127.0.0.1:{port}", code=3)
    assert refused["ok"] == 0 and refused["errors"] == {"refused": 1} and refused["per_s"] == 0
    assert bench("latency", "no-such-name.invalid", code=2)["errors"] == {"name_not_found": 1}
    assert bench("throughput", server.name, code=5)["errors"] == {"untrusted": 1}
    people = run("bench", "idle", server.name)
    assert people.code == 5 and people.text.startswith(f"✗ {server.name}: nothing succeeded: ")


def test_a_server_that_goes_away_leaves_errors_by_cause_and_what_was_measured(mode, authority):
    server = mode("echo", "--exit-after", "20")
    answer = bench(
        "handshake", server.name, "--ca", authority.cert, "--connections", "2", "--threads", "1", "--duration", "2s",
        "--warm-up", "0s",
    )
    # One of the 20 is the trial before; and one may be under way on the other connection when the last is counted.
    assert 0 < answer["ok"] <= 20 and answer["errors"]["refused"] > 0
    assert set(answer["errors"]) <= {"refused", "closed", "reset", "truncated", "alert"}


@pytest.mark.parametrize("workload", ["handshake", "latency"])
def test_ctrl_c_reports_what_was_measured_and_is_130(mode, authority, workload):
    server = mode("echo")
    program = Program(
        "bench", workload, server.name, "--ca", authority.cert, "--duration", "5m", "--warm-up", "0s",
        "--connections", "2", "--json",
    )
    for _ in range(3):
        server.event("handshake")
    # Something was done by the time that five others have been served.
    for _ in range(5):
        assert run("check", server.name, "--ca", authority.cert).code == 0
    program.process.send_signal(signal.SIGINT)
    answer = json.loads(program.line())
    assert program.wait() == 130 and program.err == b""
    assert list(answer) == TOP and answer["ok"] > 0 and answer["errors"] == {} and answer["per_s"] > 0


@pytest.mark.parametrize(
    "args",
    [
        ["handshake"],
        ["handshake", "localhost:99999"],
        ["handshake", "localhost:1", "--mtls"],
        ["handshake", "localhost:1", "--rate", "0"],
        ["handshake", "localhost:1", "--rate", "many"],
        ["handshake", "localhost:1", "--duration", "0s"],
        ["handshake", "localhost:1", "--duration", "5"],
        ["handshake", "localhost:1", "--connections", "0"],
        ["throughput", "localhost:1", "--rate", "5"],
        ["throughput", "localhost:1", "--direction", "sideways"],
        ["latency", "localhost:1", "--size", "7"],
        ["idle", "localhost:1", "--warm-up", "1s"],
        ["no-such-workload", "localhost:1"],
        [],
    ],
)
def test_wrong_usage_is_1_in_one_line(args):
    ran = run("bench", *args)
    assert ran.code == 1 and ran.out == b"" and ran.err.count("\n") == 1


def test_people_get_a_verdict_figures_and_a_plot(mode, authority):
    server = mode("echo")
    ran = run("bench", "latency", server.name, "--ca", authority.cert, "--rate", "100", *QUICK)
    assert ran.code == 0 and ran.err == "" and "\033" not in ran.text and "\r" not in ran.text
    first, *rest = ran.text.splitlines()
    assert first.startswith(f"✓ {server.name}: ") and " echoes a second, p50 " in first
    facts = {line.split()[0]: line for line in rest if line.startswith("  ")}
    assert server.address in facts["address"] and "TLSv1.3" in facts["agreed"]
    assert "100 a second, timed from when each was due" in facts["load"]
    assert "p99.9" in facts["latency"] and "max" in facts["latency"]
    bars = [line for line in rest if line.startswith("  ≤ ")]
    shares = [float(line.split("%")[0].split()[-1]) for line in bars]
    assert bars and abs(sum(shares) - 100) < 1 and any("█" in line for line in bars)


def on_terminals(*args, env=None):
    """What is shown with stdout and stderr on a terminal each."""
    shown, processes = {}, []
    pairs = {name: pty.openpty() for name in ("out", "err")}
    for leader, follower in pairs.values():
        fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 60, 0, 0))
    process = subprocess.Popen(
        [SLUICE, *map(str, args)],
        stdin=subprocess.DEVNULL,
        stdout=pairs["out"][1],
        stderr=pairs["err"][1],
        env=env or environment(),
    )

    def read(name, leader):
        data = b""
        try:
            while chunk := os.read(leader, 65536):
                data += chunk
        except OSError:  # the other end is closed
            pass
        shown[name] = data.decode().replace("\r\n", "\n")
        os.close(leader)

    for name, (leader, follower) in pairs.items():
        os.close(follower)
        processes.append(threading.Thread(target=read, args=(name, leader)))
        processes[-1].start()
    for thread in processes:
        thread.join(timeout=LIMIT)
    return process.wait(timeout=LIMIT), shown["out"], shown["err"]


def test_progress_is_on_a_terminal_alone_and_goes_away(mode, authority):
    server = mode("echo")
    wishes = ("bench", "handshake", server.name, "--ca", authority.cert, "--connections", "2", *QUICK)
    code, out, err = on_terminals(*wishes)
    assert code == 0 and out.startswith("\033[32m✓ ")
    assert "warming up" in err and "measuring" in err and err.endswith("\r\033[K") and "\n" not in err
    told = [line for line in err.replace("\033[2m", "").replace("\033[0m", "").split("\r\033[K") if line]
    assert told and all(len(line) < 60 for line in told)
    code, out, err = on_terminals(*wishes, env=environment(TERM="dumb"))
    assert code == 0 and "\033" not in out and err == ""
    code, out, err = on_terminals(*wishes, "--json")
    assert code == 0 and json.loads(out)["ok"] > 0 and "measuring" in err


def test_symbols_fall_back_to_ascii(mode, authority):
    server = mode("echo")
    ran = run("bench", "handshake", server.name, "--ca", authority.cert, *QUICK, env=environment(LC_ALL="C"))
    assert ran.code == 0 and ran.out.isascii() and ran.text.startswith("OK: ") and "<= " in ran.text and "#" in ran.text


@pytest.mark.parametrize("workload", ["handshake", "throughput", "latency", "idle"])
def test_help_has_an_example_and_says_what_the_server_has_to_do(workload):
    ran = run("bench", workload, "--help")
    assert ran.code == 0 and f"sluice bench {workload}" in ran.text.split("Example:")[1]
    wanted = {"throughput": ["discard", "source", "echo"], "latency": ["sluice serve --mode echo"]}
    assert all(word in ran.text for word in wanted.get(workload, []))
