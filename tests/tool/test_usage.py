# SPDX-License-Identifier: Apache-2.0
"""What the tool says of itself, and to those who call it wrongly."""

import re

import pytest

from helps import commands, help_of, options_of, options_with_values, usage_of, verbs
from kit import run

VERBS = ["ca", "check", "connect", "demo", "lab", "serve", "token"]


def test_version_names_everything_inside():
    ran = run("--version")
    assert ran.code == 0 and ran.err == ""
    assert re.search(r"^sluice \d+\.\d+\.\d+$", ran.text, re.M)
    assert re.search(r"^s2n-tls \d+\.\d+\.\d+$", ran.text, re.M)
    assert re.search(r"^AWS-LC \d+\.\d+\.\d+", ran.text, re.M)
    assert re.search(r"^Boost 1\.\d+\.\d+$", ran.text, re.M)
    assert re.search(r"^default policy 20\d{6}$", ran.text, re.M)


def test_help_lists_the_verbs():
    ran = run("--help")
    assert ran.code == 0 and ran.err == ""
    for verb in VERBS:
        assert re.search(rf"^\s+{verb}\s+\S", ran.text, re.M)


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_help_of_every_verb_shows_an_example(words):
    ran = run(*words, "--help")
    assert ran.code == 0 and ran.err == ""
    assert re.search(rf"Example:\n.*\b{' '.join(('sluice', *words))}\b", ran.text, re.S)
    assert run(*words, "-h").text == ran.text and ran.out.isascii() == help_of(words).isascii()


def refused(words, *args):
    ran = run(*words, *args)
    assert (ran.code, ran.out) == (1, b""), args
    assert ran.err.count("\n") == 1 and ran.err.endswith(f"; see `{' '.join(('sluice', *words))} --help`\n"), ran.err
    return ran.err


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_what_no_verb_knows_is_wrong_usage(words):
    message = refused(words, "--no-such-option")  # or what it needs and did not get
    assert "--no-such-option" in message or " required" in message
    if "--json" in options_of(words):
        refused(words, "--json", "--no-such-option")


@pytest.mark.parametrize("words", [(), ("token",)], ids=["sluice", "token"])
def test_a_misspelt_verb_is_named(words):
    assert f'sluice{"".join(" " + w for w in words)}: "chekc" is not a verb; see `' in refused(words, "chekc")
    assert '"--jsn" is not an option; see `' in refused(words, "--jsn")
    assert '"a\\x1b[2J" is not a verb; see `' in refused(words, "a\x1b[2J")


@pytest.mark.parametrize("words", verbs(), ids=" ".join)
def test_what_a_verb_needs_is_asked_for(words):
    needed = re.sub(r"\[[^]]*\]", "", usage_of(words)).split()[1 + len(words) :]
    if needed:
        refused(words)
    for option in options_with_values(words):
        assert option in refused(words, option)


def test_most_verbs_need_something_and_have_options_with_values():
    assert {("check",), ("ca", "issue"), ("token", "sign"), ("lab", "serve")} <= {
        words for words in verbs() if re.sub(r"\[[^]]*\]", "", usage_of(words)).split()[1 + len(words) :]
    }
    assert "--timeout" in options_with_values(("check",)) and "--ip" in options_with_values(("ca", "issue"))


@pytest.mark.parametrize(
    "args",
    [
        [],
        ["no-such-verb"],
        ["check"],
        ["check", "--no-such-option", "localhost"],
        ["check", "localhost", "surplus"],
        ["check", "localhost", "--timeout"],
        ["serve"],
        ["demo", "surplus"],
    ],
)
def test_wrong_usage_is_one_sentence_with_a_remedy_and_code_1(args):
    ran = run(*args)
    assert ran.code == 1
    assert ran.out == b""
    assert ran.err.count("\n") == 1
    assert ran.err.startswith("sluice") and "--help`" in ran.err


@pytest.mark.parametrize(
    "args, word",
    [
        (["check", "localhost:0"], "port"),
        (["check", "localhost:65536"], "port"),
        (["check", "localhost:https"], "port"),
        (["check", ":443"], "host"),
        (["check", "[::1"], "bracket"),
        (["check", "localhost", "--timeout", "10"], "duration"),
        (["check", "localhost", "--timeout", "-1s"], "duration"),
        (["check", "localhost", "--timeout", "99999999999999999999s"], "duration"),
        (["check", "localhost", "--timeout", "0s"], "above 0"),
        (["serve", "--listen", "127.0.0.1:0", "--sessions", "0"], "1 to 65535"),
        (["check", "localhost", "--fail-under", "soon"], "duration"),
        (["check", "localhost", "--min-tls", "1.4"], "version"),
        (["check", "localhost", "--key", "site.key"], "certificate"),
        (["serve", "--listen", "127.0.0.1"], "port"),
        (["serve", "--listen", "example.org:443"], "address"),
        (["serve", "--listen", "127.0.0.1:0", "--mode", "gopher"], "mode"),
        (["serve", "--listen", "127.0.0.1:0", "--client-auth", "maybe"], "client-auth"),
        (["serve", "--listen", "127.0.0.1:0", "--tickets", "maybe"], "on or off"),
        (["serve", "--listen", "127.0.0.1:0", "--exit-after", "0"], "exit-after"),
        (["serve", "--listen", "127.0.0.1:0", "--max-connections", "-3"], "max-connections"),
    ],
)
def test_wrong_values_are_reported_with_what_would_be_right(args, word):
    ran = run(*args)
    assert ran.code == 1
    assert ran.out == b""
    assert ran.err.count("\n") == 1 and "; " in ran.err
    assert word in ran.err


@pytest.mark.parametrize("option", ["--cert", "--key"])
@pytest.mark.parametrize(
    "verb", [["check", "localhost"], ["connect", "localhost"], ["serve", "--listen", "127.0.0.1:0"]]
)
def test_a_pin_on_the_command_line_is_refused_and_not_repeated(verb, option, site):
    uri = "pkcs11:token=test;object=site?module-name=softhsm2&pin-value=271828"
    more = ["--cert", site.cert] if option == "--key" else []
    ran = run(*verb, option, uri, *more)
    assert ran.code == 1
    assert ran.out == b""
    assert "--pin-file" in ran.err and "SLUICE_PIN" in ran.err and "pin-source" in ran.err
    assert "271828" not in ran.err
