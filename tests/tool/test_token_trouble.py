# SPDX-License-Identifier: Apache-2.0
"""`sluice token doctor` and `watch`, and what a server tells of its token, on a token that fails on request."""

import json
import os
import pathlib
import re
import signal

import pytest

from kit import SLUICE, Program, openssl, run

FAULTY = pathlib.Path(SLUICE).resolve().parent / "libsluice-faulty-pkcs11.so"


class Faulty:
    def __init__(self, token, folder):
        self.script_file = folder / "script.toml"
        self.uri = f"pkcs11:token=test;object=site?module-path={FAULTY}"
        self.env = dict(token.env, SLUICE_FAULTY_SCRIPT=str(self.script_file), SLUICE_PIN="123456")
        self.cert = token.cert
        self.script("")

    def script(self, text):
        new = self.script_file.with_suffix(".new")
        new.write_text(text)
        os.rename(new, self.script_file)

    def doctor(self, *args):
        ran = run("token", "doctor", self.uri, *args, "--json", env=self.env)
        return ran.code, ran.json, {c["name"]: c for c in ran.json.get("checks", [])}


@pytest.fixture
def faulty(token, tmp_path):
    assert FAULTY.exists()
    return Faulty(token, tmp_path)


@pytest.fixture
def rsa(faulty):
    """The same token, with an RSA key as well."""
    faulty.uri = faulty.uri.replace("object=site", "object=rsa")
    ran = run("token", "keygen", faulty.uri, "--type", "rsa2048", "--json", env=faulty.env)
    assert ran.code == 0 or ran.json["error"]["code"] == "in_use"
    return faulty


# --- doctor ---


def test_doctor_is_content_with_a_good_token(faulty):
    code, told, checks = faulty.doctor("--cert", faulty.cert)
    assert code == 0 and told["ok"] is True
    assert list(checks) == [
        "module",
        "token",
        "pin",
        "login",
        "key",
        "mechanisms",
        "key_protected",
        "sessions",
        "tls1_3",
        "tls1_2",
        "certificate",
    ]
    for c in told["checks"]:
        assert list(c)[:4] == ["name", "ok", "code", "remedy"] and c["ok"] is True and c["code"] is None
    assert {s["name"] for s in told["schemes"] if s["ok"]} >= {"ecdsa_secp256r1_sha256"}
    people = run("token", "doctor", faulty.uri, env=faulty.env)
    assert people.code == 0 and "TLSv1.3 will work, with ecdsa_secp256r1_sha256" in people.text


def test_doctor_says_that_rsa_without_pss_means_no_tls13(rsa):
    rsa.script('[token]\nwithout = ["CKM_RSA_PKCS_PSS"]')
    code, told, checks = rsa.doctor()
    assert code == 10 and told["ok"] is False
    assert checks["tls1_3"]["code"] == "CKR_MECHANISM_INVALID" and "--policy " in checks["tls1_3"]["remedy"]
    assert checks["tls1_2"]["ok"] is True
    assert checks["mechanisms"]["detail"] == "CKM_RSA_PKCS, but not CKM_RSA_PKCS_PSS"
    works = {v["name"]: v["ok"] for v in told["versions"]}
    assert works["TLSv1.3"] is False and works["TLSv1.2"] is True
    rsa.script("")
    assert rsa.doctor()[0] == 0


def test_a_server_works_without_pss_as_doctor_says(faulty, authority, serve):
    site = authority.issue("without-pss", kind="rsa2048")
    faulty.uri = faulty.uri.replace("object=site", "object=without-pss")
    ran = run("token", "import", faulty.uri, "--key", site.key, "--json", env=faulty.env)
    assert ran.code == 0, ran.text
    faulty.script('[token]\nwithout = ["CKM_RSA_PKCS_PSS"]')
    remedy = faulty.doctor()[2]["tls1_3"]["remedy"].split("without: ")[1].split()
    options = ["--cert", site.cert, "--key", faulty.uri]
    server = serve(*options, *remedy, env=faulty.env)
    assert run("check", server.name, "--ca", authority.cert).code == 0
    server.end()
    assert server.err == b""
    # Without it there is nothing that it could do; TLS 1.2 alone is not enough, since it has PSS as well.
    for more in [], ["--max-tls", "1.2"]:
        ran = run("serve", "--listen", "127.0.0.1:0", *options, *more, env=faulty.env)
        assert ran.code == 10 and "CKR_MECHANISM_INVALID" in ran.err and " ".join(remedy) in ran.err


def test_a_server_says_what_its_token_will_not_do(rsa, authority, serve):
    """Where one version works, it starts."""
    site = authority.issue("half-pss", kind="rsa2048")
    rsa.uri = rsa.uri.replace("object=rsa", "object=half-pss")
    ran = run("token", "import", rsa.uri, "--key", site.key, "--json", env=rsa.env)
    assert ran.code == 0, ran.text
    rsa.script('[[answer]]\nfunction = "C_SignInit"\nvalue = "CKR_MECHANISM_INVALID"\nnth = 1')
    server = serve("--cert", site.cert, "--key", rsa.uri, env=rsa.env)
    server.end()
    said = server.err.decode()
    assert "TLSv1.3 does not work with this key" in said and "--policy ELBSecurityPolicy-FS-1-2-2019-08" in said


@pytest.mark.parametrize(
    "flag, code", [("locked", "CKR_PIN_LOCKED"), ("final_try", "pin_final_try"), ("to_be_changed", "CKR_PIN_EXPIRED")]
)
def test_doctor_sees_the_state_of_the_pin_and_does_not_spend_a_try(faulty, flag, code):
    faulty.script(f'[pin]\n{flag} = true\n[[answer]]\nfunction = "C_Login"\nvalue = "CKR_FUNCTION_FAILED"')
    exit_code, told, checks = faulty.doctor()
    assert exit_code == 10 and checks["pin"]["code"] == code and checks["pin"]["remedy"]
    assert list(checks)[-1] == "pin"


def test_doctor_with_a_wrong_pin_a_missing_key_token_or_module(faulty):
    faulty.env["SLUICE_PIN"] = "999999"
    assert faulty.doctor()[2]["login"]["code"] == "CKR_PIN_INCORRECT"
    faulty.env["SLUICE_PIN"] = "123456"
    good = faulty.uri
    for wrong, check, code in [("object=none", "key", "key_not_found"), ("token=none", "token", "token_not_found")]:
        faulty.uri = good.replace(
            wrong.split("=")[0] + "=" + {"object": "site", "token": "test"}[wrong.split("=")[0]], wrong
        )
        exit_code, _, checks = faulty.doctor()
        assert exit_code == 10 and checks[check]["code"] == code
        tried = {"key": "object=site", "token": "token=test"}[check]
        assert tried in checks[check]["detail"]
    faulty.uri = "pkcs11:token=test;object=site?module-path=/nowhere.so"
    exit_code, _, checks = faulty.doctor()
    assert exit_code == 10 and checks["module"]["code"] == "module_load_failed"


def test_doctor_holds_the_certificate_against_the_key(faulty, authority):
    other = authority.issue("doctor-other")
    code, _, checks = faulty.doctor("--cert", other.cert)
    assert code == 1 and checks["certificate"]["code"] == "key_mismatch"


def test_doctor_sees_an_expired_certificate(faulty, authority, tmp_path, token):
    key = tmp_path / "same.key"
    from authority import Site

    own = pathlib.Path(str(token.cert)).with_suffix(".key")
    old = authority.issue("doctor-expired", begins=-20, ends=-10, key=own)
    code, _, checks = faulty.doctor("--cert", old.cert)
    assert code == 7 and checks["certificate"]["code"] == "expired"


def test_doctor_reports_always_authenticate_and_a_limit(faulty):
    faulty.script("[token]\nalways_authenticate = true\nsession_limit = 3\nannounces_session_limit = true")
    code, _, checks = faulty.doctor()
    assert code == 0 and checks["always_authenticate"]["ok"] is True
    assert "the token allows 3" in checks["sessions"]["detail"]


# TLS 1.2 leaves the curve to the key: P-256 may be asked for SHA-512.
@pytest.mark.parametrize("digest", ["SHA256", "SHA384", "SHA512"])
def test_a_token_that_refuses_long_digests_serves_a_client_that_asks_for_them(digest, faulty, serve, authority):
    faulty.script("[token]\nlongest_input = 32")
    server = serve("--cert", faulty.cert, "--key", faulty.uri, env=faulty.env)
    asked = ["-connect", server.name, "-tls1_2", "-sigalgs", f"ECDSA+{digest}", "-CAfile", authority.cert]
    said = openssl("s_client", *asked, "-verify_return_error", stdin=b"").decode()
    assert f"Peer signing digest: {digest}" in said and "Verify return code: 0 (ok)" in said
    assert server.event("handshake")["ok"] is True


# --- watch ---


def until(program, name, **fields):
    """The next event of that name with those fields; what comes before is passed over."""
    while True:
        line = program.line()
        assert line is not None, program.err.decode()
        event = json.loads(line)
        if event["event"] == name and all(event.get(k) == v for k, v in fields.items()):
            return event


@pytest.fixture
def watch(faulty):
    programs = []

    def start(uri=faulty.uri):
        programs.append(Program("token", "watch", uri, "--every", "50ms", "--json", env=faulty.env))
        return programs[-1]

    yield start
    for program in programs:
        program.end()


def test_watch_reports_events_and_ends_on_sigint(faulty, watch):
    program = watch()
    assert program.event("watching")["uri"].startswith("pkcs11:token=test")
    assert "login-required" in program.event("inserted")["flags"]
    until(program, "session", state="open")
    until(program, "login", state="logged_in")
    assert until(program, "signature", ok=True)["ms"] > 0

    faulty.script("[token]\nunplugged = true")
    until(program, "removed")
    until(program, "circuit", state="open")
    faulty.script("")
    until(program, "inserted")
    until(program, "login", state="logged_in")
    until(program, "signature", ok=True)

    program.process.send_signal(signal.SIGINT)
    assert program.wait() == 130
    last = json.loads(program.rest()[-1])
    assert (
        last["event"] == "stats"
        and last["circuit_opened"] >= 1
        and last["answers"]["CKR_OK"] > 0
    )


def test_watch_names_a_ckr(faulty, watch):
    program = watch()
    until(program, "signature", ok=True)
    faulty.script('[[answer]]\nfunction = "C_Sign"\nvalue = "CKR_FUNCTION_FAILED"')
    assert until(program, "trouble")["error"]["code"] == "CKR_FUNCTION_FAILED"
    faulty.script("")
    until(program, "signature", ok=True)


def test_watch_waits_for_a_token_that_is_not_there_yet(faulty, watch):
    faulty.script("[token]\nunplugged = true")
    program = watch(faulty.uri.replace(";object=site", ""))
    program.event("watching")
    assert program.event("absent")["error"]["code"] == "token_not_found"
    faulty.script("")
    until(program, "login", state="logged_in")


# --- what a server tells ---

STATS = ["event", "handshakes", "failed", "resumed", "signatures_saved", "tokens", "traffic"]


def test_serve_reports_its_token_s_statistics_when_asked_and_at_the_end(faulty, serve, authority):
    server = serve("--cert", faulty.cert, "--key", faulty.uri, env=faulty.env)
    assert run("check", server.name, "--ca", authority.cert).code == 0
    server.event("handshake")
    server.process.send_signal(signal.SIGUSR1)
    told = server.event("stats")
    assert list(told) == STATS and told["handshakes"] == 1 and told["failed"] == 0
    (token,) = told["tokens"]
    assert token["token"] == "test" and token["circuit"] == "closed" and token["operations"] >= 1
    assert token["queued"] == 0 and token["sessions"]["open"] >= 1 and token["logins"] == 1 and token["served_ms"] > 0
    assert token["written_off"] == 0 and token["answers"]["CKR_OK"] >= 1

    faulty.script('[[answer]]\nfunction = "C_Sign"\nnth = 1\nvalue = "CKR_SESSION_CLOSED"')
    assert run("check", server.name, "--ca", authority.cert).code == 0
    server.terminate()
    assert server.wait() == 0
    events = [json.loads(line) for line in server.rest()]
    assert [e["event"] for e in events][-2:] == ["draining", "closed"]
    assert list(events[-1]) == ["event", *STATS[1:]]
    (token,) = events[-1]["tokens"]
    assert token["sessions_reopened"] == 1 and token["answers"]["CKR_SESSION_CLOSED"] == 1


# --- seen from behind, by OpenSC's pkcs11-spy ---

SOFTHSM = "/usr/lib/softhsm/libsofthsm2.so"
SPY = "/usr/lib/x86_64-linux-gnu/pkcs11-spy.so"


def successes(log, function):
    calls = re.split(r"(?m)^\d+: (?=C_)", log)[1:]
    return sum(1 for call in calls if call.startswith(function + "\n") and "\nReturned:  0 CKR_OK" in call)


def test_every_session_that_was_opened_is_closed_whatever_goes_wrong(faulty, tmp_path):
    """One session at a time: what several threads write, the spy mixes up."""
    spied = tmp_path / "spied"
    env = dict(faulty.env, SLUICE_FAULTY_TARGET=SPY, PKCS11SPY=SOFTHSM, PKCS11SPY_OUTPUT=str(spied))
    faulty.script('[[answer]]\nfunction = "C_Sign"\nvalue = "CKR_SESSION_HANDLE_INVALID"\nevery = 50\n')
    ran = run("token", "bench", faulty.uri, "--duration", "2s", "--sessions", "1", "--json", env=env)
    assert ran.code == 0, ran.err
    log = spied.read_text()
    signed, opened, closed = (successes(log, name) for name in ("C_Sign", "C_OpenSession", "C_CloseSession"))
    assert signed > 200 and opened > 5 and closed == opened
