# SPDX-License-Identifier: Apache-2.0
"""docs/cli.md shows what the tool does: each console in it is run again."""

import json
import os
import pathlib
import re
import subprocess

from kit import LIMIT, ROOT, SLUICE, environment, run

PAGE = (ROOT / "docs" / "cli.md").read_text()
# What differs from run to run.
VARIES = [
    (r"\d{4}-\d\d-\d\d", "DATE"),
    (r"\b[\d.]+ (ms|s|µs)\b", "TIME"),
    (r"\d+ days", "N days"),
    (r" *[█▉▊▋▌▍▎▏]+", ""),
    (r" +(?=TIME)", " "),
    (r"(?m)^ +p50 +p90 +p99 +longest$", "p50 p90 p99 longest"),
    (r"localhost:\d{5}\b", "PORT"),
]


def plain(text):
    for pattern, word in VARIES:
        text = re.sub(pattern, word, text)
    return text


def test_every_console_says_what_the_page_says(server, site, authority, tmp_path):
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "sluice").symlink_to(pathlib.Path(SLUICE).resolve())
    (tmp_path / "ca.pem").write_bytes(authority.cert.read_bytes())
    env = environment(PATH=f"{folder}:{os.environ['PATH']}")
    consoles = re.findall(r"^```console\n(.*?)^```$", PAGE, re.S | re.M)
    assert len(consoles) >= 4
    for console in consoles:
        # One shell, so that `echo $?` tells of the command before; each command is echoed as the page shows it.
        commands = [line[2:] for line in console.splitlines() if line.startswith("$ ")]
        script = "".join(f"cat <<'SHOWN'\n$ {c}\nSHOWN\n(exit $code)\n{c}\ncode=$?\n" for c in commands)
        script = "code=0\n" + script.replace("localhost:8443", server.name)
        shell = ["bash", "-c", script]
        both = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        done = subprocess.run(shell, cwd=tmp_path, env=env, timeout=LIMIT, **both)
        shown = done.stdout.decode().replace(f":{server.port}", ":8443")
        assert plain(shown) == plain(console)


def test_the_page_of_errors_is_what_the_lab_hears():
    ran = run("lab", "run", "--markdown")
    assert ran.code == 0, ran.err
    varies = [(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", "DATE"), (r"\b\d+ ms\b", "TIME")]
    shown, heard = (ROOT / "docs" / "errors.md").read_text(), ran.text
    for pattern, word in varies:
        shown, heard = re.sub(pattern, word, shown), re.sub(pattern, word, heard)
    listed = map(json.loads, run("lab", "list", "--json").text.splitlines())
    missing = {f"| `{one['case']}` |" for one in listed if not one["available"]}
    if missing:  # tests/peers sees to it that all of them are there
        shown = "".join(line for line in shown.splitlines(True) if not line.startswith(tuple(missing)))
        heard, shown = ("\n".join(line for line in text.splitlines() if line[:1] == "|") for text in (heard, shown))
    assert heard == shown, "make it anew: sluice lab run --markdown > docs/errors.md"
