# SPDX-License-Identifier: Apache-2.0
"""An RSASSA-PSS key may be restricted to some hashes (RFC 4055 §3.1)."""

import subprocess
import types

import pytest

from kit import Program, environment, openssl, run
from test_post_handshake import free_port

HASH = ["rsa_pss_keygen_md:sha512", "rsa_pss_keygen_mgf1_md:sha512", "rsa_pss_keygen_saltlen:64"]
RESTRICTED = [word for option in ["rsa_keygen_bits:2048", *HASH] for word in ("-pkeyopt", option)]
UNRESTRICTED = """asn1=SEQUENCE:pkcs8
[pkcs8]
version=INTEGER:0
algorithm=SEQUENCE:algorithm
key=FORMAT:HEX,OCTETSTRING:{}
[algorithm]
oid=OID:rsassaPss
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory, authority):
    """A certificate for SHA-512 alone, its key, and the same key as if it were for every hash."""
    folder = tmp_path_factory.mktemp("pss")
    made = types.SimpleNamespace(**{name: folder / name for name in ("key", "cert", "free", "csr")})
    openssl("genpkey", "-algorithm", "RSA-PSS", *RESTRICTED, "-out", made.key)
    openssl("req", "-new", "-key", made.key, "-subj", "/CN=localhost", "-out", made.csr)
    names = folder / "names"
    names.write_text("subjectAltName=DNS:localhost\nkeyUsage=digitalSignature\n")
    openssl("x509", "-req", "-in", made.csr, "-CA", authority.cert, "-CAkey", authority.key, "-CAcreateserial",
            "-CAserial", folder / "serial", "-days", "9", "-extfile", names, "-out", made.cert)
    inner = openssl("rsa", "-in", made.key, "-outform", "DER", "-traditional")
    text = folder / "text"
    text.write_text(UNRESTRICTED.format(inner.hex()))
    der = folder / "der"
    openssl("asn1parse", "-genconf", text, "-noout", "-out", der)
    openssl("pkey", "-inform", "DER", "-in", der, "-out", made.free)
    return made


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_a_server_that_signs_with_a_hash_that_its_key_excludes_breaks_the_protocol(version, site, authority):
    port = free_port()
    shell = ["-c", 'exec openssl "$@" 2>&1', "openssl"]
    args = ["s_server", "-accept", f"127.0.0.1:{port}", "-cert", site.cert, "-key", site.free]
    args += ["-sigalgs", "rsa_pss_pss_sha256"]
    peer = Program(*shell, *args, env=environment(), stdin=subprocess.PIPE, program="sh")
    try:
        while "ACCEPT" not in peer.line():
            pass
        ran = run("check", f"localhost:{port}", "--ca", authority.cert, "--max-tls", version, "--json")
        assert (ran.code, ran.json["error"]["code"]) == (4, "protocol_error"), ran.json["error"]
        while "alert" not in (line := peer.line()):
            pass
        assert "illegal parameter" in line
    finally:
        peer.end()


def test_serve_rejects_such_a_key_with_its_cause(site):
    ran = run("serve", "--listen", "127.0.0.1:0", "--cert", site.cert, "--key", site.key)
    assert ran.code == 1 and "the parameters of its RSASSA-PSS key exclude SHA-256" in ran.err
