# SPDX-License-Identifier: Apache-2.0
"""A certificate authority made of the openssl program, for certificates that are wrong in a chosen way."""

import datetime
import pathlib

from kit import openssl

CONFIG = """
[ca]
default_ca = here
[here]
dir = {folder}
database = {folder}/index.txt
new_certs_dir = {folder}
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
email_in_dn = no
[any]
commonName = supplied
[req]
distinguished_name = dn
[dn]
"""


class Site:
    def __init__(self, cert, key):
        self.cert = cert
        self.key = key


class Authority:
    def __init__(self, folder: pathlib.Path, name="Test Root"):
        folder.mkdir(parents=True)
        self.folder = folder
        self.cert = folder / "ca.pem"
        self.key = folder / "ca.key"
        self.config = folder / "ca.cnf"
        self.config.write_text(CONFIG.format(folder=folder))
        (folder / "index.txt").write_text("")
        self.make_key(self.key)
        openssl(
            "req",
            "-x509",
            "-new",
            "-config",
            self.config,
            "-key",
            self.key,
            "-subj",
            f"/CN={name}",
            "-days",
            "365",
            "-out",
            self.cert,
            "-addext",
            "basicConstraints=critical,CA:TRUE",
            "-addext",
            "keyUsage=critical,keyCertSign,cRLSign",
        )

    @staticmethod
    def make_key(path, kind="ec256"):
        if kind == "ec256":
            openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", path)
        elif kind == "ed25519":
            openssl("genpkey", "-algorithm", "ED25519", "-out", path)
        else:
            openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", f"rsa_keygen_bits:{kind[3:]}", "-out", path)

    def issue(
        self,
        name,
        names="DNS:localhost,IP:127.0.0.1",
        begins=-1,
        ends=30,
        usage="serverAuth,clientAuth",
        kind="ec256",
        key=None,
        more=(),
    ):
        """A certificate valid from `begins` to `ends`, in days from now; `more` are lines of its extensions."""
        path = self.folder / name
        key = key or path.with_suffix(".key")
        if not key.exists():
            self.make_key(key, kind)
        csr, cert, extensions = path.with_suffix(".csr"), path.with_suffix(".pem"), path.with_suffix(".ext")
        lines = ["basicConstraints=critical,CA:FALSE", "authorityKeyIdentifier=keyid"]
        if names:
            lines.append(f"subjectAltName={names}")
        if usage:
            lines.append(f"extendedKeyUsage={usage}")
        lines.extend(more)
        extensions.write_text("\n".join(lines) + "\n")
        openssl("req", "-new", "-config", self.config, "-key", key, "-subj", f"/CN={name}", "-out", csr)
        openssl(
            "ca",
            "-batch",
            "-notext",
            "-config",
            self.config,
            "-cert",
            self.cert,
            "-keyfile",
            self.key,
            "-in",
            csr,
            "-out",
            cert,
            "-extfile",
            extensions,
            "-startdate",
            when(begins),
            "-enddate",
            when(ends),
        )
        return Site(cert, key)

    def make_intermediate(self, folder, name):
        """An authority below this one; its `cert` is its own alone."""
        below = Authority(folder, name)
        csr, extensions = folder / "ca.csr", folder / "ca.ext"
        extensions.write_text("basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n")
        openssl("req", "-new", "-config", below.config, "-key", below.key, "-subj", f"/CN={name}", "-out", csr)
        by = ["-CA", self.cert, "-CAkey", self.key, "-CAcreateserial", "-CAserial", folder / "serial"]
        openssl("x509", "-req", "-in", csr, *by, "-days", "100", "-extfile", extensions, "-out", below.cert)
        return below

    def ocsp_response(self, site, revoked=False):
        if revoked:
            openssl("ca", "-config", self.config, "-cert", self.cert, "-keyfile", self.key, "-revoke", site.cert)
        out = site.cert.with_suffix(".ocsp")
        openssl(
            "ocsp",
            "-index",
            self.folder / "index.txt",
            "-CA",
            self.cert,
            "-rsigner",
            self.cert,
            "-rkey",
            self.key,
            "-issuer",
            self.cert,
            "-cert",
            site.cert,
            "-ndays",
            "1",
            "-respout",
            out,
        )
        return out


def when(days):
    """A minute before: whole days that are left never depend on whether a second passed since."""
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days, minutes=-1)
    return at.strftime("%Y%m%d%H%M%SZ")


def self_signed(folder, name="localhost"):
    site = Site(folder / "self.pem", folder / "self.key")
    Authority.make_key(site.key)
    openssl(
        "req",
        "-x509",
        "-new",
        "-key",
        site.key,
        "-subj",
        f"/CN={name}",
        "-days",
        "30",
        "-out",
        site.cert,
        "-addext",
        "subjectAltName=DNS:localhost",
    )
    return site
