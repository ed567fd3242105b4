# SPDX-License-Identifier: Apache-2.0
"""A server that stops for a while, to see who hides it."""

import socket
import ssl
import threading

from kit import LIMIT


class Stalling:
    """Echoes, but for a pause in the middle that everything has to wait for. With client_ca only for who shows a
    certificate."""

    def __init__(self, site, after=0, pause=0, client_ca=None):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.name = f"localhost:{self.listener.getsockname()[1]}"
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(site.cert, site.key)
        if client_ca:
            self.tls.load_verify_locations(client_ca)
            self.tls.verify_mode = ssl.CERT_REQUIRED
        self.after, self.pause = after, pause
        self.is_over = threading.Event()
        self.threads = [threading.Thread(target=self._accept, daemon=True)]
        self.threads[0].start()

    def _accept(self):
        try:
            while True:
                connection, _ = self.listener.accept()
                thread = threading.Thread(target=self._echo, args=(connection,), daemon=True)
                self.threads.append(thread)
                thread.start()
        except OSError:
            pass

    def _echo(self, connection):
        count = 0
        try:
            with self.tls.wrap_socket(connection, server_side=True) as s:
                s.settimeout(LIMIT)
                while data := s.recv(32):
                    count += 1
                    if count == self.after:
                        self.is_over.wait(self.pause)
                    s.sendall(data)
                s.unwrap()
        except OSError:
            pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.is_over.set()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for thread in self.threads:
            thread.join(timeout=LIMIT)
