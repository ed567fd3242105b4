# SPDX-License-Identifier: Apache-2.0
"""The documents that scripts/bench writes: docs/performance.md, its plots, and the table in README.md."""
import re
from pathlib import Path

from lib import plot, prose
from lib.workloads import CLIENTS, SERVERS

ROOT = Path(__file__).resolve().parents[2]
PAGE, PLOTS, README = ROOT / "docs" / "performance.md", ROOT / "docs" / "performance", ROOT / "README.md"
MARKS = ("<!-- table: written by scripts/bench -->\n", "<!-- end of the table -->\n")
OURS = ("sluice_callbacks", "sluice_coroutines")
SERVED = ("W1", "W2", "W3", "W4", "W5a", "W5b", "W5c", "W5d", "W6", "W6one")
CLIENT_SECTIONS = ("client", "client, mutual TLS")


def number(value):
    digits = next((digits for below, digits in ((1, 3), (10, 2), (1000, 1)) if value < below), 0)
    return f"{value:,.{digits}f}"


def show(name, section):
    """For whoever waits for the run."""
    print(f"{name}: {section['title']} ({section['unit']})")
    for program, row in section["rows"].items():
        spread = " [{:.3f} to {:.3f}]".format(*row["quartiles"]) if "quartiles" in row else ""
        print(f"  {program:18} {number(row['median']):>10}  ratio {row['ratio']:.3f}{spread}", flush=True)
    if "load" in section:
        print(f"  {'(the load itself)':18} {number(section['load']):>10}")


def table(head, rows):
    return "\n".join(["| " + " | ".join(head) + " |", "|---" * len(head) + "|",
                      *("| " + " | ".join(row) + " |" for row in rows)]) + "\n"


def cell(row, is_ours):
    if row is None:
        return "–"
    spread = " ({:.2f}–{:.2f})".format(*row["quartiles"]) if "quartiles" in row else ""
    ratio = f"{row['ratio']:.2f}"
    return (f"**{ratio}**" if is_ours else ratio) + spread


def ratios(found, sections, labels, base):
    """A row a workload: what the base spends, and the others' ratios to it."""
    names = [name for name in labels if any(name in found[one]["rows"] for one in sections) and name != base]
    rows = []
    for one in sections:
        section = found[one]
        programs = section["rows"]
        rows.append([section["title"], f"{number(programs[base]['median'])} {section['unit']}",
                     *(cell(programs.get(name), name in OURS or name in ("stream", "connect")) for name in names)])
        if "load" in section:
            rows[-1].append(f"{number(section['load'])}")
    head = ["work", labels[base], *(labels[name] for name in names)]
    return table(head + ["load"] * any("load" in found[one] for one in sections), rows)


def memory(found):
    rows = found["W7"]["rows"]
    return table(["server", "KiB a connection"],
                 [[f"**{SERVERS[name]}**" if name in OURS else SERVERS[name], f"{row['median']:.1f}"]
                  for name, row in rows.items()])


def losses(found):
    """Where another server, or the bare program, needs less than Sluice: from all sections, the largest first."""
    lost = []
    for name in (*SERVED, "W7", *CLIENT_SECTIONS):
        rows = found[name]["rows"]
        for ours in (one for one in (*OURS, "stream", "connect") if one in rows):
            better = {other: row for other, row in rows.items() if other not in (*OURS, "stream", "connect")}
            best = min(better, key=lambda other: better[other]["median"])
            excess = rows[ours]["median"] / better[best]["median"] - 1
            if excess > 0.02:
                lost.append((excess, f"- {found[name]['title']}, {(SERVERS | CLIENTS)[ours].removeprefix('Sluice, ')}: "
                                     f"{excess:.0%} more than {(SERVERS | CLIENTS)[best]}"))
    return "\n".join(text for _, text in sorted(lost, reverse=True)) + "\n" if lost else "Nowhere by more than 2 %.\n"


def counted(found):
    rows = []
    for scenario, programs in found["counts"]["counted"].items():
        base = programs.get("coal") or programs["bare"]
        for name, one in sorted(programs.items()):
            if one is not base and scenario != "start":
                rows.append([scenario, name.replace("_", ", ", 1).replace("sluice", "Sluice"),
                             f"{one['instructions']:,.0f}", f"{base['instructions']:,.0f}",
                             f"{one['instructions'] / base['instructions']:.3f}",
                             f"{one['allocations'] - base['allocations']:.0f}"])
    return table(["operation", "program", "instructions", "bare", "ratio", "allocations above the engine's"], rows)


def calls(found):
    names = ("send", "recv", "recv, nothing there", "epoll_wait", "epoll_ctl", "accept", "timerfd_settime")
    return table(["server", *names], [[SERVERS[server], *(f"{one[name]:.1f}" for name in names)]
                                      for server, one in found["counts"]["calls"].items()])


def start(found):
    one = found["counts"]["start"]
    return (f"`s2n_init()` alone takes {one['bare'] / 1e6:,.0f} million instructions; a program that makes one client "
            f"context with the system's trust store, {one['sluice'] / 1e6:,.0f} million, which is "
            f"{(one['sluice'] - one['bare']) / 1e6:,.0f} million more.\n")


def token(found):
    if not found.get("token"):
        return "Not measured in this run.\n"
    rows = [[f"{row['latency_ms']} ms", row["server"], f"{row['per_second']:.0f}",
             *(f"{row[kind]:.1f} ms" for kind in ("idle_p99_ms", "memory_p99_ms", "token_p99_ms")),
             f"{row['p99_ratio']:.2f}"] for row in found["token"]["speeds"]]
    speeds = table(["C_Sign", "server", "handshakes/s", "echo p99: idle", "key in memory", "key in the token",
                    "token to memory (median of pairs)"], rows)
    outages = [[row["server"], f"{row['established_lost']} of {row['established']}", f"{row['worst_echo_ms']:.0f} ms",
                f"{row['resumed_while_gone']} of {row['tried_to_resume_while_gone']}",
                f"after {row['first_success_after_return_s']:.2f} s" if row["first_success_after_return_s"] is not None
                else "none in 8 s"] for row in found["token"]["outages"]]
    if not outages:
        return speeds
    head = ["server", "established lost", "longest echo", "resumed while gone", "full handshakes after its return"]
    return speeds + "\n" + prose.OUTAGE + "\n" + table(head, outages)


def compiled(found):
    if not found.get("compile"):
        return "Not measured in this run.\n"
    rows = found["compile"]["rows"]
    labels = {"tcp": "plain Boost.Asio, no TLS", "sluice": "**Sluice**", "asio_ssl": "asio::ssl"}
    return table(["", "compile", "to plain TCP", "program, stripped"],
                 [[labels.get(name, name), f"{row['seconds']:.2f} s", f"{row['seconds'] / rows['tcp']['seconds']:.2f}",
                   f"{row['stripped_bytes'] / 1024:,.0f} KiB"] for name, row in rows.items()])


def points(section):
    return {name: (row["ratio"], *row.get("quartiles", [row["ratio"]] * 2)) for name, row in section["rows"].items()}


def write_plots(found):
    PLOTS.mkdir(exist_ok=True)
    others = {name: label for name, label in SERVERS.items() if name != "coal"}
    served = [(found[name]["title"], points(found[name])) for name in SERVED]
    ticks = (0.8, 1, 1.2, 1.4, 1.6, 1.8, 2)
    (PLOTS / "servers.svg").write_text(plot.dots("CPU time of the server; 1 = bare s2n (coal), at the edge: beyond 2",
                                                 served, others, 0.7, 2, "", ticks))
    clients = [(found[name]["title"].replace(", chain and name verified", ""), points(found[name]))
               for name in CLIENT_SECTIONS]
    (PLOTS / "clients.svg").write_text(plot.dots("CPU time of the client; 1 = bare s2n. Less is better.", clients,
                                                 {name: CLIENTS[name] for name in ("stream", "connect")}, 0.9, 1.5, "",
                                                 (0.9, 1, 1.1, 1.2, 1.3, 1.4, 1.5)))
    idle = {name: (row["median"],) * 3 for name, row in found["W7"]["rows"].items()}
    (PLOTS / "memory.svg").write_text(plot.dots("Memory of an idle connection, KiB. Less is better.",
                                                [("10,000 connections", idle)], SERVERS, 0, 80, " KiB",
                                                (0, 10, 20, 30, 40, 50, 60, 70, 80)))


def readme_table(found):
    names = [name for name in SERVERS if name in found["W1"]["rows"]]
    rows = []
    for one in ("W1", "W2", "W3", "W4", "W5a", "W6", "W7"):
        section = found[one]
        row = [f"{section['title']}, {section['unit']}"]
        for name in names:
            figure = section["rows"].get(name)
            value = number(figure["median"]) if figure else "–"
            row.append(f"**{value}**" if name in OURS else value)
        rows.append(row)
    return table(["server's CPU, or memory", *(SERVERS[name].replace("coal", "bare s2n") for name in names)], rows)


def write(found):
    write_plots(found)
    versions = found["facts"]
    parts = {"versions": "\n".join(f"- {name}: {value}" for name, value in versions.items()), "cycles": found["cycles"],
             "servers": ratios(found, SERVED, SERVERS, "coal"), "memory": memory(found), "losses": losses(found),
             "clients": ratios(found, CLIENT_SECTIONS, CLIENTS, "bare_client"), "counted": counted(found),
             "calls": calls(found), "start": start(found), "token": token(found), "compiled": compiled(found)}
    PAGE.write_text(prose.PAGE.format(**parts))
    readme = README.read_text()
    before, after = (re.escape(mark) for mark in MARKS)
    if not re.search(before, readme):
        raise SystemExit(f"README.md has no line {MARKS[0].strip()}")
    README.write_text(re.sub(f"{before}.*?{after}", lambda _: MARKS[0] + "\n" + readme_table(found) + "\n" + MARKS[1],
                             readme, flags=re.S))
    print("scripts/bench: docs/performance.md, its plots and the table in README.md are written")
