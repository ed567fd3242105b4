# SPDX-License-Identifier: Apache-2.0
"""The peers: OpenSSL, GnuTLS, Go, and two in Python."""

import functools
import json
import os
import pathlib
import shutil
import socket
import ssl
import subprocess

from tlslite.api import HandshakeSettings, TLSConnection, X509, X509CertChain, parsePEMKey

from kit import LIMIT
from peer import WORDS, Implementation, Outcome, program, talk, thread


class OpenSSL(Implementation):
    name = "openssl"
    reverses = True

    @staticmethod
    def common(version, site, alpn):
        made = [f"-tls{version.replace('.', '_')}"]
        if site:
            made += ["-cert", site.cert, "-key", site.key]
        return made + (["-alpn", alpn] if alpn else [])

    def client(self, ask):
        return talk(
            [
                "openssl",
                "s_client",
                "-connect",
                f"127.0.0.1:{ask.port}",
                "-servername",
                ask.name,
                "-verify_hostname",
                ask.name,
                "-verify_return_error",
                "-CAfile",
                ask.ca,
                "-brief",
                *self.common(ask.version, ask.site, ask.alpn),
            ]
        )

    def server(self, offer):
        asked = ["-Verify", "2", "-verify_return_error", "-CAfile", offer.ca] if offer.ca else []
        return program(
            [
                "openssl",
                "s_server",
                "-accept",
                "127.0.0.1:0",
                "-rev",
                *asked,
                *self.common(offer.version, offer.site, offer.alpn),
            ]
        )


class GnuTLS(Implementation):
    name = "gnutls"

    @staticmethod
    def common(version, site, alpn):
        made = ["--priority", f"NORMAL:-VERS-ALL:+VERS-TLS{version}"]
        if site:
            made += ["--x509certfile", site.cert, "--x509keyfile", site.key]
        return made + ([f"--alpn={alpn}"] if alpn else [])

    def client(self, ask):
        return talk(
            [
                "gnutls-cli",
                "--port",
                ask.port,
                "--x509cafile",
                ask.ca,
                "--sni-hostname",
                ask.name,
                "--verify-hostname",
                ask.name,
                *self.common(ask.version, ask.site, ask.alpn),
                "127.0.0.1",
            ]
        )

    def server(self, offer):
        asked = (
            ["--require-client-cert", "--verify-client-cert", "--x509cafile", offer.ca]
            if offer.ca
            else ["--disable-client-cert"]
        )
        return program(
            ["gnutls-serv", "--port", "0", "--echo", *asked, *self.common(offer.version, offer.site, offer.alpn)]
        )


class Go(Implementation):
    name = "go"

    def __init__(self, folder):
        self.folder = folder

    @functools.cached_property
    def path(self):
        """Built from the standard library alone: nothing is fetched."""
        made = self.folder / "peer"
        env = dict(os.environ, GOPROXY="off", GOTOOLCHAIN="local", GO111MODULE="off", CGO_ENABLED="0")
        source = pathlib.Path(__file__).with_name("go") / "peer.go"
        subprocess.run(
            [shutil.which("go") or "/usr/local/go/bin/go", "build", "-o", made, source],
            check=True,
            env=env,
            timeout=600,
        )
        return made

    def command(self, role, address, version, site, ca, alpn, *more):
        made = [self.path, role, "-address", address, "-version", version, "-alpn", alpn, *more]
        if site:
            made += ["-cert", site.cert, "-key", site.key]
        return list(map(str, made + (["-ca", ca] if ca else [])))

    def client(self, ask):
        command = self.command(
            "client", f"127.0.0.1:{ask.port}", ask.version, ask.site, ask.ca, ask.alpn, "-name", ask.name
        )
        done = subprocess.run(command, input=WORDS, capture_output=True, timeout=LIMIT)
        answer = json.loads(done.stdout)
        return Outcome(
            answer["ok"] and answer["echo"].encode() == WORDS and answer["alpn"] == ask.alpn, done.stdout.decode()
        )

    def server(self, offer):
        return program(self.command("server", "127.0.0.1:0", offer.version, offer.site, offer.ca, offer.alpn))


def echo(read, write):
    while got := read(65536):
        write(got)


class Python(Implementation):
    name = "python"

    @staticmethod
    def context(protocol, version, site, ca, alpn):
        made = ssl.SSLContext(protocol)
        made.minimum_version = made.maximum_version = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}[
            version
        ]
        if site:
            made.load_cert_chain(site.cert, site.key)
        if ca:
            made.load_verify_locations(ca)
            made.verify_mode = ssl.CERT_REQUIRED
        if alpn:
            made.set_alpn_protocols([alpn])
        return made

    def client(self, ask):
        context = self.context(ssl.PROTOCOL_TLS_CLIENT, ask.version, ask.site, ask.ca, ask.alpn)
        try:
            with socket.create_connection(("127.0.0.1", ask.port), timeout=LIMIT) as raw, context.wrap_socket(
                raw, server_hostname=ask.name
            ) as s:
                s.sendall(WORDS)
                got = b""
                while len(got) < len(WORDS) and (chunk := s.recv(65536)):
                    got += chunk
                alpn = s.selected_alpn_protocol()
                s.unwrap()
                return Outcome(got == WORDS and alpn == (ask.alpn or None), f"{got} {alpn}")
        except OSError as trouble:
            return Outcome(False, str(trouble))

    def server(self, offer):
        context = self.context(ssl.PROTOCOL_TLS_SERVER, offer.version, offer.site, offer.ca, offer.alpn)

        def serve(connection):
            with context.wrap_socket(connection, server_side=True) as s:
                echo(s.recv, s.sendall)
                s.unwrap()

        return thread(serve)


class Tlslite(Implementation):
    """tlslite-ng: TLS in Python, no library of C in it, no line in common with the others."""

    name = "tlslite"
    cannot = {
        "test_their_client_refuses": "tlslite-ng compares fingerprints; it does not verify chains or names",
        "test_their_server_refuses_a_stranger": "tlslite-ng compares fingerprints; it does not verify chains",
    }

    @staticmethod
    def settings(version):
        made = HandshakeSettings()
        made.minVersion = made.maxVersion = {"1.2": (3, 3), "1.3": (3, 4)}[version]
        # Left on, 0.8.2 compresses a client's certificate for servers that never said they could read that.
        made.certificate_compression_send = made.certificate_compression_receive = []
        return made

    @staticmethod
    def identity(site):
        if not site:
            return None, None
        leaf = X509()
        leaf.parse(pathlib.Path(site.cert).read_text())
        return X509CertChain([leaf]), parsePEMKey(pathlib.Path(site.key).read_text(), private=True)

    def client(self, ask):
        chain, key = self.identity(ask.site)
        try:
            with socket.create_connection(("127.0.0.1", ask.port), timeout=LIMIT) as raw:
                s = TLSConnection(raw)
                s.handshakeClientCert(
                    chain,
                    key,
                    settings=self.settings(ask.version),
                    serverName=ask.name,
                    alpn=[ask.alpn.encode()] if ask.alpn else None,
                )
                s.write(WORDS)
                got = bytes(s.read(min=len(WORDS), max=len(WORDS)))
                s.close()
                return Outcome(got == WORDS and bytes(s.session.appProto or b"") == ask.alpn.encode(), str(got))
        except Exception as trouble:  # tlslite-ng's have no common base but this
            return Outcome(False, f"{type(trouble).__name__}: {trouble}")

    def server(self, offer):
        chain, key = self.identity(offer.site)

        def serve(connection):
            s = TLSConnection(connection)
            s.handshakeServer(
                certChain=chain,
                privateKey=key,
                reqCert=bool(offer.ca),
                settings=self.settings(offer.version),
                alpn=[offer.alpn.encode()] if offer.alpn else None,
            )
            if offer.ca and s.session.clientCertChain is None:  # it requires nothing by itself
                for _ in s._sendError(116 if offer.version == "1.3" else 40, "a certificate is required"):
                    pass
            echo(lambda size: bytes(s.read(max=size)), s.write)
            s.close()

        return thread(serve)


def all_of(folder):
    return {made.name: made for made in (OpenSSL(), GnuTLS(), Go(folder), Python(), Tlslite())}


NAMES = ["openssl", "gnutls", "go", "python", "tlslite"]
