# SPDX-License-Identifier: Apache-2.0
"""`--password-file`: keys that are encrypted and PKCS#12 files, opened with their password or refused with a remedy."""

import pytest

from kit import environment, openssl, run

CLOSED = "localhost:1"  # never reached: what is wrong with our own files is said before


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("passwords")


@pytest.fixture(scope="module")
def locked(folder, site):
    """The site's key in every form that has a password: the arguments that name it."""
    secret = ["-passout", "pass:secret"]
    pkcs8, der, bag = folder / "pkcs8.key", folder / "pkcs8.der", folder / "site.p12"
    traditional = folder / "traditional.key"
    openssl("pkcs8", "-topk8", "-in", site.key, "-out", pkcs8, *secret)
    openssl("pkcs8", "-topk8", "-in", site.key, "-outform", "DER", "-out", der, *secret)
    openssl("ec", "-aes256", "-in", site.key, "-out", traditional, *secret)
    openssl("pkcs12", "-export", "-in", site.cert, "-inkey", site.key, "-out", bag, *secret)
    return {
        "pkcs8": ["--cert", site.cert, "--key", pkcs8],
        "der": ["--cert", site.cert, "--key", der],
        "traditional": ["--cert", site.cert, "--key", traditional],
        "pkcs12": ["--cert", bag],
        "pkcs12 and its key": ["--cert", bag, "--key", bag],
    }


FORMS = ["pkcs8", "der", "traditional", "pkcs12", "pkcs12 and its key"]


@pytest.fixture(scope="module")
def right(folder):
    path = folder / "right"
    path.write_text("secret\n")
    return path


@pytest.fixture(scope="module")
def wrong(folder):
    path = folder / "wrong"
    path.write_text("guess\nsecret\n")
    return path


@pytest.mark.parametrize("form", FORMS)
def test_a_server_opens_its_key_and_serves(form, locked, right, serve, authority):
    server = serve(*locked[form], "--password-file", right)
    ran = run("check", server.name, "--ca", authority.cert)
    assert ran.code == 0, ran.text


@pytest.mark.parametrize("verb", ["check", "connect"])
@pytest.mark.parametrize("form", FORMS)
def test_a_client_shows_the_certificate_of_its_locked_key(verb, form, locked, right, serve, site, authority):
    server = serve("--cert", site.cert, "--key", site.key, "--client-auth", "required", "--ca", authority.cert)
    opened = [*locked[form], "--password-file", right]
    ran = run(verb, server.name, "--ca", authority.cert, *opened, stdin=b"hello\n")
    assert ran.code == 0, ran.err + ran.text
    if verb == "connect":
        assert ran.out == b"hello\n"


def test_the_variable_is_used_where_no_file_is_given(locked, wrong, serve, authority):
    env = environment(SLUICE_PASSWORD="secret")
    server = serve(*locked["pkcs8"], env=env)
    assert run("check", server.name, "--ca", authority.cert).code == 0
    ran = run("check", CLOSED, *locked["pkcs8"], "--password-file", wrong, "--json", env=env)
    assert ran.json["error"]["code"] == "wrong_password"


def refused(ran, code):
    assert ran.code == 1
    error = ran.json["error"]
    assert (error["category"], error["code"]) == ("config", code), error["message"]
    return error["message"]


@pytest.mark.parametrize("form", FORMS)
def test_without_a_password_the_option_is_named(form, locked):
    message = refused(run("check", CLOSED, *locked[form], "--json"), "password_needed")
    assert message.startswith(f"{locked[form][-1]}: ")
    ran = run("check", CLOSED, *locked[form])
    assert ran.code == 1 and ran.err.endswith("; give --password-file FILE, or set SLUICE_PASSWORD\n")
    ran = run("serve", "--listen", "127.0.0.1:0", *locked[form])
    assert ran.code == 1 and ran.err.endswith("; give --password-file FILE, or set SLUICE_PASSWORD\n")


@pytest.mark.parametrize("form", FORMS)
def test_a_wrong_password_names_the_key_and_where_the_password_was_read(form, locked, wrong):
    options = [*locked[form], "--password-file", wrong]
    message = refused(run("check", CLOSED, *options, "--json"), "wrong_password")
    assert message.startswith(f"{locked[form][-1]}: ")
    for verb in ["check", CLOSED], ["connect", CLOSED], ["serve", "--listen", "127.0.0.1:0"]:
        ran = run(*verb, *options)
        assert ran.code == 1 and ran.err.endswith(f"; look at the first line of {wrong}\n"), ran.err
        assert "guess" not in ran.err
    ran = run("check", CLOSED, *locked[form], env=environment(SLUICE_PASSWORD="guess"))
    assert ran.code == 1 and ran.err.endswith("; look at the variable SLUICE_PASSWORD\n")


def test_a_password_file_that_is_empty_or_absent_is_named(locked, folder):
    empty = folder / "empty"
    empty.write_text("\n")
    ran = run("check", CLOSED, *locked["pkcs8"], "--password-file", empty)
    assert ran.code == 1 and ran.err.endswith(f"; write the password into the first line of {empty}\n")
    absent = folder / "absent"
    ran = run("check", CLOSED, *locked["pkcs8"], "--password-file", absent, "--json")
    assert refused(ran, "file_not_found").startswith(f"{absent}: ")


def test_a_key_that_is_not_locked_needs_no_password(serve, site, authority, folder):
    server = serve("--cert", site.cert, "--key", site.key, "--password-file", folder / "nowhere")
    assert run("check", server.name, "--ca", authority.cert).code == 0


def test_a_pkcs12_file_of_another_key_is_a_mismatch(authority, site, folder, right):
    bag, other = folder / "other.p12", authority.issue("other-bag")
    openssl("pkcs12", "-export", "-in", other.cert, "-inkey", other.key, "-out", bag, "-passout", "pass:secret")
    options = ["--cert", site.cert, "--key", bag, "--password-file", right]
    refused(run("check", CLOSED, *options, "--json"), "key_mismatch")
