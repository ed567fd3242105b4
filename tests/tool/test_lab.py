# SPDX-License-Identifier: Apache-2.0
"""The lab: every peer gets its verdict, from our client and from others', and a verdict that is wrong is seen."""

import json
import os
import shutil
import signal
import subprocess

import pytest

from kit import LIMIT, SLUICE, Program, environment, run
from schemas import validate_run

FIELDS = ["case", "group", "expect", "got", "ok", "origin", "message"]
OPENSSL = (
    "echo | openssl s_client -connect {host}:{port} -CAfile {ca} -servername {sni} -verify_hostname {sni} "
    "-verify_return_error"
)


def lines_of(ran):
    return [json.loads(line) for line in ran.text.splitlines()]


@pytest.fixture(scope="module")
def every_case():
    listed = run("lab", "list", "--json")
    assert listed.code == 0 and listed.err == ""
    return lines_of(listed)


@pytest.fixture(scope="module")
def visited():
    return run("lab", "run", "--json")


def test_list_names_each_case_once_with_what_is_wrong(every_case):
    names = [one["case"] for one in every_case]
    assert len(names) == len(set(names)) and {"expired", "wrong-host", "plain-http", "silence"} <= set(names)
    assert {one["group"] for one in every_case} == {"certificates", "protocol", "behaviour", "tokens", "clients"}
    for one in every_case:
        assert one["about"] and one["available"] is (one["remedy"] is None), one
        assert one["origin"] in ((None,) if one["expect"] == "accepted" else ("local", "peer")), one


def test_our_client_gives_every_verdict(every_case, visited):
    assert visited.err == ""
    seen = lines_of(visited)
    assert [one["case"] for one in seen] == [one["case"] for one in every_case]
    unavailable = {one["case"] for one in every_case if not one["available"]}
    wrong = [one for one in seen if one["ok"] is not (None if one["case"] in unavailable else True)]
    assert wrong == [] and visited.code == 0


def test_each_refusal_is_one_line_with_its_cause(every_case, visited):
    for listed, one in zip(every_case, lines_of(visited)):
        assert list(one) == FIELDS
        if not listed["available"]:
            assert (one["got"], one["message"]) == ("unavailable", listed["remedy"])
            continue
        assert (one["got"], one["origin"]) == (listed["expect"], listed["origin"]), one
        assert "\n" not in one["message"]
        cause, _, remedy = one["message"].partition("; ")
        assert (bool(cause), bool(remedy)) == 2 * (one["expect"] != "accepted",), one


# What a person needs to know beside the kind of the fault.
@pytest.mark.parametrize(
    "case, told",
    [
        ("expired", "expired 3 days ago ("),
        ("client-certificate-expired", "expired 3 days ago ("),
        ("not-yet-valid", "becomes valid in 3 days ("),
        ("wrong-host", "it is for example.org, www.example.org"),
        ("wildcard-two-labels", "it is for *.lab.test"),
        ("common-name-only", "it names no host (no subjectAltName)"),
        ("untrusted-root", "trusted is the one certificate of the lab's store"),
        ("store-replaced", "trusted is the one certificate of the lab's store"),
        ("client-certificate-unknown", "trusted is the one certificate of the lab's store"),
        ("version-unasked", "the server chose TLSv1.0, we offer TLSv1.2 to TLSv1.3"),
        ("client-tls1.1", "the client offers TLSv1.1 at most, we offer TLSv1.2 to TLSv1.3"),
        ("must-staple-missing", "none came; have the server staple one"),
    ],
)
def test_a_refusal_has_what_mends_it(visited, case, told):
    (message,) = (one["message"] for one in lines_of(visited) if one["case"] == case)
    assert told in message


def test_waiting_in_vain_ends_at_the_limit():
    cases = ["silence", "drip", "client-silence", "client-drip"]
    ran = run("lab", "run", *cases, "--patience", "1s", "--json")
    assert ran.code == 0, ran.text
    assert [one["got"] for one in lines_of(ran)] == ["timed_out"] * 4


def test_a_policy_of_ones_own_is_held_against_the_verdicts():
    # One that has TLS 1.0 goes on where the default refuses, and then waits for what never comes.
    cases = ["version-unasked", "client-tls1.0"]
    ran = run("lab", "run", *cases, "--policy", "ELBSecurityPolicy-2016-08", "--timeout", "2s", "--json")
    assert [(one["got"], one["ok"]) for one in lines_of(ran)] == [("timed_out", False)] * 2
    assert ran.code == 9
    unknown = run("lab", "run", *cases, "--policy", "no-such-policy", "--json")
    assert (unknown.code, unknown.out) == (1, b"") and "no-such-policy" in unknown.err


def test_another_client_is_asked_with_its_command():
    names = ["expired", "wrong-host", "self-signed", "plain-http", "ecc256"]
    ran = run("lab", "run", *names, "--client", OPENSSL, "--json")
    got = {one["case"]: one["got"] for one in lines_of(ran)}
    assert got == {**dict.fromkeys(names, "rejected"), "ecc256": "accepted"}
    assert ran.code == 0, ran.text


def test_a_client_that_takes_everything_fails_the_negative_cases():
    ran = run("lab", "run", "expired", "closes", "ecc256", "--client", "true", "--json")
    assert {one["case"]: one["ok"] for one in lines_of(ran)} == {"expired": False, "closes": False, "ecc256": True}
    assert ran.code == 9


def test_a_client_that_takes_nothing_fails_the_positive_cases():
    ran = run("lab", "run", "expired", "ecc256", "--client", "false", "--json")
    assert {one["case"]: one["ok"] for one in lines_of(ran)} == {"expired": True, "ecc256": False}
    assert ran.code == 9


def test_another_client_is_not_sent_where_the_peer_is_a_client():
    ran = run("lab", "run", "client-http", "--client", "true", "--json")
    assert (ran.code, ran.out) == (1, b"") and "without --client" in ran.err
    mixed = run("lab", "run", "client-http", "ecc256", "--client", "true", "--json")
    assert [one["case"] for one in lines_of(mixed)] == ["ecc256"]
    served = run("lab", "serve", "client-http")
    assert (served.code, served.out) == (1, b"") and "`sluice lab run client-http`" in served.err


def test_a_client_that_hangs_is_ended():
    ran = run("lab", "run", "ecc256", "--client", "sleep 1000", "--timeout", "500ms", "--json")
    (one,) = lines_of(ran)
    assert (one["got"], one["ok"], ran.code) == ("rejected", False, 9)
    assert "had not ended" in one["message"]


def test_serve_is_there_for_a_client_of_ones_own():
    lab = Program("lab", "serve", "expired", "--json", env=environment(TMPDIR=os.environ["TMPDIR"]))
    try:
        said = json.loads(lab.line())
        assert (said["event"], said["case"], said["expect"]) == ("listening", "expired", "expired")
        ran = run("check", said["address"].replace("127.0.0.1", said["sni"]), "--ca", said["ca"], "--json")
        assert (ran.code, ran.json["error"]["code"]) == (7, "expired"), ran.text
    finally:
        lab.process.send_signal(signal.SIGINT)
        code = lab.process.wait(LIMIT)
    assert code in (0, 130)
    assert not os.path.exists(said["ca"])


@pytest.fixture
def alone(tmp_path):
    """The program without what is beside it where it was built."""
    copy = tmp_path / "bin" / "sluice"
    copy.parent.mkdir()
    shutil.copy(SLUICE, copy)

    def ask(*arguments, **more):
        env = environment(TMPDIR=os.environ["TMPDIR"], **more)
        done = subprocess.run([copy, "lab", *arguments], env=env, capture_output=True, text=True, timeout=LIMIT)
        validate_run(["lab", *arguments], done.stdout.encode(), b"")
        return done

    return ask


def test_a_case_that_cannot_be_had_says_what_brings_it(alone):
    listed = [json.loads(line) for line in alone("list", "--json").stdout.splitlines()]
    missing = {one["case"]: one["remedy"] for one in listed if not one["available"]}
    assert {"rc4", "tls1.0", "token-slow"} <= set(missing) and "expired" not in missing
    assert "`scripts/setup --peers`" in missing["rc4"]
    ran = alone("run", "rc4", "expired", "--json")
    seen = {one["case"]: one for one in map(json.loads, ran.stdout.splitlines())}
    rc4, expired = seen["rc4"], seen["expired"]
    assert (rc4["got"], rc4["ok"], rc4["message"], expired["ok"]) == ("unavailable", None, missing["rc4"], True)
    assert ran.returncode == 9, "who names a case wants it"
    served = alone("serve", "rc4")
    assert (served.returncode, served.stdout) == (1, "") and missing["rc4"] in served.stderr


def test_a_python_that_is_none_is_named(alone):
    ran = alone("run", "rc4", "--json", SLUICE_LAB_PYTHON="/bin/false")
    (one,) = map(json.loads, ran.stdout.splitlines())
    assert ran.returncode == 9 and one["ok"] is False
    assert "/bin/false" in one["message"] and "tlslite-ng" in one["message"]


@pytest.mark.parametrize("verb", ["run", "serve"])
def test_an_unknown_case_is_wrong_usage_with_a_remedy(verb):
    ran = run("lab", verb, "no-such-case")
    assert (ran.code, ran.out) == (1, b"")
    assert ran.err.count("\n") == 1 and "no-such-case" in ran.err and "`sluice lab list`" in ran.err
