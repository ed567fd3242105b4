# SPDX-License-Identifier: Apache-2.0
"""docs/cli.md shows what the tool does: each console in it is run again."""

import json
import os
import pathlib
import re
import subprocess

import pytest

from helps import verbs
from kit import LIMIT, ROOT, SLUICE, environment, run

PAGE = (ROOT / "docs" / "cli.md").read_text()
CONSOLES = re.findall(r"^```console\n(.*?)^```$", PAGE, re.S | re.M)
# What differs from run to run.
VARIES = [
    (r"\d{4}-\d\d-\d\d(T[\d:]+Z)?", "DATE"),
    (r"\b[\d.]+ (ms|s|µs)\b", "TIME"),
    (r"\d+ days", "N days"),
    (r" *[█▉▊▋▌▍▎▏]+", ""),
    (r" +(?=TIME)", " "),
    (r"(?m)^ +p50 +p90 +p99 +longest$", "p50 p90 p99 longest"),
    (r"(?m)^ +connect +\[::1\]:\d+ \(refused\).*\n", ""),  # where localhost has that address, too
    (r"localhost:\d{5}\b", "PORT"),
    (r"127\.0\.0\.1:(?!8443)\d+", "ADDRESS"),
    (r"serial=[0-9a-f]+|serial [0-9a-f]+", "SERIAL"),
    (r"id=(%[0-9A-Fa-f]{2})+", "ID"),
    (r"slot(-id=| )\d+", "SLOT"),
    (r"SHA-256 [0-9a-f]+", "SHA-256"),
    (r"\d\d:\d\d UTC", "UTC"),
    (r"(?<!\S)/\S+/ca\.pem", "/tmp/ca.pem"),
    (r"(?m)^( +1 +)\d+ +TIME", r"\1 RATE TIME"),  # a row of token bench
]


def plain(text):
    """Without what differs, and without the width of columns, which follows it."""
    for pattern, word in VARIES:
        text = re.sub(pattern, word, text)
    return re.sub(r" {2,}", "  ", text)


@pytest.fixture
def shown_in(server, authority, tmp_path):
    """Runs a console's commands in one folder, where each finds what those before it left; answers what is shown."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "sluice").symlink_to(pathlib.Path(SLUICE).resolve())
    (tmp_path / "ca.pem").write_bytes(authority.cert.read_bytes())
    (tmp_path / "tokens").mkdir()
    (tmp_path / "softhsm2.conf").write_text(f"directories.tokendir = {tmp_path}/tokens\nlog.level = ERROR\n")
    env = environment(PATH=f"{folder}:{os.environ['PATH']}", SOFTHSM2_CONF=str(tmp_path / "softhsm2.conf"))

    def show(console):
        # One shell, so that `echo $?` tells of the command before; each command is echoed as the page shows it.
        commands = [line[2:] for line in console.splitlines() if line.startswith("$ ")]
        script = "".join(f"cat <<'SHOWN'\n$ {c}\nSHOWN\n(exit $code)\n{c}\ncode=$?\n" for c in commands)
        script = "code=0\n" + script.replace("localhost:8443", server.name)
        both = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        done = subprocess.run(["bash", "-c", script], cwd=tmp_path, env=env, timeout=LIMIT, **both)
        return done.stdout.decode().replace(f":{server.port}", ":8443")

    return show


def test_every_console_says_what_the_page_says(shown_in):
    assert len(CONSOLES) >= 8
    for console in CONSOLES:
        assert plain(shown_in(console)) == plain(console)


def is_shown_at_work(*words):
    return any(re.search(rf"^\$ .*\bsluice {' '.join(words)}\b", console, re.M) for console in CONSOLES)


@pytest.mark.parametrize("words", verbs(), ids=" ".join)
def test_every_verb_is_shown_at_work(words):
    """Of those that measure, or print pages, one of a family will do; the page tells of the others."""
    if words[0] in ("bench", "policy") and is_shown_at_work(words[0]):
        assert re.search(rf"`(sluice )?({words[0]} )?{words[1]}\b|sluice {' '.join(words)}\b", PAGE)
    else:
        assert is_shown_at_work(*words)


def test_the_page_of_errors_is_what_the_lab_hears():
    ran = run("lab", "run", "--markdown")
    assert ran.code == 0, ran.err
    varies = [(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", "DATE"), (r"\b\d+ ms\b", "TIME"), (r"\b\d+ bytes\b", "SIZE")]
    shown, heard = (ROOT / "docs" / "errors.md").read_text(), ran.text
    for pattern, word in varies:
        shown, heard = re.sub(pattern, word, shown), re.sub(pattern, word, heard)
    listed = map(json.loads, run("lab", "list", "--json").text.splitlines())
    missing = {f"| `{one['case']}` |" for one in listed if not one["available"]}
    if missing:  # tests/peers sees to it that all of them are there
        shown = "".join(line for line in shown.splitlines(True) if not line.startswith(tuple(missing)))
        heard, shown = ("\n".join(line for line in text.splitlines() if line[:1] == "|") for text in (heard, shown))
    assert heard == shown, "make it anew: sluice lab run --markdown > docs/errors.md"
