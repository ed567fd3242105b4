# SPDX-License-Identifier: Apache-2.0
"""Here everything is installed that the lab can use: no case may be missing, and old peers are there for the asking."""

import json

import pytest

from kit import run


@pytest.fixture(scope="module")
def lab():
    return run("lab", "run", "--require-all", "--json")


@pytest.fixture(scope="module")
def verdicts(lab):
    """By case: what our client said, and from whose side it came."""
    lines = map(json.loads, lab.text.splitlines())
    return {one["case"]: (one["got"], one["origin"]) for one in lines}


def test_every_case_of_the_lab_is_there_and_gets_its_verdict(lab):
    assert lab.code == 0, lab.text
    assert "unavailable" not in lab.text


@pytest.mark.parametrize("case", ["rc4", "rc4-md5"])
def test_a_server_with_rc4_alone_is_refused(verdicts, case):
    assert verdicts[case] == ("alert", "peer")


@pytest.mark.parametrize("case", ["null", "3des", "cbc", "static-rsa", "anonymous", "dh-only"])
def test_a_server_with_nothing_of_today_is_refused(verdicts, case):
    assert verdicts[case] == ("alert", "peer")


@pytest.mark.parametrize("case", ["dh480", "dh512", "dh1024"])
def test_a_small_group_is_refused_by_a_client_that_has_diffie_hellman(verdicts, case):
    assert verdicts[case] == ("no_shared_parameters", "local")
    assert verdicts["dh2048"] == ("accepted", None)


@pytest.mark.parametrize("case", ["ssl3", "tls1.0", "tls1.1"])
def test_an_old_version_is_refused_unless_it_is_allowed(verdicts, case):
    assert verdicts[case] == ("alert", "peer")
    assert verdicts.get(f"{case}-allowed", ("accepted", None)) == ("accepted", None)


def test_a_key_of_8192_bits_is_met(verdicts):
    assert verdicts["rsa8192"] == ("accepted", None)


def test_a_server_that_asks_for_another_handshake_is_passed_over(verdicts):
    assert verdicts["renegotiation"] == ("accepted", None)
