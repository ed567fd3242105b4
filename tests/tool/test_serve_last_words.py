# SPDX-License-Identifier: Apache-2.0
"""`serve` answers what a client sent together with its close_notify, in one segment."""

import socket
import ssl

import pytest

from kit import LIMIT

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]
QUESTION = b"GET / HTTP/1.0\r\nHost: x\r\n\r\n"


def ask(server, authority, version, question):
    """What comes back of a question that leaves with close_notify: ciphertext, as OpenSSL reads no more."""
    context = ssl.create_default_context(cafile=authority.cert)
    context.minimum_version = context.maximum_version = version
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    with socket.create_connection(("127.0.0.1", server.port), timeout=LIMIT) as raw:
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                raw.sendall(outgoing.read())
                incoming.write(raw.recv(65536))
        tls.write(question)
        with pytest.raises(ssl.SSLWantReadError):
            tls.unwrap()
        raw.sendall(outgoing.read())
        back = b""
        while data := raw.recv(65536):
            back += data
        return back


@pytest.mark.parametrize("version", VERSIONS, ids=lambda v: v.name)
@pytest.mark.parametrize("mode, least", [("http", 300), ("echo", 50)])  # close_notify alone has 24 or 31 bytes
def test_a_question_that_comes_with_close_notify_is_answered(mode, least, version, serve, site, authority):
    server = serve("--cert", site.cert, "--key", site.key, "--tickets", "off", "--mode", mode)
    assert len(ask(server, authority, version, QUESTION)) > least
