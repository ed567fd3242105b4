# SPDX-License-Identifier: Apache-2.0
"""`demo`: the main job on this machine, with nothing left behind."""

import signal

import pytest

from kit import Program, environment, programs_of, run

VERDICTS = (
    ["keys_stay_in_token"]
    + [
        f"echo_{client}_{version}_{key}"
        for key in ("p256", "rsa2048")
        for version in ("tls13", "tls12")
        for client in ("sluice", "openssl")
    ]
    + ["post_quantum", "nothing_left_behind"]
)


@pytest.fixture
def temporary(tmp_path):
    """A folder for the demo's files, looked at afterwards; and no process may outlive it."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    yield folder
    assert list(folder.iterdir()) == []
    assert programs_of(folder) == []


def test_every_verdict_holds(temporary):
    ran = run("demo", "--no-timing", "--json", env=environment(TMPDIR=str(temporary)))
    assert ran.code == 0, ran.out
    assert ran.err == ""
    result = ran.json
    assert list(result) == ["schema", "ok", "verdicts", "handshakes", "proof"]
    assert (result["schema"], result["ok"], result["proof"]) == (1, True, None)
    for verdict in result["verdicts"]:
        assert list(verdict) == ["name", "ok", "detail"] and verdict["ok"] is True
    assert [v["name"] for v in result["verdicts"]] == VERDICTS

    assert len(result["handshakes"]) == 8
    for one in result["handshakes"]:
        assert list(one) == ["client", "version", "cipher", "group", "alpn", "key", "sign_ms", "echo_sha256"]
        assert one["alpn"] == "h2" and one["sign_ms"] > 0
        assert one["key"].startswith("pkcs11:token=sluice-demo;object=") and "pin" not in one["key"]
    seen = {(h["client"], h["version"], h["key"].rsplit("=", 1)[1]) for h in result["handshakes"]}
    assert len(seen) == 8
    assert len({h["echo_sha256"] for h in result["handshakes"]}) == 1
    assert {h["group"] for h in result["handshakes"] if h["client"] == "sluice" and h["version"] == "TLSv1.3"} == {
        "X25519MLKEM768"
    }


def test_people_see_a_table(temporary):
    ran = run("demo", "--no-timing", env=environment(TMPDIR=str(temporary)))
    assert ran.code == 0 and ran.err == ""
    assert ran.text.count("1 MiB echoed, SHA-256 ") == 8
    assert "✗" not in ran.text


def test_what_cannot_be_set_up_is_a_verdict_with_its_code(temporary):
    ran = run("demo", "--json", "--faulty-module", "/no/such/module.so", env=environment(TMPDIR=str(temporary)))
    assert ran.code == 10
    assert ran.json["ok"] is False and ran.json["verdicts"][0]["name"] == "set_up"
    assert "/no/such/module.so" in ran.json["verdicts"][0]["detail"]


def test_without_openssl_the_verdict_says_so(temporary):
    ran = run("demo", "--no-timing", "--json", env=environment(TMPDIR=str(temporary), PATH="/nowhere"))
    assert ran.code == 1
    bad = [v for v in ran.json["verdicts"] if not v["ok"]]
    assert "openssl" in bad[0]["detail"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("after", ["A SoftHSM", "Clients that"])
def test_an_interrupted_demo_cleans_up_too(after, number, temporary):
    program = Program("demo", "--no-timing", env=environment(TMPDIR=str(temporary)))
    while not (program.line() or "").startswith(after):
        pass
    program.process.send_signal(number)
    assert program.wait() in (130, 0)  # 0: it was faster
    if program.process.returncode == 130:
        assert "interrupted" in program.err.decode()


def test_the_proof_has_its_shape(temporary):
    """Whether the numbers are good is not asked here, where other work goes on; that they are there, is."""
    ran = run("demo", "--json", env=environment(TMPDIR=str(temporary)))
    assert ran.code in (0, 9), ran.out
    proof = ran.json["proof"]
    assert list(proof) == ["idle", "memory", "token"]
    for phase in proof.values():
        assert list(phase) == ["p50_ms", "p99_ms", "per_s"]
        assert 0 < phase["p50_ms"] <= phase["p99_ms"]
    assert proof["idle"]["per_s"] == 0 and 0 < proof["token"]["per_s"] <= 420 and 0 < proof["memory"]["per_s"] <= 420
    names = [v["name"] for v in ran.json["verdicts"]]
    assert names == VERDICTS[:-1] + ["all_served_memory", "all_served_token", "no_echo_waited", "nothing_left_behind"]
    waited = next(v for v in ran.json["verdicts"] if v["name"] == "no_echo_waited")
    assert waited["ok"] == (proof["token"]["p99_ms"] < 20)
