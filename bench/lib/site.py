# SPDX-License-Identifier: Apache-2.0
"""The certificates of a run, made with openssl(1): an authority's, a server's (P-256, RSA-2048), a client's."""
import subprocess

EXTENSIONS = """subjectAltName=DNS:localhost,IP:127.0.0.1
basicConstraints=CA:FALSE
keyUsage=digitalSignature
extendedKeyUsage=serverAuth,clientAuth
"""
P256 = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]
RSA = ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


def make_site(folder):
    """Writes ca.pem, and NAME.pem and NAME.key of p256, rsa and client."""
    authority, extensions = folder / "ca.key", folder / "extensions"
    openssl("genpkey", *P256, "-out", authority)
    openssl("req", "-x509", "-new", "-key", authority, "-days", 30, "-subj", "/CN=Sluice benchmarks", "-out",
            folder / "ca.pem", "-addext", "basicConstraints=critical,CA:TRUE")
    extensions.write_text(EXTENSIONS)
    for name, kind in (("p256", P256), ("rsa", RSA), ("client", P256)):
        request = folder / "request"
        openssl("genpkey", *kind, "-out", folder / f"{name}.key")
        openssl("req", "-new", "-key", folder / f"{name}.key", "-subj", f"/CN={name}", "-out", request)
        openssl("x509", "-req", "-in", request, "-CA", folder / "ca.pem", "-CAkey", authority, "-CAcreateserial",
                "-days", 30, "-extfile", extensions, "-out", folder / f"{name}.pem")
