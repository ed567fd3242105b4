# SPDX-License-Identifier: Apache-2.0
"""The manual pages and completions that the build makes: whole, well formed, and of use in a shell."""

import os
import pathlib
import re
import subprocess

import pytest

from helps import commands, help_of, options_of
from kit import LIMIT, ROOT, SLUICE

MANUAL = pathlib.Path(os.environ.get("SLUICE_MANUAL", pathlib.Path(SLUICE).parent / "manual"))
PAGES = sorted((MANUAL / "man1").glob("*.1"))


def plain(page):
    """As a reader sees it."""
    shown = subprocess.run(
        ["mandoc", "-Tutf8", "-Owidth=100", page], check=True, capture_output=True, text=True, timeout=LIMIT
    ).stdout
    return re.sub(r".\x08", "", shown)


def test_there_is_a_page_for_every_verb_and_no_other():
    assert {page.stem for page in PAGES} == {"-".join(("sluice", *words)) for words in commands()}
    assert len(PAGES) > 15


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_is_well_formed(page):
    checked = subprocess.run(
        ["mandoc", "-Tlint", "-Wwarning", page], capture_output=True, text=True, timeout=LIMIT
    )
    assert (checked.returncode, checked.stdout) == (0, "")


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_a_page_contains_what_the_help_contains(words):
    text = plain(MANUAL / "man1" / ("-".join(("sluice", *words)) + ".1"))
    options = options_of(words)
    assert options
    for option in options:
        assert re.search(rf"^ +(-\w, )?{option}\b", text, re.M), option
    for section in ("NAME", "SYNOPSIS", "OPTIONS", "EXAMPLES", "EXIT STATUS", "SEE ALSO"):
        assert re.search(rf"^{section}$", text, re.M), section
    examples = re.search(r"^EXAMPLES$(.*?)^[A-Z]", text, re.M | re.S)[1]
    wanted = help_of(words).split("Example:\n")[1].split("\n\n")[0]
    assert wanted.split() == examples.split()  # letter for letter: no typographer's quotes or hyphens


def test_exit_codes_are_those_of_the_page_of_the_command_line():
    rows = re.findall(r"^\| (\d+) \| (.*) \|$", (ROOT / "docs" / "cli.md").read_text(), re.M)
    section = re.search(r"^EXIT STATUS$(.*?)^ENVIRONMENT$", plain(MANUAL / "man1" / "sluice.1"), re.M | re.S)[1]
    told = " ".join(section.split())
    assert len(rows) == 14
    assert told == " ".join(f"{code} {words.replace('`', '')}." for code, words in rows)


def test_every_variable_that_the_tool_reads_is_in_the_manual():
    text = plain(MANUAL / "man1" / "sluice.1")
    read = set()
    for path in [path for folder in ("tool", "testkit", "src") for path in (ROOT / folder).rglob("*.cpp")]:
        read |= set(re.findall(r'(?:getenv|variable)\("([A-Z_]+)"\)', path.read_text()))
    assert {"NO_COLOR", "SLUICE_PIN", "SSL_CERT_FILE"} <= read
    known = {"HOME", "TERM", "PATH", "TMPDIR"}  # environ(7) tells of these
    assert {name for name in read - known if name not in text} == set()


# --- bash ---


def completed(*words, folder=None):
    """What bash offers for the last of the words."""
    script = f"""
        source {MANUAL / 'bash' / 'sluice'}
        complete -p sluice >/dev/null || exit 3
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        _sluice 2>&1
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    shell = ["bash", "--norc", "--noprofile", "-c", script, "bash", "sluice", *words]
    done = subprocess.run(shell, check=True, capture_output=True, text=True, cwd=folder, timeout=LIMIT)
    assert done.stderr == ""
    return set(done.stdout.split("\n")) - {""}


def test_bash_offers_every_verb_and_option():
    for words in commands():
        below = {other[-1] for other in commands() if other[:-1] == words and other}
        if below:
            assert below <= completed(*words, ""), words
        assert completed(*words, "--") == options_of(words), words


def test_bash_narrows_what_it_offers(tmp_path):
    assert completed("che") == {"check"}
    assert completed("token", "ke") == {"keygen"}
    assert completed("check", "localhost", "--min") == {"--min-tls"}
    assert completed("no-such-verb", "") == set()


def test_bash_offers_files_and_words_where_they_belong(tmp_path):
    (tmp_path / "my ca.pem").touch()
    (tmp_path / "folder").mkdir()
    assert completed("check", "localhost", "--ca", "my", folder=tmp_path) == {"my ca.pem"}
    assert completed("check", "localhost", "--ca-dir", "", folder=tmp_path) == {"folder"}
    assert completed("check", "localhost", "--timeout", "", folder=tmp_path) == set()
    versions = {"1.0", "1.1", "1.2", "1.3"}
    assert completed("check", "--min-tls", "") == versions
    assert completed("check", "--min-tls", "=") == versions and completed("check", "--max-tls", "=", "1.3") == {"1.3"}
    assert completed("ca", "issue", "--key", "ec") == {"ec256", "ec384", "ec521"}
    assert completed("ca", "sign", "my", folder=tmp_path) == {"my ca.pem"}
