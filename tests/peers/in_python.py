# SPDX-License-Identifier: Apache-2.0
"""Peers that Python loads: its own ssl, tlslite-ng, awscrt."""

import pathlib
import socket
import ssl

from awscrt import http, io
from awscrt.exceptions import AwsCrtError
from tlslite.api import HandshakeSettings, TLSConnection, TLSLocalAlert, X509, X509CertChain, parsePEMKey

from kit import LIMIT
from peer import WORDS, Implementation, Outcome, thread


def echo(read, write):
    while got := read(65536):
        write(got)


class Python(Implementation):
    name = "python"
    title, about = "Python", "`ssl`, on OpenSSL"

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
        session = None
        try:
            for _ in range(2 if ask.resumes else 1):
                raw = socket.create_connection(("127.0.0.1", ask.port), timeout=LIMIT)
                with raw, context.wrap_socket(raw, server_hostname=ask.name, session=session) as s:
                    s.sendall(WORDS)
                    got = b""
                    while len(got) < len(WORDS) and (chunk := s.recv(65536)):
                        got += chunk
                    alpn, session = s.selected_alpn_protocol(), s.session
                    s.unwrap()
                if got != WORDS or alpn != (ask.alpn or None):
                    return Outcome(False, f"{got} {alpn}")
            return Outcome(True)
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
    title, about = "tlslite-ng", "Python throughout"
    cannot = {
        "client/refuses us": "it compares fingerprints, and verifies neither chains nor names",
        "server/refuses a stranger": "it compares fingerprints, and verifies no chains",
    }

    @staticmethod
    def settings(version, is_server=False):
        made = HandshakeSettings()
        made.minVersion = made.maxVersion = {"1.2": (3, 3), "1.3": (3, 4)}[version]
        # Left on, 0.8.2 compresses a client's certificate for servers that never said they could read that.
        made.certificate_compression_send = made.certificate_compression_receive = []
        if is_server:
            made.ticketKeys = [b"a key of its own for its tickets."[:32]]
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
        session = None
        try:
            for _ in range(2 if ask.resumes else 1):
                with socket.create_connection(("127.0.0.1", ask.port), timeout=LIMIT) as raw:
                    s = TLSConnection(raw)
                    s.handshakeClientCert(
                        chain,
                        key,
                        session=session,
                        settings=self.settings(ask.version),
                        serverName=ask.name,
                        alpn=[ask.alpn.encode()] if ask.alpn else None,
                    )
                    s.write(WORDS)
                    got = bytes(s.read(min=len(WORDS), max=len(WORDS)))
                    s.close()
                    session = s.session
                if got != WORDS or bytes(session.appProto or b"") != ask.alpn.encode():
                    return Outcome(False, f"{got} {session.appProto}")
            return Outcome(True)
        except Exception as trouble:  # tlslite-ng's have no common base but this
            return Outcome(False, f"{type(trouble).__name__}: {trouble}")

    def server(self, offer):
        chain, key = self.identity(offer.site)

        def serve(connection):
            s = TLSConnection(connection)
            s.closeSocket = False  # we close it, when an alert of ours has had time to arrive
            s.handshakeServer(
                certChain=chain,
                privateKey=key,
                reqCert=bool(offer.ca),
                settings=self.settings(offer.version, is_server=True),
                alpn=[offer.alpn.encode()] if offer.alpn else None,
            )
            if offer.ca and s.session.clientCertChain is None:  # it requires nothing by itself
                try:
                    for _ in s._sendError(116 if offer.version == "1.3" else 40, "a certificate is required"):
                        pass
                except TLSLocalAlert:
                    # Who closes with something unread has the system reset the connection, alert and all.
                    connection.shutdown(socket.SHUT_WR)
                    while connection.recv(4096):
                        pass
                return
            echo(lambda size: bytes(s.read(max=size)), s.write)
            s.close()

        return thread(serve)


class AwsCrt(Implementation):
    """AWS's C runtime, that is aws-c-io on s2n: the stack that Sluice is held against."""

    name = "awscrt"
    title, about = "awscrt", "AWS's C runtime, on s2n"
    speaks_http = True
    chooses_version = False
    late = {"name", "authority"}
    remarks = {"client/refuses us": "it sends no alert, but a close_notify 10 to 30 seconds later, as s2n does"}
    cannot = {
        "server": "its Python package makes no TLS servers",
        "client/resumption": "it keeps no sessions",
    }

    @staticmethod
    def options(ask):
        made = io.TlsContextOptions()
        if ask.site:
            made = io.TlsContextOptions.create_client_with_mtls_from_path(str(ask.site.cert), str(ask.site.key))
        made.override_default_trust_store_from_path(None, str(ask.ca))
        if ask.alpn:
            made.alpn_list = [ask.alpn]
        connection = io.ClientTlsContext(made).new_connection_options()
        connection.set_server_name(ask.name)
        return connection

    def client(self, ask):
        body = bytearray()
        try:
            connection = http.HttpClientConnection.new(
                "127.0.0.1", ask.port, tls_connection_options=self.options(ask)
            ).result(LIMIT)
            asked = http.HttpRequest("GET", "/", http.HttpHeaders([("Host", ask.name)]))
            stream = connection.request(asked, on_body=lambda http_stream, chunk, **_: body.extend(chunk))
            stream.activate()
            status = stream.completion_future.result(LIMIT)
            connection.close().result(LIMIT)
        except AwsCrtError as trouble:
            return Outcome(False, str(trouble))
        return Outcome(status == 200 and f'"version":"TLSv{ask.version}"'.encode() in body, f"{status} {body}")
