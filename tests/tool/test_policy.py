# SPDX-License-Identifier: Apache-2.0
"""`policy`: what the linked s2n's policies offer, and which of them can talk to a server."""

import json
import signal
import socket
import threading

import pytest

from kit import LIMIT, Peer, Program, deaf_port, run
from test_look import ESCAPE, on_terminal

LISTS = ["versions", "suites", "groups", "signatures", "certificate_signatures", "other"]


@pytest.fixture(scope="module")
def listed():
    return run("policy", "list", "--json").json["policies"]


def by_name(answer):
    return {one["name"]: one for one in answer["policies"]}


def test_list_has_every_policy_once_and_default_first(listed):
    assert all(list(one) == ["name", "min", "max", "pq", "deprecated"] for one in listed)
    names = [one["name"] for one in listed]
    assert len(names) == len(set(names)) > 100 and names[0] == "default"
    assert not any(name == "null" or name.startswith("test_") for name in names)
    assert listed[0] == {"name": "default", "min": "TLSv1.2", "max": "TLSv1.3", "pq": True, "deprecated": False}
    assert {"name": "rfc9151", "min": "TLSv1.2", "max": "TLSv1.3", "pq": False, "deprecated": False} in listed


def test_list_has_what_s2n_refuses_by_name_alone(listed):
    refused = [one for one in listed if one["deprecated"]]
    assert refused and all(one["min"] is one["max"] is one["pq"] is None for one in refused)
    ran = run("policy", "show", refused[0]["name"])
    assert ran.code == 1 and ran.out == b""
    assert "s2n has deprecated this policy" in ran.err and refused[0]["name"] in ran.err


def test_list_and_show_agree(listed):
    for one in [one for one in listed if not one["deprecated"]][::20]:
        shown = run("policy", "show", one["name"], "--json").json
        assert list(shown) == ["name", "versions", "suites", "groups", "signatures"]
        assert shown["name"] == one["name"]
        assert (shown["versions"][0], shown["versions"][-1]) == (one["max"], one["min"])
        assert any("MLKEM" in group for group in shown["groups"]) == one["pq"]
        assert shown["suites"] and shown["signatures"]


def test_list_for_people_says_what_each_is_used_for():
    ran = run("policy", "list")
    rows = {line.split()[0]: line for line in ran.text.splitlines()}
    assert "TLS 1.2 to 1.3" in rows["default"] and " yes " in rows["default"]
    assert "AWS_IO_TLSv1_2" in rows["AWS-CRT-SDK-TLSv1.2-2025-PQ"]
    assert any("deprecated" in row for row in rows.values())


def test_show_is_in_order_of_preference():
    shown = run("policy", "show", "RFC9151", "--json").json
    assert shown["name"] == "rfc9151"  # case does not matter
    assert shown["versions"] == ["TLSv1.3", "TLSv1.2"] and shown["groups"] == ["secp384r1"]
    assert shown["suites"][0] == "TLS_AES_256_GCM_SHA384"
    text = run("policy", "show", "rfc9151").text
    assert text.splitlines()[0] == "rfc9151" and "cnsa_1" in text
    assert text.index("TLSv1.3") < text.index("TLSv1.2") < text.index("TLS_AES_256_GCM_SHA384")


def test_a_name_of_another_stack_leads_to_its_policy():
    shown = run("policy", "show", "aws_io_tlsv1_3", "--json").json
    assert shown["name"] == "AWS-CRT-SDK-TLSv1.3-2025-PQ" and shown["versions"] == ["TLSv1.3"]
    ran = run("policy", "show", "AWS_IO_TLS_CIPHER_PREF_KMS_PQ_TLSv1_0_2019_06")
    assert ran.code == 1 and "withdrawn" in ran.err


@pytest.mark.parametrize("args", [("show", "defualt"), ("diff", "default", "defualt"), ("diff", "defualt", "default")])
def test_an_unknown_name_is_1_with_what_is_near(args):
    ran = run("policy", *args)
    assert ran.code == 1 and ran.out == b""
    assert ran.err.startswith("sluice: defualt: ") and ran.err.endswith("did you mean default?\n")
    told = run("policy", *args, "--json")
    assert told.code == 1 and told.json["ok"] is False and told.json["error"]["code"] == "unknown_policy"
    assert "did you mean default?" in told.json["error"]["message"]


def test_diff_says_what_each_has_alone():
    found = run("policy", "diff", "default", "20240501", "--json").json
    assert list(found) == ["a", "b", "same", *LISTS]
    assert (found["a"], found["b"], found["same"]) == ("default", "20240501", False)
    assert found["versions"] == {"only_a": ["TLSv1.3"], "only_b": [], "reordered": False}
    assert "X25519MLKEM768" in found["groups"]["only_a"]
    back = run("policy", "diff", "20240501", "default", "--json").json
    for name in LISTS:
        assert (back[name]["only_a"], back[name]["only_b"]) == (found[name]["only_b"], found[name]["only_a"])
    text = run("policy", "diff", "default", "20240501").text
    assert text.splitlines()[0].split() == ["default", "alone", "20240501", "alone"]


def test_diff_of_two_names_for_one_thing():
    same = run("policy", "diff", "rfc9151", "cnsa_1", "--json").json
    assert same["same"] is True
    assert all(same[name] == {"only_a": [], "only_b": [], "reordered": False} for name in LISTS)
    assert run("policy", "diff", "rfc9151", "cnsa_1").text == "rfc9151 and cnsa_1 are the same\n"


def test_diff_shows_rules_and_certificates():
    found = run("policy", "diff", "default", "rfc9151", "--json").json
    assert found["certificate_signatures"]["only_a"] == ["any"] and found["certificate_signatures"]["only_b"]


def test_for_reports_usable_policies_by_handshakes(serve, site, authority):
    server = serve("--cert", site.cert, "--key", site.key, "--policy", "20240501")  # TLS 1.2 alone
    ran = run("policy", "for", server.name, "--ca", authority.cert, "--json")
    assert ran.code == 0 and ran.err == ""
    answer = ran.json
    assert list(answer) == ["peer", "ok", "policies", "error"]
    assert answer["peer"] == {"address": server.address, "server_name": "localhost"}
    assert answer["ok"] is True and answer["error"] is None
    found = by_name(answer)
    assert list(found["default"]) == ["name", "ok", "version", "cipher", "group", "trusted", "error"]
    assert (found["default"]["ok"], found["default"]["version"]) == (True, "TLSv1.2")
    assert found["default"]["trusted"] is True and found["default"]["error"] is None
    only_13 = found["AWS-CRT-SDK-TLSv1.3-2025-PQ"]
    assert (only_13["ok"], only_13["version"], only_13["trusted"]) == (False, None, None)
    assert only_13["error"]["category"] == "tls" and only_13["error"]["message"]
    known = [one["name"] for one in run("policy", "list", "--json").json["policies"] if not one["deprecated"]]
    assert list(found) == known
    people = run("policy", "for", server.name, "--ca", authority.cert)
    talking = sum(one["ok"] for one in answer["policies"])
    assert people.text.startswith(f"✓ {server.name}: {talking} of {len(known)} policies can talk to it\n")
    assert "the certificate is trusted" in people.text


def test_for_does_not_mind_a_certificate_that_is_not_trusted_but_says_so(server):
    ran = run("policy", "for", server.name, "--json")
    assert ran.code == 0 and ran.err == ""  # no warning: the answer says it
    one = by_name(ran.json)["default"]
    assert one["ok"] is True and one["version"] == "TLSv1.3" and one["trusted"] is False
    assert (one["error"]["category"], one["error"]["code"]) == ("certificate", "untrusted")
    people = run("policy", "for", server.name)
    assert people.code == 0 and "the certificate is refused: " in people.text


def test_for_takes_a_name_for_an_address(server, authority):
    by_address = f"127.0.0.1:{server.port}"
    other = run("policy", "for", by_address, "--ca", authority.cert, "--servername", "example.org", "--json").json
    assert by_name(other)["default"]["error"]["code"] == "name_mismatch"
    assert by_name(other)["default"]["ok"] is True
    right = run("policy", "for", by_address, "--ca", authority.cert, "--servername", "localhost", "--json").json
    assert by_name(right)["default"]["trusted"] is True


def test_for_makes_no_more_handshakes_at_a_time_than_it_may_and_one_for_twins(serve, site, authority):
    server = serve("--cert", site.cert, "--key", site.key)
    answer = run("policy", "for", server.name, "--ca", authority.cert, "--parallel", "1", "--json").json
    found = by_name(answer)
    one, other = found["default"], found["20251014"]
    assert run("policy", "diff", one["name"], other["name"], "--json").json["same"] is True
    assert one | {"name": other["name"]} == other
    server.terminate()
    closed = [event for event in map(json.loads, server.rest()) if event["event"] == "closed"][0]
    assert 20 < closed["handshakes"] < len(answer["policies"])


def test_for_a_server_that_no_policy_suits_has_the_code_of_the_cause():
    def hang_up(connection):
        connection.recv(65536)

    class Hangers(Peer):  # every connection, not one
        def _run(self):
            try:
                while True:
                    connection, _ = self.listener.accept()
                    with connection:
                        self.behave(connection)
            except OSError:
                pass

    with Hangers(hang_up) as peer:
        ran = run("policy", "for", peer.name, "--timeout", "30s", "--json")
        assert ran.code == 4 and ran.json["ok"] is False
        assert {one["error"]["code"] for one in ran.json["policies"]} <= {"closed", "reset"}
        people = run("policy", "for", peer.name)
        assert people.code == 4 and people.text.startswith(f"✗ {peer.name}: 0 of ")
        peer.listener.shutdown(socket.SHUT_RDWR)  # ends accept()


def test_for_an_unreachable_server():
    with deaf_port() as port:
        ran = run("policy", "for", f"127.0.0.1:{port}", "--json")
    assert ran.code == 3 and ran.json["error"]["code"] == "refused" and ran.json["policies"] == []
    assert ran.json["peer"] == {"address": None, "server_name": "127.0.0.1"}
    named = run("policy", "for", "no-such-name.invalid")
    assert named.code == 2 and named.out == b"" and named.err.count("\n") == 1


@pytest.mark.parametrize(
    "args", [["localhost:1", "--parallel", "0"], ["localhost:99999"], ["localhost:1", "--ca", "no-such-file"], []]
)
def test_for_wrong_usage_is_1(args):
    ran = run("policy", "for", *args)
    assert ran.code == 1 and ran.out == b"" and ran.err.count("\n") == 1


def test_for_interrupted_is_130():
    is_asked = threading.Event()

    def say_nothing(connection):
        while connection.recv(65536):
            is_asked.set()

    with Peer(say_nothing) as silent:
        program = Program("policy", "for", silent.name, "--timeout", "5m", "--json")
        assert is_asked.wait(LIMIT)
        program.process.send_signal(signal.SIGINT)
        line = program.line()
        assert program.wait() == 130 and json.loads(line)["error"]["code"] == "cancelled"


def test_a_reader_that_has_had_enough_is_no_failure():
    program = Program("policy", "list", raw=True)
    program.process.stdout.close()
    assert program.wait() == 0 and program.err == b""


def test_on_a_terminal_it_fits_and_has_colour():
    code, shown = on_terminal("policy", "list", width=80)
    assert code == 0 and "\033[32myes" in shown
    assert all(len(line) <= 80 for line in ESCAPE.sub("", shown).splitlines())
    code, shown = on_terminal("policy", "diff", "default", "rfc9151", width=72)
    assert code == 0 and all(len(line) <= 72 for line in ESCAPE.sub("", shown).splitlines())


@pytest.mark.parametrize("verb", ["list", "show", "diff", "for"])
def test_help_has_an_example(verb):
    ran = run("policy", verb, "--help")
    assert ran.code == 0 and f"sluice policy {verb}" in ran.text.split("Example:")[1]
