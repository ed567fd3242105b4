# SPDX-License-Identifier: Apache-2.0
"""`sluice token`: keys made, imported and used; every answer in words and in JSON; every refusal with its code."""

import base64
import json
import pathlib
import subprocess

import pytest

from kit import LIMIT, SLUICE, environment, openssl, run

MODULE = "?module-name=softhsm2"


@pytest.fixture(scope="session")
def blank(tmp_path_factory):
    """A SoftHSM token "blank" with nothing on it, and a second one that is in the way of whoever is not exact."""
    folder = tmp_path_factory.mktemp("blank")
    (folder / "tokens").mkdir()
    conf = folder / "softhsm2.conf"
    conf.write_text(f"directories.tokendir = {folder}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n")
    env = environment(SOFTHSM2_CONF=str(conf), SLUICE_PIN="123456")
    for label in "blank", "other":
        subprocess.run(
            ["softhsm2-util", "--init-token", "--free", "--label", label, "--so-pin", "so-1234", "--pin", "123456"],
            check=True,
            capture_output=True,
            timeout=LIMIT,
            env=env,
        )
    return env


def uri(label):
    return f"pkcs11:token=blank;object={label}{MODULE}"


def made(blank, label, kind="ec256"):
    ran = run("token", "keygen", uri(label), "--type", kind, "--json", env=blank)
    assert ran.code == 0, ran.err + ran.text
    return ran.json["uri"]


def failed(ran, code, error):
    assert ran.code == code, ran.text
    assert ran.json["ok"] is False and ran.json["error"]["code"] == error, ran.text
    return ran.json["error"]


# --- list and show ---


def test_list_has_exactly_the_promised_keys(token):
    ran = run("token", "list", token.uri, "--pin-file", token.pin, "--json", env=token.env)
    assert ran.code == 0
    (one,) = ran.json["tokens"]
    assert {"uri", "label", "serial", "flags", "keys"} <= set(one)
    assert one["label"] == "test" and "login-required" in one["flags"] and one["logged_in"] is True
    (key,) = one["keys"]
    assert list(key) == ["uri", "type", "sign"]
    assert key["type"] == "EC P-256" and key["sign"] is True
    assert "object=site" in key["uri"] and "id=%01" in key["uri"] and "module-name=softhsm2" in key["uri"]


def test_list_without_a_uri_asks_every_module_of_the_system_and_sends_no_pin(blank):
    ran = run("token", "list", "--json", env=dict(blank, SLUICE_PIN="999999"))
    assert ran.code == 0
    ours = [t for t in ran.json["tokens"] if t["label"] in ("blank", "other")]
    assert len(ours) == 2 and not any(t["logged_in"] for t in ours)


def test_the_uris_of_list_can_be_pasted(token):
    key = run("token", "list", token.uri, "--pin-file", token.pin, "--json", env=token.env).json["tokens"][0]["keys"][
        0
    ]["uri"]
    assert run("token", "show", key, "--pin-file", token.pin, env=token.env).code == 0


def test_show_prints_mechanisms_attributes_and_module(token):
    ran = run("token", "show", token.uri, "--pin-file", token.pin, "--json", env=token.env)
    assert ran.code == 0
    shown = ran.json
    assert {"CKM_ECDSA", "CKM_RSA_PKCS_PSS"} <= set(shown["mechanisms"])
    assert shown["model"] == "SoftHSM v2" and shown["module"]["path"].endswith("libsofthsm2.so")
    (key,) = shown["keys"]
    assert (key["sign"], key["sensitive"], key["extractable"], key["local"]) == (True, True, False, False)


def test_show_for_people(token):
    ran = run("token", "show", token.uri, "--pin-file", token.pin, env=token.env)
    assert ran.code == 0 and "not marked as generated on the token, sensitive, not extractable" in ran.text


# --- keygen, sign, csr, import ---


@pytest.mark.parametrize(
    "kind, type",
    [
        ("ec256", "EC P-256"),
        ("ec384", "EC P-384"),
        ("ec521", "EC P-521"),
        ("rsa2048", "RSA 2048"),
        ("rsa3072", "RSA 3072"),
    ],
)
def test_a_key_is_born_and_signs_what_openssl_verifies(blank, kind, type, tmp_path):
    key = made(blank, f"born-{kind}", kind)
    shown = run("token", "show", key, "--json", env=blank).json["keys"][0]
    assert (shown["type"], shown["local"], shown["sensitive"], shown["extractable"]) == (type, True, True, False)

    csr = run(
        "token",
        "csr",
        key,
        "--subject",
        "CN=example.test,O=Ex\\, ample",
        "--san",
        "example.test",
        "--san",
        "127.0.0.1",
        env=blank,
    )
    assert csr.code == 0, csr.err
    request = tmp_path / "request.pem"
    request.write_bytes(csr.out)
    verified = subprocess.run(
        ["openssl", "req", "-in", request, "-verify", "-noout", "-text"], capture_output=True, timeout=LIMIT
    )
    text = (verified.stdout + verified.stderr).decode()
    assert verified.returncode == 0 and "verify OK" in text, text
    assert "DNS:example.test, IP Address:127.0.0.1" in text and "CN = example.test" in text and "Ex, ample" in text

    data = tmp_path / "data"
    data.write_bytes(b"to be signed")
    scheme, digest = {
        "ec256": ("ecdsa_secp256r1_sha256", "sha256"),
        "ec384": ("ecdsa_secp384r1_sha384", "sha384"),
        "ec521": ("ecdsa_secp521r1_sha512", "sha512"),
    }.get(kind, ("rsa_pkcs1_sha256", "sha256"))
    signed = run("token", "sign", key, "--scheme", scheme, "--in", data, env=blank)
    assert signed.code == 0
    (tmp_path / "signature").write_bytes(base64.b64decode(signed.text, validate=False))
    (tmp_path / "public.pem").write_bytes(openssl("req", "-in", request, "-noout", "-pubkey"))
    openssl("dgst", f"-{digest}", "-verify", tmp_path / "public.pem", "-signature", tmp_path / "signature", data)


def test_sign_in_json_from_stdin(blank):
    key = made(blank, "json")
    ran = run("token", "sign", key, "--in", "-", "--json", stdin=b"anything", env=blank)
    assert ran.code == 0 and list(ran.json) == ["uri", "scheme", "signature"]
    assert ran.json["scheme"] == "ecdsa_secp256r1_sha256"


def test_csr_in_json(blank):
    ran = run("token", "csr", made(blank, "csr-json"), "--subject", "CN=x", "--json", env=blank)
    assert ran.code == 0 and list(ran.json) == ["csr"]
    openssl("req", "-verify", "-noout", stdin=ran.json["csr"].encode())


def test_a_second_key_of_the_same_name_is_refused(blank):
    made(blank, "twin")
    failed(run("token", "keygen", uri("twin"), "--json", env=blank), 1, "in_use")


def test_a_key_and_its_certificate_are_imported_and_serve(blank, authority, serve):
    site = authority.issue("imported")
    ran = run("token", "import", uri("imported"), "--key", site.key, "--cert", site.cert, "--json", env=blank)
    assert ran.code == 0, ran.text
    key = ran.json["uri"]
    server = serve("--cert", uri("imported"), env=blank)
    assert run("check", server.name, "--ca", authority.cert).code == 0
    assert run("token", "doctor", key, env=blank).code == 0


def test_a_key_of_another_certificate_is_not_imported(blank, authority, site):
    other = authority.issue("import-other")
    failed(
        run("token", "import", uri("mixed"), "--key", site.key, "--cert", other.cert, "--json", env=blank),
        1,
        "key_mismatch",
    )
    failed(run("token", "show", uri("mixed"), "--json", env=blank), 10, "key_not_found")


def test_an_encrypted_key_wants_its_password(blank, site, tmp_path):
    locked = tmp_path / "locked.key"
    subprocess.run(
        ["openssl", "pkcs8", "-topk8", "-in", site.key, "-out", locked, "-passout", "pass:secret"],
        check=True,
        timeout=LIMIT,
    )
    failed(run("token", "import", uri("locked"), "--key", locked, "--json", env=blank), 1, "password_needed")
    failed(
        run("token", "import", uri("locked"), "--key", locked, "--json", env=dict(blank, SLUICE_PASSWORD="wrong")),
        1,
        "wrong_password",
    )
    env = dict(blank, SLUICE_PASSWORD="secret\n")  # the first line counts, as in a file
    assert run("token", "import", uri("locked"), "--key", locked, env=env).code == 0


@pytest.mark.parametrize("nth", [1, 2, 3])
def test_an_import_that_fails_leaves_nothing_behind(nth, blank, site, tmp_path):
    script = tmp_path / "script.toml"
    script.write_text(
        f'[[answer]]\nfunction = "C_CreateObject"\nvalue = "CKR_TEMPLATE_INCONSISTENT"\nnth = {nth}\n'
    )
    faulty = pathlib.Path(SLUICE).resolve().parent / "libsluice-faulty-pkcs11.so"
    name = f"pkcs11:token=blank;object=half-{nth}?module-path={faulty}"
    files = ["--key", site.key, "--cert", site.cert]
    env = dict(blank, SLUICE_FAULTY_SCRIPT=str(script))
    failed(run("token", "import", name, *files, "--json", env=env), 10, "CKR_TEMPLATE_INCONSISTENT")
    failed(run("token", "show", uri(f"half-{nth}"), "--json", env=blank), 10, "key_not_found")
    left = run("token", "show", f"pkcs11:token=blank{MODULE}", "--json", env=blank).json
    assert not [c for c in left["certificates"] if c["label"] == f"half-{nth}"]
    assert run("token", "import", uri(f"half-{nth}"), *files, env=blank).code == 0


# --- a certificate and its chain on the token ---


def chain_of(authority, tmp_path):
    """An intermediate, and a site below it."""
    middle = authority.issue("middle", names=None, usage=None)
    key, csr, cert = tmp_path / "middle.key", tmp_path / "middle.csr", tmp_path / "middle.pem"
    (tmp_path / "ext").write_text("basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n")
    (tmp_path / "leaf").write_text("subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth\n")
    openssl("req", "-new", "-key", middle.key, "-subj", "/CN=Middle", "-out", csr)
    openssl(
        "x509",
        "-req",
        "-in",
        csr,
        "-CA",
        authority.cert,
        "-CAkey",
        authority.key,
        "-days",
        "30",
        "-extfile",
        tmp_path / "ext",
        "-out",
        cert,
    )
    authority.make_key(key)
    leaf_csr, leaf = tmp_path / "leaf.csr", tmp_path / "leaf.pem"
    openssl("req", "-new", "-key", key, "-subj", "/CN=below", "-out", leaf_csr)
    openssl(
        "x509",
        "-req",
        "-in",
        leaf_csr,
        "-CA",
        cert,
        "-CAkey",
        middle.key,
        "-days",
        "30",
        "-extfile",
        tmp_path / "leaf",
        "-out",
        leaf,
    )
    return leaf, key, cert


@pytest.mark.parametrize("where", ["token", "file"])
def test_the_chain_of_a_certificate_in_the_token_is_completed(where, blank, authority, serve, tmp_path):
    leaf, key, middle = chain_of(authority, tmp_path)
    label = f"chain-{where}"
    both = tmp_path / "both.pem"
    both.write_text(leaf.read_text() + (middle.read_text() if where == "token" else ""))
    assert run("token", "import", uri(label), "--key", key, "--cert", both, env=blank).code == 0
    more = ["--chain", middle] if where == "file" else []
    server = serve("--cert", uri(label), *more, env=blank)
    ran = run("check", server.name, "--ca", authority.cert, "--json")
    assert ran.code == 0, ran.text
    assert [c["subject"] for c in ran.json["certificates"]][:2] == ["CN=below", "CN=Middle"]


def test_chain_needs_a_certificate_in_a_token(site):
    ran = run("serve", "--listen", "127.0.0.1:0", "--cert", site.cert, "--key", site.key, "--chain", site.cert)
    assert ran.code == 1 and "--chain" in ran.err


# --- refusals ---

VERBS = [["list"], ["show"], ["keygen"], ["csr"], ["sign", "--in", "/dev/null"], ["bench"]]


@pytest.mark.parametrize("verb", VERBS + [["import", "--key", "{key}"]], ids=lambda v: v[0])
def test_10_and_what_was_tried_when_the_token_is_not_there(verb, token, site):
    options = [word.format(key=site.key) for word in verb[1:]]
    command = ["token", verb[0], f"pkcs11:token=nowhere;object=x{MODULE}", *options]
    error = failed(run(*command, "--json", env=token.env), 10, "token_not_found")
    assert "token=test" in error["message"]
    ran = run(*command, env=token.env)
    assert ran.code == 10 and ran.out == b"" and "token=test" in ran.err


@pytest.mark.parametrize("verb", VERBS + [["doctor"], ["watch"]], ids=lambda v: v[0])
def test_1_when_a_pin_is_on_the_command_line(verb, token):
    ran = run("token", verb[0], token.uri + "&pin-value=123456", *verb[1:], env=token.env)
    assert ran.code == 1 and "--pin-file" in ran.err and "123456" not in ran.err


def test_10_when_the_module_is_not_there(token):
    error = failed(
        run("token", "show", "pkcs11:token=x?module-name=no-such-module", "--json", env=token.env),
        10,
        "module_load_failed",
    )
    assert "no-such-module.so" in error["message"]


@pytest.mark.parametrize(
    "args, word",
    [
        (["keygen", uri("x"), "--type", "dsa"], "ec256"),
        (["keygen", f"pkcs11:token=blank{MODULE}"], "object=LABEL"),
        (["sign", uri("x"), "--in", "/dev/null", "--scheme", "none"], "ecdsa_secp256r1_sha256"),
        (["bench", uri("x"), "--sessions", "0"], "number"),
        (["import", uri("x")], "--key FILE"),
    ],
)
def test_1_for_wrong_values(args, word, blank):
    ran = run("token", *args, env=blank)
    assert ran.code == 1 and word in ran.err, ran.err
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize("args", [[], ["no-such"], ["keygen"], ["sign", "pkcs11:"], ["list", "a", "b"]])
def test_wrong_usage_is_one_sentence(args):
    ran = run("token", *args)
    assert ran.code == 1 and ran.out == b""
    assert ran.err.count("\n") == 1 and ran.err.startswith("sluice token") and "--help`" in ran.err


@pytest.mark.parametrize("verb", ["list", "show", "keygen", "csr", "import", "sign", "bench", "doctor", "watch"])
def test_help_of_every_verb_shows_an_example(verb):
    ran = run("token", verb, "--help")
    assert ran.code == 0 and f"Example:\n  sluice token {verb}" in ran.text


# --- bench ---


def test_bench_measures_each_number_of_sessions(blank):
    key = made(blank, "bench")
    ran = run("token", "bench", key, "--duration", "300ms", "--sessions", "1,2", "--json", env=blank)
    assert ran.code == 0, ran.text
    assert [r["sessions"] for r in ran.json["runs"]] == [1, 2]
    for r in ran.json["runs"]:
        assert r["per_s"] > 0 and r["failed"] == 0 and 0 < r["p50_ms"] <= r["p99_ms"]
    people = run("token", "bench", key, "--duration", "100ms", "--sessions", "1,2", env=blank)
    assert people.code == 0 and "2 sessions" in people.text and "█" in people.text
