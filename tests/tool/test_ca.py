# SPDX-License-Identifier: Apache-2.0
"""`sluice ca`: what it makes is judged by OpenSSL and by the TLS of both, and it never writes over anything."""

import base64
import os
import signal
import stat
import subprocess
import urllib.error
import urllib.parse
import urllib.request

import pytest

from kit import LIMIT, Program, openssl, run


def ca(*args, **more):
    ran = run("ca", *args, "--json", **more)
    assert ran.code == 0, ran.text + ran.err
    return ran.json


def refused(exit_code, code, *args, **more):
    ran = run("ca", *args, "--json", **more)
    assert ran.code == exit_code and ran.json["ok"] is False
    assert ran.json["error"]["code"] == code, ran.text
    return ran.json["error"]["message"]


def about(path, *what):
    """What OpenSSL tells about a certificate, a line each, without the indentation."""
    told = openssl("x509", "-in", path, "-noout", *what).decode()
    return [line.strip() for line in told.splitlines()]


def names_in(path):
    return about(path, "-ext", "subjectAltName")[1].split(", ")


def is_good_for(path, days):
    """To the day: good for so long, and not a day more."""
    seconds = [str(n * 86400) for n in (days - 1, days + 1)]
    codes = [subprocess.run(["openssl", "x509", "-in", path, "-noout", "-checkend", n], capture_output=True,
                            timeout=LIMIT).returncode for n in seconds]
    return codes == [0, 1]


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "dev-ca"
    ca("init", made)
    return made


def issue(folder, *args, **more):
    return ca("issue", *args, "--ca", folder, **more)


def mode_of(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def test_init_makes_an_authority_whose_key_only_its_owner_reads(folder):
    root = folder / "ca.pem"
    assert "CA:TRUE" in about(root, "-ext", "basicConstraints")[1]
    assert about(root, "-subject") == ["subject=CN = Sluice development CA"]
    assert mode_of(folder / "ca.key") == 0o600
    umask = os.umask(0)
    os.umask(umask)
    assert mode_of(root) == 0o644 & ~umask
    assert is_good_for(root, 3650)


def test_init_never_writes_over_an_authority(folder):
    before = (folder / "ca.key").read_bytes()
    message = refused(1, "in_use", "init", folder)
    assert "ca.key" in message and (folder / "ca.key").read_bytes() == before


def test_issue_makes_a_server_that_clients_verify(folder, serve):
    made = issue(folder, "localhost", "--ip", "127.0.0.1", "--ip", "::1", "--days", "9")
    one = made["certificate"]
    assert names_in(one) == ["DNS:localhost", "IP Address:127.0.0.1", "IP Address:0:0:0:0:0:0:0:1"]
    assert is_good_for(one, 9)
    assert about(one, "-ext", "extendedKeyUsage")[1] == "TLS Web Server Authentication"
    assert about(one, "-serial")[0].lower() == "serial=" + made["serial"]
    openssl("verify", "-x509_strict", "-CAfile", folder / "ca.pem", made["certificate"])
    assert mode_of(made["key"]) == 0o600
    assert mode_of(made["certificate"]) == mode_of(folder / "ca.pem")
    server = serve("--cert", made["certificate"], "--key", made["key"])
    for host in ("localhost", "127.0.0.1"):
        assert run("check", f"{host}:{server.port}", "--ca", folder / "ca.pem").code == 0


def test_issue_never_writes_over_a_key(folder):
    before = open(issue(folder, "localhost")["key"], "rb").read()
    assert "localhost.pem" in refused(1, "in_use", "issue", "localhost", "--ca", folder)
    assert (folder / "localhost.key").read_bytes() == before


def test_a_wildcard_is_a_name_and_its_file_has_no_star(folder):
    made = issue(folder, "*.example.org", "example.org")
    assert made["certificate"].endswith("/_.example.org.pem")
    assert names_in(made["certificate"]) == ["DNS:*.example.org", "DNS:example.org"]


@pytest.mark.parametrize("kind", ["ec256", "ec384", "ec521", "rsa2048", "rsa3072", "rsa4096"])
def test_issue_makes_keys_of_each_kind(folder, kind):
    made = issue(folder, "localhost", "--key", kind)
    public = openssl("pkey", "-in", made["key"], "-pubout")
    assert public == openssl("x509", "-in", made["certificate"], "-noout", "-pubkey")
    text = openssl("pkey", "-pubin", "-noout", "-text", stdin=public).decode()
    assert f"({kind.lstrip('ecrsa')} bit)" in text and ("ASN1 OID" in text) == kind.startswith("ec")


def test_a_kind_of_key_that_does_not_exist_is_wrong_usage(folder):
    ran = run("ca", "issue", "localhost", "--key", "rsa1234", "--ca", folder)
    assert ran.code == 1 and "rsa1234" in ran.err and "ec256" in ran.err
    assert not (folder / "localhost.pem").exists()


def test_a_client_certificate_is_for_clients_and_comes_with_a_bundle(folder, tmp_path, serve):
    password = tmp_path / "password"
    password.write_text("horse\n")
    made = issue(folder, "alice@example.org", "--client", "--p12", "--password-file", password)
    one = made["certificate"]
    assert names_in(one) == ["email:alice@example.org"]
    assert about(one, "-ext", "extendedKeyUsage")[1] == "TLS Web Client Authentication"
    bundle = ["pkcs12", "-in", made["p12"], "-passin", f"file:{password}", "-nodes"]
    assert openssl("x509", stdin=openssl(*bundle, "-nokeys", "-clcerts")) == openssl("x509", "-in", one)
    assert openssl("pkey", stdin=openssl(*bundle, "-nocerts")) == openssl("pkey", "-in", made["key"])
    told = subprocess.run(["openssl", *bundle, "-info", "-noout"], capture_output=True, text=True, timeout=LIMIT)
    assert told.returncode == 0 and "RC2" not in told.stderr and "3-KeyTripleDES-CBC" in told.stderr, told.stderr

    site = issue(folder, "localhost")
    server = serve("--cert", site["certificate"], "--key", site["key"], "--ca", folder / "ca.pem",
                   "--client-auth", "required")
    mine = ["--cert", made["certificate"], "--key", made["key"]]
    seen = run("check", server.name, "--ca", folder / "ca.pem", *mine, "--json")
    assert seen.code == 0 and seen.json["tls"]["client_certificate"] is True


def test_a_bundle_wants_a_password(folder):
    message = refused(1, "password_needed", "issue", "bob", "--client", "--p12", "--ca", folder)
    assert "--password-file" in message
    assert not (folder / "bob.pem").exists()


def test_a_certificate_for_a_key_in_a_token(folder, token, serve):
    made = issue(folder, "localhost", "--key", token.uri, "--pin-file", token.pin, env=token.env)
    assert made["key"] is None
    openssl("verify", "-CAfile", folder / "ca.pem", made["certificate"])
    server = serve("--cert", made["certificate"], "--key", token.uri, "--pin-file", token.pin, env=token.env)
    assert run("check", server.name, "--ca", folder / "ca.pem").code == 0


@pytest.mark.parametrize("form", ["PEM", "DER"])
def test_sign_answers_a_request_with_its_names(folder, tmp_path, form):
    key, request = tmp_path / "key", tmp_path / "request"
    openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key,
            "-outform", form, "-out", request, "-subj", "/CN=app.example.org",
            "-addext", "subjectAltName=DNS:app.example.org,IP:192.0.2.1")
    made = ca("sign", request, "--ca", folder)
    assert names_in(made["certificate"]) == ["DNS:app.example.org", "IP Address:192.0.2.1"]
    assert made["key"] is None
    openssl("verify", "-CAfile", folder / "ca.pem", made["certificate"])


def test_a_request_that_was_changed_is_refused(folder, tmp_path):
    key, request = tmp_path / "key", tmp_path / "request"
    openssl("req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-outform", "DER", "-out", request,
            "-subj", "/CN=app.example.org")
    request.write_bytes(request.read_bytes().replace(b"app.example.org", b"app.exbmple.org"))
    ran = run("ca", "sign", request, "--ca", folder)
    assert ran.code != 0 and "not by its own key" in ran.err
    request.write_text("no request")
    assert run("ca", "sign", request, "--ca", folder).code != 0


def test_what_is_revoked_is_on_the_list(folder):
    back, kept = issue(folder, "back.example.org"), issue(folder, "kept.example.org")
    assert ca("revoke", back["certificate"], "--ca", folder)["was_revoked_before"] is False
    assert ca("revoke", back["certificate"], "--ca", folder)["was_revoked_before"] is True
    made = ca("crl", "--ca", folder, "--days", "3")
    assert made["revoked"] == 1
    verify = ["openssl", "verify", "-crl_check", "-CAfile", folder / "ca.pem", "-CRLfile", made["crl"]]
    assert subprocess.run([*verify, kept["certificate"]], capture_output=True, timeout=LIMIT).returncode == 0
    told = subprocess.run([*verify, back["certificate"]], capture_output=True, text=True, timeout=LIMIT)
    assert told.returncode != 0 and "certificate revoked" in told.stderr


def test_revoke_refuses_the_certificate_of_another_authority(folder, site):
    assert "issued by" in refused(1, "usage", "revoke", site.cert, "--ca", folder)


def test_without_an_authority_it_says_how_to_make_one(tmp_path):
    assert "sluice ca init" in refused(1, "file_not_found", "issue", "localhost", "--ca", tmp_path)


# --- ocsp ---


@pytest.fixture
def responder(folder):
    program = Program("ca", "ocsp", "--listen", "127.0.0.1:0", "--ca", folder, "--json")
    program.url = "http://" + program.event("listening")["address"]
    yield program
    program.end()


def ask(folder, url, certificate, *more):
    return subprocess.run(
        ["openssl", "ocsp", "-issuer", folder / "ca.pem", "-cert", certificate, "-CAfile", folder / "ca.pem",
         "-url", url, *more], capture_output=True, text=True, timeout=LIMIT,
    )


def test_ocsp_says_good_and_from_the_next_question_on_revoked(folder, responder):
    one = issue(folder, "localhost")["certificate"]
    told = ask(folder, responder.url, one)
    assert "Response verify OK" in told.stderr and f"{one}: good" in told.stdout, told.stderr + told.stdout
    ca("revoke", one, "--ca", folder)
    assert f"{one}: revoked" in ask(folder, responder.url, one).stdout


def test_ocsp_does_not_know_what_it_never_issued(folder, responder, tmp_path):
    other = tmp_path / "other"
    ca("init", other)
    stranger = issue(other, "localhost")["certificate"]
    assert f"{stranger}: unknown" in ask(folder, responder.url, stranger).stdout


def test_ocsp_answers_get_and_refuses_what_is_no_request(folder, responder, tmp_path):
    request = tmp_path / "request"
    one = issue(folder, "localhost")["certificate"]
    openssl("ocsp", "-issuer", folder / "ca.pem", "-cert", one, "-reqout", request, "-no_nonce")
    text = urllib.parse.quote(base64.b64encode(request.read_bytes()), safe="")
    answer = urllib.request.urlopen(f"{responder.url}/{text}", timeout=LIMIT)
    assert answer.headers["Content-Type"] == "application/ocsp-response"
    (tmp_path / "answer").write_bytes(answer.read())
    told = openssl("ocsp", "-respin", tmp_path / "answer", "-issuer", folder / "ca.pem", "-cert", one, "-CAfile",
                   folder / "ca.pem")
    assert b": good" in told
    nonsense = urllib.request.urlopen(responder.url, data=b"nonsense", timeout=LIMIT).read()
    assert nonsense == bytes([0x30, 3, 0x0A, 1, 1])  # malformedRequest
    with pytest.raises(urllib.error.HTTPError) as refusal:
        urllib.request.urlopen(urllib.request.Request(responder.url, method="PUT", data=b"x"), timeout=LIMIT)
    assert refusal.value.code == 405


def test_ocsp_responses_can_be_stapled(folder, responder, serve, tmp_path):
    made, staple = issue(folder, "localhost"), tmp_path / "staple"
    ask(folder, responder.url, made["certificate"], "-respout", staple, "-no_nonce")
    server = serve("--cert", made["certificate"], "--key", made["key"], "--ocsp", staple)
    seen = run("check", server.name, "--ca", folder / "ca.pem", "--json")
    assert seen.code == 0 and seen.json["tls"]["ocsp"] == "good"


def test_ocsp_ends_on_a_signal(responder):
    responder.process.send_signal(signal.SIGTERM)
    assert responder.wait() == 0 and responder.err == b""


@pytest.mark.parametrize("what, words", [
    ("empty", "the file is empty"), ("text", "or it is damaged"), ("certificate", "it is a certificate"),
    ("key", "it is a private key"), ("cut", "or it is damaged")])
def test_what_is_no_request_is_refused_in_words(folder, tmp_path, what, words):
    content = {"empty": b"", "text": b"hello\n", "certificate": (folder / "ca.pem").read_bytes(),
               "key": (folder / "ca.key").read_bytes(),
               "cut": b"-----BEGIN CERTIFICATE REQUEST-----\nMIIB\n-----END CERTIFICATE REQUEST-----\n"}[what]
    request = tmp_path / "request"
    request.write_bytes(content)
    ran = run("ca", "sign", request, "--ca", folder)
    assert ran.code == 1 and "not a certificate request" in ran.err and words in ran.err, ran.err
    assert str(request) in ran.err and "error:" not in ran.err


@pytest.mark.parametrize("file", ["ca.pem", "ca.key"])
def test_a_damaged_authority_is_refused_in_words(folder, file):
    (folder / file).write_text("hello\n")
    ran = run("ca", "issue", "localhost", "--ca", folder)
    assert ran.code == 1 and str(folder) in ran.err and "internal error" not in ran.err, ran.err


@pytest.mark.parametrize("name", ["b\u00fccher.test", "a,b", "email:", "x" * 70000])
def test_a_name_that_no_certificate_can_have_is_refused_in_words(folder, name):
    ran = run("ca", "issue", name, "--ca", folder)
    assert ran.code in (0, 1) and "internal error" not in ran.err, ran.err


def test_a_long_name_of_an_authority_is_refused_in_words(tmp_path):
    ran = run("ca", "init", tmp_path / "ca", "--name", "x" * 65)
    assert ran.code == 1 and "1 to 64 characters" in ran.err, ran.err
