# SPDX-License-Identifier: Apache-2.0
"""Tokens as people have them: labels used twice, halves missing, flags forgotten, modules that talk."""

import pathlib
import subprocess

import pytest

from kit import LIMIT, SLUICE, environment, openssl, run

ODD = pathlib.Path(SLUICE).resolve().parent / "tests" / "libsluice-odd-pkcs11.so"
SOFTHSM = "/usr/lib/softhsm/libsofthsm2.so"


class Odd:
    """A SoftHSM token "odd", through the module that is odd as `env` says."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "tokens").mkdir()
        conf = folder / "softhsm2.conf"
        conf.write_text(f"directories.tokendir = {folder}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n")
        self.env = environment(SOFTHSM2_CONF=str(conf), SLUICE_ODD_TARGET=SOFTHSM, SLUICE_ODD_PIN="123456")
        subprocess.run(
            ["softhsm2-util", "--init-token", "--free", "--label", "odd", "--so-pin", "so-1234", "--pin", "123456"],
            check=True,
            capture_output=True,
            timeout=LIMIT,
            env=self.env,
        )
        self.pin = folder / "pin"
        self.pin.write_text("123456\n")

    def uri(self, label, more=""):
        return f"pkcs11:token=odd;object={label}{more}?module-path={ODD}"

    def run(self, verb, label, *args, odd="", pin=True, more="", **variables):
        pin_file = ["--pin-file", self.pin] if pin else []
        env = dict(self.env, SLUICE_ODD=odd, **variables)
        return run("token", verb, self.uri(label, more), *pin_file, *args, env=env)

    def made(self, label, kind="ec256", more=""):
        ran = self.run("keygen", label, "--type", kind, "--json", more=more)
        assert ran.code == 0, ran.text + ran.err
        return ran.json["uri"]

    def certificate(self, label, authority, days=30, name=None):
        """Of the key with that label, by the authority; the file."""
        request = self.folder / f"{label}.csr"
        request.write_bytes(self.run("csr", label, "--subject", "CN=" + label).out)
        file = self.folder / f"{name or label}.pem"
        extensions = self.folder / "extensions"
        extensions.write_text("subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth\n")
        signer = ["-CA", authority.cert, "-CAkey", authority.key, "-days", days, "-extfile", extensions]
        openssl("x509", "-req", "-in", request, *signer, "-out", file)
        return file

    def tool(self, *args):
        """OpenSC's pkcs11-tool, on SoftHSM itself."""
        command = ["pkcs11-tool", "--module", SOFTHSM, "--login", "--pin", "123456", *map(str, args)]
        done = subprocess.run(command, check=True, capture_output=True, timeout=LIMIT, env=self.env)
        return done.stdout.decode()

    def id_of(self, label):
        objects = self.tool("-O", "--type", "privkey").split("Private Key Object")
        (one,) = [o for o in objects if f"label:      {label}\n" in o]
        return one.split("ID:")[1].split()[0]


@pytest.fixture
def odd(tmp_path):
    assert ODD.exists()
    return Odd(tmp_path)


def checks(ran):
    return {c["name"]: c for c in ran.json["checks"]}


def doctor(token, label, *args, **more):
    ran = token.run("doctor", label, "--json", *args, **more)
    return ran, checks(ran)


# --- flags ---


@pytest.mark.parametrize("flags", ["not_initialised", "no_pin_set", "no_login", "not_initialised,no_pin_set,no_login"])
def test_flags_that_a_token_forgets_do_not_matter(flags, odd, authority, serve):
    odd.made("site")
    cert = odd.certificate("site", authority)
    ran, seen = doctor(odd, "site", "--cert", cert, odd=flags)
    assert ran.code == 0, ran.text
    assert seen["login"]["detail"] == "the PIN is right"
    server = serve("--cert", cert, "--key", odd.uri("site"), "--pin-file", odd.pin, env=dict(odd.env, SLUICE_ODD=flags))
    assert run("check", server.name, "--ca", authority.cert).code == 0
    listed = odd.run("list", "", "--json", odd=flags)  # the URI's object does not matter here
    assert [k["type"] for k in listed.json["tokens"][0]["keys"]] == ["EC P-256"]
    assert "site" in odd.run("show", "site", odd=flags).text


def test_a_wrong_pin_is_not_called_right_whatever_the_flags_say(odd, tmp_path):
    odd.made("site")
    odd.pin.write_text("000000\n")
    ran, seen = doctor(odd, "site", odd="no_login")
    assert ran.code == 10 and seen["login"]["code"] == "CKR_PIN_INCORRECT"


def test_the_user_at_the_pin_pad_is_asked_once(odd, authority, serve):
    odd.made("site")
    cert = odd.certificate("site", authority)
    odd.run("import", "site", "--cert", cert)
    ran = odd.run("doctor", "site", odd="pad", pin=False)
    assert ran.code == 0, ran.text
    assert ran.err.count("odd: login with the pad") == 1 and "done at the token's own pad" in ran.text
    server = serve("--cert", odd.uri("site"), env=dict(odd.env, SLUICE_ODD="pad"))
    assert run("check", server.name, "--ca", authority.cert).code == 0
    server.end()
    assert server.err.decode().count("odd: login with the pad") == 1
    # With a PIN in hand as well: it is not sent to a token that has a pad, unless there is none after all.
    ran = odd.run("doctor", "site", odd="pad")
    assert ran.code == 0 and ran.err.count("odd: login") == ran.err.count("odd: login with the pad") == 1
    ran = odd.run("doctor", "site", odd="no_pad")
    assert ran.code == 0 and ran.err.count("odd: login with a PIN") == 1 and "the PIN is right" in ran.text


# --- what a module prints, takes and says ---


def test_a_module_that_prints_does_not_spoil_the_answer(odd):
    odd.made("site")
    for verb in ("list", "show", "doctor"):
        ran = odd.run(verb, "site", "--json", odd="print")
        assert ran.code == 0 and ran.json, ran.text
        assert "a module that says hello" in ran.err


def test_a_module_is_given_its_parameters(odd):
    without = odd.run("keygen", "site", odd="parameters")
    assert without.code == 10 and "--module-parameters" in without.err
    assert odd.run("keygen", "site", "--module-parameters", "configdir=here", odd="parameters").code == 0


def test_a_module_that_cannot_start_has_its_configuration_looked_at(odd):
    ran = odd.run("list", "site", odd="misconfigured")
    assert ran.code == 10 and "look at the module's own configuration, and at the service behind it" in ran.err
    ran = run("token", "list", "pkcs11:?module-name=softhsm2", env=dict(odd.env, SOFTHSM2_CONF="/nowhere"))
    assert ran.code != 0 and "SOFTHSM2_CONF" in ran.err


def test_sessions_that_a_token_does_not_count_are_not_reported(odd):
    odd.made("site")
    ran = odd.run("show", "site", odd="counts")
    assert ran.code == 0 and "no limit known" in ran.text
    ran, seen = doctor(odd, "site", odd="counts")
    assert seen["sessions"]["detail"].startswith("the token announces no limit")


def test_a_path_in_a_uri_stays_readable(odd):
    ran = odd.run("sign", "none", "--in", "/dev/null")
    assert ran.code == 10 and f"module-path={ODD}: no such private key" in ran.err


# --- PINs in the environment ---


@pytest.mark.parametrize("end", ["\n", "\r\n", "\nsecond line"])
def test_a_pin_from_the_environment_ends_with_its_line(end, odd):
    odd.made("site")
    assert odd.run("sign", "site", "--in", "/dev/null", pin=False, SLUICE_PIN="123456" + end).code == 0


# --- which key, and which token ---


@pytest.mark.parametrize(
    "attribute",
    [
        "library-manufacturer=Thales",
        "library-description=none",
        "library-version=99.9",
        "slot-description=none",
        "slot-manufacturer=none",
        "manufacturer=none",
        "model=none",
        "serial=0",
        "slot-id=99",
    ],
)
def test_every_attribute_must_fit(attribute, odd):
    odd.made("site")
    for verb in (["sign", "--in", "/dev/null"], ["list"], ["show"], ["doctor"]):
        ran = odd.run(verb[0], "site", *verb[1:], more=";" + attribute)
        assert ran.code == 10, ran.text


def test_a_blank_in_a_uri_is_refused(odd):
    ran = odd.run("keygen", "my key")
    assert ran.code == 1 and "write it as %20" in ran.err
    odd.made("my%20key")
    assert "label:      my key\n" in odd.tool("-O", "--type", "privkey")


def test_a_label_that_does_not_fit_is_said_to_be_too_long(odd):
    ran = run("token", "list", f"pkcs11:token={'a' * 33}?module-path={ODD}", env=odd.env)
    assert ran.code == 1 and "has 33 bytes, and PKCS#11 has room for 32" in ran.err


def test_keys_of_one_name_are_ambiguous_whatever_a_call_finds(odd):
    for id in "01", "02":
        odd.tool("--keypairgen", "--key-type", "EC:prime256v1", "--label", "twin", "--id", id)
    for how in "", "one_object":
        ran = odd.run("sign", "twin", "--in", "/dev/null", odd=how)
        assert ran.code == 10 and "id=%01" in ran.err and "id=%02" in ran.err, ran.err
        assert odd.run("keygen", "twin", odd=how).code == 1
    assert odd.run("sign", "twin", "--in", "/dev/null", more=";id=%02", odd="one_object").code == 0


def test_an_id_that_was_meant_as_hexadecimal_is_recognised(odd):
    odd.tool("--keypairgen", "--key-type", "EC:prime256v1", "--label", "site", "--id", "858e87")
    for wrong in "858e87", "%858e87":
        for verb in (["sign", "--in", "/dev/null"], ["show"]):
            ran = odd.run(verb[0], "site", *verb[1:], more=";id=" + wrong)
            assert ran.code == 10 and "id=%85%8E%87" in ran.err, ran.err
    assert odd.run("show", "site", more=";id=%85%8e%87").code == 0


# --- a key whose public half is missing, or written otherwise ---


@pytest.mark.parametrize("form", ["bit_point", "bare_point", "compressed_point", "hybrid_point", "senseless_point"])
def test_points_in_every_form_are_right_for_doctor_and_serve(form, odd, authority, serve):
    odd.made("site")
    cert = odd.certificate("site", authority)
    ran, seen = doctor(odd, "site", "--cert", cert, odd=form)
    assert ran.code == 0, ran.text
    server = serve("--cert", cert, "--key", odd.uri("site"), "--pin-file", odd.pin, env=dict(odd.env, SLUICE_ODD=form))
    assert run("check", server.name, "--ca", authority.cert).code == 0


def test_a_key_without_its_public_half_works_with_its_certificate(odd, authority, serve):
    odd.made("site")
    cert = odd.certificate("site", authority)
    odd.tool("--delete-object", "--type", "pubkey", "--id", odd.id_of("site"))
    ran, seen = doctor(odd, "site", "--cert", cert)
    assert ran.code == 0 and seen["key"]["detail"] == "EC P-256, its public half is not on the token"
    server = serve("--cert", cert, "--key", odd.uri("site"), "--pin-file", odd.pin, env=odd.env)
    assert run("check", server.name, "--ca", authority.cert).code == 0

    ran, seen = doctor(odd, "site")
    assert ran.code != 0 and seen["tls1_3"]["code"] == "no_certificate"
    assert seen["tls1_3"]["remedy"] == "give the key's certificate with --cert FILE"
    csr = odd.run("csr", "site", "--subject", "CN=x")
    assert csr.code == 1 and "no such private key" not in csr.err and "--cert FILE" in csr.err
    again = odd.run("csr", "site", "--subject", "CN=x", "--cert", cert)
    assert again.code == 0
    openssl("req", "-verify", "-noout", stdin=again.out)
    other = authority.issue("odd-other")
    assert odd.run("csr", "site", "--subject", "CN=x", "--cert", other.cert).code == 1


def test_two_keys_of_one_id_have_each_their_own_public_half(odd, authority):
    for label in "one", "two":
        odd.tool("--keypairgen", "--key-type", "EC:prime256v1", "--label", label, "--id", "01")
    for label in "one", "two":
        assert doctor(odd, label, "--cert", odd.certificate(label, authority))[0].code == 0


@pytest.mark.parametrize("curve", ["secp224r1", "secp256k1", "brainpoolP256r1"])
def test_a_curve_that_is_not_one_of_tls_is_named_as_the_reason(curve, odd):
    try:
        odd.tool("--keypairgen", "--key-type", "EC:" + curve, "--label", "other", "--id", "01")
    except subprocess.CalledProcessError:
        pytest.skip(f"SoftHSM makes no key over {curve}")
    ran, seen = doctor(odd, "other")
    assert ran.code == 10 and "its curve is not one of TLS" in seen["key"]["detail"], ran.text


def test_a_small_rsa_key_is_refused_as_clients_refuse_it(odd, authority, serve):
    odd.tool("--keypairgen", "--key-type", "rsa:1024", "--label", "small", "--id", "01")
    ran, seen = doctor(odd, "small")
    assert ran.code != 0 and seen["key"]["code"] == "weak" and "1024" in seen["key"]["detail"]
    cert = odd.certificate("small", authority)
    server = serve("--cert", cert, "--key", odd.uri("small"), "--pin-file", odd.pin, env=odd.env)
    server.end()
    assert "RSA with 1024 bits; clients refuse less than 2048" in server.err.decode()


# --- certificates of one name ---


def test_the_certificate_that_lasts_longest_is_served_and_reported(odd, authority, serve):
    odd.made("site")
    for days in 1, 80, 40:
        cert = odd.certificate("site", authority, days=days, name=f"of-{days}")
        assert odd.run("import", "site", "--cert", cert).code == 0
    server = serve("--cert", odd.uri("site"), "--pin-file", odd.pin, env=odd.env)
    ran = run("check", server.name, "--ca", authority.cert, "--json")
    server.end()
    served = ran.json["certificates"][0]
    said = server.err.decode()
    assert "3 certificates fit" in said and f"the one that is valid until {served['not_after'][:10]} is taken" in said
    ran, seen = doctor(odd, "site")
    assert ran.code == 0 and "of 3 it is the one that lasts longest" in seen["certificate"]["detail"]


# --- a URI says of which object it is ---


def test_the_type_in_a_uri_is_honoured(odd, authority, serve):
    key = odd.made("site")
    assert "type=private" in key
    odd.run("import", "site", "--cert", odd.certificate("site", authority))
    assert odd.run("sign", "site", "--in", "/dev/null", more=";type=cert").code == 1
    shown = odd.run("show", "site", "--json", more=";type=cert").json
    assert shown["keys"] == [] and len(shown["certificates"]) == 1
    # One URI for both, as it was pasted.
    for pasted in key, shown["certificates"][0]["uri"]:
        server = serve("--cert", pasted, "--pin-file", odd.pin, env=odd.env)
        assert run("check", server.name, "--ca", authority.cert).code == 0
        server.end()
