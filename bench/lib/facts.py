# SPDX-License-Identifier: Apache-2.0
"""What a run depends on: the machine and the versions."""
import datetime
import platform
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def printed(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, cwd=ROOT).stdout.strip()
    except FileNotFoundError:
        return ""


def crate(name):
    lock = (ROOT / "bench" / "servers" / "rust" / "Cargo.lock").read_text()
    found = re.search(rf'name = "{name}"\nversion = "([^"]+)"', lock)
    return found[1] if found else "?"


def collect():
    processors = Path("/proc/cpuinfo").read_text()
    model = re.search(r"model name\s*: (.*)", processors)
    engine = (ROOT / "build" / "engine" / "engine.txt").read_text()
    boost = Path("/usr/include/boost/version.hpp")
    boost_version = re.search(r'BOOST_LIB_VERSION "([^"]+)"', boost.read_text()) if boost.exists() else None
    return {
        "date": datetime.date.today().isoformat(),
        "machine": f"{processors.count('processor')} CPUs, {model[1] if model else platform.machine()}, Linux "
                   f"{platform.release().split('-')[0]}",
        "compiler": printed("g++", "--version").splitlines()[0] if printed("g++", "--version") else "",
        "engine": ", ".join(" ".join(line.split()[:2]) for line in engine.splitlines() if line)[:120],
        "boost": boost_version[1].replace("_", ".") if boost_version else "?",
        "rustls": f"rustls {crate('rustls')}, tokio {crate('tokio')}, aws-lc-rs {crate('aws-lc-rs')}",
        "go": printed("go", "version").replace("go version ", ""),
        "openssl": printed("openssl", "version"),
        "commit": printed("git", "rev-parse", "--short", "HEAD"),
    }
