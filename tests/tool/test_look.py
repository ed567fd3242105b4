# SPDX-License-Identifier: Apache-2.0
"""How it looks: colour by meaning on a terminal, plain text in a pipe, symbols that fall back."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios

import pytest

from kit import LIMIT, SLUICE, environment, run

ESCAPE = re.compile(r"\033\[[0-9;]*m")


def on_terminal(*args, width=120, env=None):
    """Runs it with stdout on a pseudo-terminal of that width; answers what was shown."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
    process = subprocess.Popen(
        [SLUICE, *map(str, args)],
        stdin=subprocess.DEVNULL,
        stdout=follower,
        stderr=subprocess.PIPE,
        env=env or environment(),
    )
    os.close(follower)
    shown = b""
    while True:
        try:
            chunk = os.read(leader, 65536)
        except OSError:  # the other end is closed
            break
        if not chunk:
            break
        shown += chunk
    os.close(leader)
    process.communicate(timeout=LIMIT)
    return process.returncode, shown.decode().replace("\r\n", "\n")


def test_colour_follows_meaning_on_a_terminal(server, authority):
    code, shown = on_terminal("check", server.name, "--ca", authority.cert)
    assert code == 0 and shown.startswith("\033[32m✓ ")
    code, shown = on_terminal("check", server.name)
    assert code == 5 and shown.startswith("\033[1;31m✗ ")
    code, shown = on_terminal("check", server.name, "--insecure")
    assert code == 0 and shown.startswith("\033[33m✓ ")


def test_no_color_and_a_dumb_terminal_are_honoured(server, authority):
    for env in environment(NO_COLOR="1"), environment(TERM="dumb"):
        code, shown = on_terminal("check", server.name, "--ca", authority.cert, env=env)
        assert code == 0 and "\033" not in shown and shown.startswith("✓ ")


def test_a_pipe_gets_plain_text(server, authority):
    ran = run("check", server.name, "--ca", authority.cert)
    assert ran.text.startswith("✓ ") and "\033" not in ran.text


def test_the_words_are_the_same_in_both(server, authority):
    def words(text):  # times differ from run to run
        facts = ESCAPE.sub("", text).partition("\n  time\n")[0]
        return [line.split() for line in facts.splitlines()]

    _, shown = on_terminal("check", server.name, "--ca", authority.cert, width=200)
    assert words(shown) == words(run("check", server.name, "--ca", authority.cert).text)


def test_symbols_fall_back_to_ascii(server, authority):
    for name in "LC_ALL", "LANG":
        env = environment(LC_ALL=None, LC_CTYPE=None, LANG=None) | {name: "C"}
        good = run("check", server.name, "--ca", authority.cert, env=env)
        bad = run("check", server.name, env=env)
        assert good.out.isascii() and good.text.startswith("OK: ")
        assert bad.out.isascii() and bad.text.startswith("FAILED: ")
    demo = run("demo", "--no-timing", env=environment(LC_ALL="C"))
    assert demo.code == 0 and demo.out.isascii()


def test_tables_fit_the_terminal():
    code, shown = on_terminal("demo", "--no-timing", width=80)
    assert code == 0
    table = [line for line in ESCAPE.sub("", shown).splitlines() if line.startswith("  ")]
    assert len(table) == 9
    assert all(len(line) <= 80 for line in table) and "…" in "".join(table)


def test_help_is_plain_and_goes_to_stdout():
    ran = run("check", "--help")
    assert ran.code == 0 and "\033" not in ran.text and ran.err == ""


def test_a_reader_that_closes_early_is_no_error():
    reader, writer = os.pipe()
    os.close(reader)
    listed = [SLUICE, "lab", "list"]
    ran = subprocess.run(listed, stdout=writer, stderr=subprocess.PIPE, timeout=LIMIT, env=environment())
    os.close(writer)
    assert (ran.returncode, ran.stderr) == (0, b"")


def test_a_full_disk_is_reported():
    with open("/dev/full", "wb") as full:
        for args in ["lab", "list"], ["--version"]:
            ran = subprocess.run(
                [SLUICE, *args], stdout=full, stderr=subprocess.PIPE, timeout=LIMIT, env=environment()
            )
            assert ran.returncode == 70 and b"No space left on device" in ran.stderr


@pytest.mark.parametrize("width", [50, 80, 120])
def test_help_fits_the_terminal(width):
    code, shown = on_terminal("check", "--help", width=width)
    assert code == 0 and "\033[1mOptions:\033[0m\n" in shown
    before_examples = ESCAPE.sub("", shown).split("Example:\n")[0]
    assert all(len(line) <= width for line in before_examples.splitlines())
    assert before_examples.split() == run("check", "--help").text.split("Example:\n")[0].split()


def test_what_we_say_ourselves_falls_back_to_ascii():
    wrong = ["token", "list", "pkcs11:token=x?pin-value=12%zz"]
    plain, told = run(*wrong, env=environment(LC_ALL="C")), run(*wrong)
    assert plain.code == told.code == 1
    assert "pin-value=…:" in told.err and plain.err == told.err.replace("…", "...")
