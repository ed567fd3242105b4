# SPDX-License-Identifier: Apache-2.0
"""Peers that come with a command of their own: OpenSSL, GnuTLS, curl."""

import pathlib
import subprocess
import tempfile

from kit import LIMIT
from peer import Implementation, Outcome, program, talk


class OpenSSL(Implementation):
    name = "openssl"
    title, about = "OpenSSL", "`s_client`, `s_server`"
    reverses = True

    @staticmethod
    def common(version, site, alpn):
        made = [f"-tls{version.replace('.', '_')}"]
        if site:
            made += ["-cert", site.cert, "-key", site.key]
        return made + (["-alpn", alpn] if alpn else [])

    def client(self, ask):
        to = ["-connect", f"127.0.0.1:{ask.port}", "-servername", ask.name, "-verify_hostname", ask.name]
        command = ["openssl", "s_client", *to, "-verify_return_error", "-CAfile", ask.ca, "-brief"]
        command += self.common(ask.version, ask.site, ask.alpn)
        if not ask.resumes:
            return talk(command)
        with tempfile.TemporaryDirectory() as folder:
            session = pathlib.Path(folder) / "session"
            first = talk([*command, "-sess_out", session])
            return talk([*command, "-sess_in", session]) if first.ok else first

    def server(self, offer):
        asked = ["-Verify", "2", "-verify_return_error", "-CAfile", offer.ca] if offer.ca else []
        own = self.common(offer.version, offer.site, offer.alpn)
        told = ["-msg"] if offer.log else []
        return program(["openssl", "s_server", "-accept", "127.0.0.1:0", "-rev", *told, *asked, *own], offer.log)


class GnuTLS(Implementation):
    name = "gnutls"
    title, about = "GnuTLS", "`gnutls-cli`, `gnutls-serv`"

    @staticmethod
    def common(version, site, alpn):
        made = ["--priority", f"NORMAL:-VERS-ALL:+VERS-TLS{version}"]
        if site:
            made += ["--x509certfile", site.cert, "--x509keyfile", site.key]
        return made + ([f"--alpn={alpn}"] if alpn else [])

    def client(self, ask):
        to = ["--port", ask.port, "--sni-hostname", ask.name, "--verify-hostname", ask.name, "--x509cafile", ask.ca]
        # It says its words on the second connection alone.
        again = ["--resume", "--waitresumption"] if ask.resumes else []
        return talk(["gnutls-cli", *to, *again, *self.common(ask.version, ask.site, ask.alpn), "127.0.0.1"])

    def server(self, offer):
        asked = ["--disable-client-cert"]
        if offer.ca:
            asked = ["--require-client-cert", "--verify-client-cert", "--x509cafile", offer.ca]
        own = self.common(offer.version, offer.site, offer.alpn)
        told = ["--debug", "5"] if offer.log else []  # else it says that there was an alert, and not which
        return program(["gnutls-serv", "--port", "0", "--echo", *told, *asked, *own], offer.log)


class Curl(Implementation):
    name = "curl"
    title, about = "curl", "on OpenSSL"
    speaks_http = True
    cannot = {
        "server": "it is a client",
        "client/resumption/1.2": "it asks for no tickets in TLS 1.2, and our server keeps no sessions by itself",
    }
    late = {"name"}
    remarks = {"client/refuses us": "it looks at the name after the handshake, and then hangs up without an alert"}

    def client(self, ask):
        page = f"https://{ask.name}:{ask.port}/"
        command = ["curl", "--disable", "--no-progress-meter", "--show-error", "--fail", "--http1.1", "--noproxy", "*"]
        command += ["--resolve", f"{ask.name}:{ask.port}:127.0.0.1", "--cacert", ask.ca, "--max-time", LIMIT]
        command += [f"--tlsv{ask.version}", "--tls-max", ask.version]
        if ask.site:
            command += ["--cert", ask.site.cert, "--key", ask.site.key]
        if not ask.alpn:
            command += ["--no-alpn"]
        pages = [page]
        if ask.resumes:
            pages.append(page)
            command += ["--header", "Connection: close"]  # one for each
        done = subprocess.run(list(map(str, command + pages)), capture_output=True, timeout=LIMIT)
        found = done.stdout.decode().count(f'"version":"TLSv{ask.version}"') == len(pages)
        return Outcome(done.returncode == 0 and found, (done.stdout + done.stderr).decode())
