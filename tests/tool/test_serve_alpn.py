# SPDX-License-Identifier: Apache-2.0
"""`serve` and clients with which it shares no application protocol (RFC 7301 §3.2)."""

import socket
import ssl

import pytest

from kit import LIMIT, run


def protocol_with(server, authority, version, names):
    context = ssl.create_default_context(cafile=authority.cert)
    context.minimum_version = context.maximum_version = version
    if names:
        context.set_alpn_protocols(names)
    with socket.create_connection(("127.0.0.1", server.port), timeout=LIMIT) as raw:
        with context.wrap_socket(raw, server_hostname="localhost") as tls:
            return tls.selected_alpn_protocol()


versions = pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])


@versions
def test_a_client_that_offers_nothing_of_ours_is_refused(version, serve, site, authority):
    server = serve("--cert", site.cert, "--key", site.key, "--alpn", "h2,http/1.1")
    with pytest.raises(ssl.SSLError, match="(?i)no.application.protocol"):
        protocol_with(server, authority, version, ["x-amzn-mqtt-ca"])
    assert protocol_with(server, authority, version, ["x", "http/1.1"]) == "http/1.1"
    assert protocol_with(server, authority, version, []) is None


@versions
def test_it_is_served_where_that_is_optional(version, serve, site, authority):
    server = serve("--cert", site.cert, "--key", site.key, "--alpn", "h2", "--alpn-optional")
    assert protocol_with(server, authority, version, ["x-amzn-mqtt-ca"]) is None


def test_our_client_names_the_alert(serve, site, authority):
    server = serve("--cert", site.cert, "--key", site.key, "--alpn", "h2")
    report = run("check", server.name, "--ca", authority.cert, "--alpn", "mqtt", "--json")
    assert report.code == 4 and report.json["error"]["alert"] == "no_application_protocol"
