# SPDX-License-Identifier: Apache-2.0
"""`check --resume`: whether every address of a name takes the tickets that one of them gives."""

import contextlib
import re
import socket
import ssl
import threading
import time

import pytest

from kit import LIMIT, Peer, Program, run


@contextlib.contextmanager
def listening(address, site, *args):
    program = Program("serve", "--listen", address, "--json", "--cert", site.cert, "--key", site.key, *args)
    try:
        yield program.event("listening")["address"]
    finally:
        program.end()


@pytest.fixture
def split_fleet(site):
    """Two servers at two addresses and one port, each with ticket keys of its own."""
    with listening("127.0.0.1:0", site) as first:
        port = first.rsplit(":", 1)[1]
        with listening(f"127.0.0.2:{port}", site):
            yield port


@pytest.fixture
def whole_fleet(site):
    """One server at both addresses."""
    with listening("0.0.0.0:0", site) as anywhere:
        yield anywhere.rsplit(":", 1)[1]


ONE = ["--address", "127.0.0.1"]  # whatever else the machine has for localhost
BOTH = ["--address", "127.0.0.1", "--address", "127.0.0.2"]


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_one_address_accepts_its_own_ticket(version, server, authority):
    args = ["check", server.name, "--ca", authority.cert, "--max-tls", version, "--resume", *ONE]
    ran = run(*args, "--json")
    assert ran.code == 0, ran.json["error"]
    assert ran.json["addresses"] == [{"address": server.address, "accepted": True}]
    ran = run(*args)
    assert ran.text.splitlines()[0].endswith("; its tickets are accepted")
    assert re.search(rf"^    ✓  {re.escape(server.address)}  resumed$", ran.text, re.M)


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_a_fleet_whose_ticket_keys_differ_is_named_as_such(version, split_fleet, authority):
    name = f"localhost:{split_fleet}"
    first, second = f"127.0.0.1:{split_fleet}", f"127.0.0.2:{split_fleet}"
    args = ["check", name, "--ca", authority.cert, "--max-tls", version, "--resume", *BOTH]
    ran = run(*args, "--json")
    assert ran.code == 0, ran.json["error"]
    assert ran.json["addresses"] == [
        {"address": first, "accepted": True},
        {"address": second, "accepted": False},
    ]
    ran = run(*args)
    assert ran.code == 0
    assert ran.text.splitlines()[0].endswith(
        f"; its ticket keys differ: tickets of {first} are accepted by {first}, and not by {second}; give all its "
        "servers the same ticket keys"
    )
    assert re.search(rf"^    ✗  {re.escape(second)}  a full handshake: it did not accept the ticket$", ran.text, re.M)


def test_a_fleet_that_shares_its_keys_is_whole(whole_fleet, authority):
    ran = run("check", f"localhost:{whole_fleet}", "--ca", authority.cert, "--resume", *BOTH)
    assert ran.code == 0
    assert ran.text.splitlines()[0].endswith("; its tickets are accepted by 2 of its 2 addresses")


def test_an_address_without_a_listener_is_distinguished_from_one_that_refuses(server, authority):
    args = ["check", server.name, "--ca", authority.cert, "--resume", *BOTH]
    ran = run(*args)
    assert ran.code == 0
    assert ran.text.splitlines()[0].endswith("; its tickets are accepted by 1 of its 2 addresses; 1 could not be asked")
    assert [one["accepted"] for one in run(*args, "--json").json["addresses"]] == [True, False]


def test_a_server_without_tickets_is_reported(serve, site, authority):
    # s2n gives none where it asks for a client's certificate.
    server = serve("--cert", site.cert, "--key", site.key, "--client-auth", "optional", "--ca", authority.cert)
    args = ["check", server.name, "--ca", authority.cert, "--resume", *ONE]
    ran = run(*args)
    assert ran.code == 0
    assert ran.text.splitlines()[0].endswith("; it gives no tickets: sessions cannot be resumed")
    assert re.search(r"^  resumption +no ticket was given$", ran.text, re.M)
    assert run(*args, "--json").json["addresses"] == [{"address": server.address, "accepted": False}]


def test_the_lifetime_of_tickets_is_shown_without_being_asked_for(server, authority):
    text = run("check", server.name, "--ca", authority.cert).text
    assert re.search(r"^  resumption +a ticket, good for 15 hours$", text, re.M)


def test_several_tickets_are_counted(site, authority):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(site.cert, site.key)
    context.num_tickets = 3

    def behave(s):
        context.wrap_socket(s, server_side=True).recv(1)

    with Peer(behave) as peer:
        ran = run("check", peer.name, "--ca", authority.cert)
    assert ran.code == 0
    assert re.search(r"^  resumption +3 tickets, good for 2 hours$", ran.text, re.M)


@contextlib.contextmanager
def judged_by(site, then):
    """A server that leaves to `then` what becomes of each connection whose handshake is done: it has the tickets."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(site.cert, site.key)

    def shake_hands(s):
        heard, said = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(heard, said, server_side=True)
        while True:
            heard.write(s.recv(65536))
            with contextlib.suppress(ssl.SSLWantReadError):
                tls.do_handshake()
                return said.read()
            s.sendall(said.read())

    def serve(listener):
        with contextlib.suppress(OSError):
            while True:
                s, _ = listener.accept()
                with s:
                    s.settimeout(LIMIT)
                    then(s, shake_hands(s))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=[listener], daemon=True)
        thread.start()
        yield f"localhost:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(LIMIT)


def test_tickets_that_come_late_are_counted(site, authority):
    def dawdle(s, tickets):
        time.sleep(1)  # a slow server is what is tested
        s.sendall(tickets)
        while s.recv(65536):
            pass

    with judged_by(site, dawdle) as name:
        ran = run("check", name, "--ca", authority.cert)
    assert ran.code == 0
    assert re.search(r"^  resumption +2 tickets, good for 2 hours$", ran.text, re.M)


def test_a_server_that_neither_ends_nor_gives_tickets_leaves_it_open(site, authority):
    held = []
    with judged_by(site, lambda s, _: held.append(s.dup())) as name:
        ran = run("check", name, "--ca", authority.cert, "--resume", *ONE)
    for s in held:
        s.close()
    assert ran.code == 0
    open_yet = "none came, and the server has not ended the connection"
    assert ran.text.splitlines()[0].endswith(f"; whether it gives tickets is not known: {open_yet}")
    assert re.search(rf"^  resumption +not known: {open_yet.replace('none', 'no ticket')}$", ran.text, re.M)


def test_a_server_that_was_refused_is_not_asked_again(server):
    ran = run("check", server.name, "--resume", "--json")
    assert ran.code == 5 and ran.json["addresses"] == []


@pytest.mark.parametrize("args", [["--address", "127.0.0.1"], ["--resume", "--address", "nowhere"]])
def test_wrong_addresses_are_wrong_usage(args):
    ran = run("check", "localhost:1", *args)
    assert ran.code == 1 and ran.err.startswith("sluice") and ran.err.count("\n") == 1
