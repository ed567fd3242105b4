# SPDX-License-Identifier: Apache-2.0
"""Servers of TLS as it was: versions, ciphers and groups that s2n cannot serve, by tlslite-ng.

Listens on loopback, says on which port on stdout, and ends with its stdin. Each connection begins with a line of JSON
that says what to be, and is a TLS connection from there on:

    {"chain": PEM, "key": PEM, "page": TEXT, "anonymous": false,
     "prime": [generator, "hexadecimal"], "asks_again": false,
     "settings": {"minVersion": [3, 1], ...}}    as tlslite's HandshakeSettings has them
"""

import json
import socket
import sys
import threading

from tlslite.api import HandshakeSettings, TLSConnection, X509CertChain, parsePEMKey
from tlslite.messages import HelloRequest


def first_line(connection):
    line = b""
    while not line.endswith(b"\n"):
        byte = connection.recv(1)
        if not byte:
            return None
        line += byte
    return json.loads(line)


def settings_of(wish):
    made = HandshakeSettings()
    for name, value in wish["settings"].items():
        assert hasattr(made, name), name
        setattr(made, name, tuple(value) if name.endswith("Version") else value)
    if wish["prime"]:
        generator, prime = wish["prime"]
        made.dhParams = (generator, int(prime, 16))
    # Left on, 0.8.2 compresses certificates for clients that never said they could read that.
    made.certificate_compression_send = made.certificate_compression_receive = []
    return made


def serve(connection):
    wish = first_line(connection)
    if wish is None:
        return
    tls = TLSConnection(connection)
    if wish["anonymous"]:
        tls.handshakeServer(anon=True, settings=settings_of(wish))
    else:
        chain = X509CertChain()
        chain.parsePemList(wish["chain"])
        key = parsePEMKey(wish["key"], private=True)
        tls.handshakeServer(certChain=chain, privateKey=key, settings=settings_of(wish))
    tls.read(min=1, max=65536)
    if wish["asks_again"]:  # for another handshake; whether the client wants one is its own affair
        for _ in tls._sendMsg(HelloRequest()):
            pass
    tls.write(wish["page"].encode())
    tls.close()


def guarded(connection):
    with connection:
        try:
            serve(connection)
        except Exception as trouble:  # it is the client that is looked at
            print(f"{type(trouble).__name__}: {trouble}", file=sys.stderr)


def main():
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)

    def accept():
        while True:
            connection, _ = listener.accept()
            connection.settimeout(60)
            threading.Thread(target=guarded, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    print(listener.getsockname()[1], flush=True)
    sys.stdin.read()


main()
