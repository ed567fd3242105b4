# SPDX-License-Identifier: Apache-2.0
"""`check` shows the chain as a tree, each problem at its certificate, also where the chain was refused."""

import re
import ssl

import pytest

from authority import Authority, self_signed
from kit import Peer, environment, run
from test_look import ESCAPE, on_terminal

AIA = "http://ca.example/middle.der"


@pytest.fixture(scope="module")
def middle(authority, tmp_path_factory):
    return authority.make_intermediate(tmp_path_factory.mktemp("middle") / "ca", "Test Middle")


@pytest.fixture(scope="module")
def below(middle):
    """A site of the intermediate's, which says where the intermediate can be had."""
    return middle.issue("below", more=[f"authorityInfoAccess=caIssuers;URI:{AIA}"])


def with_issuer(site, issuer, folder):
    chain = folder / "chain.pem"
    chain.write_bytes(site.cert.read_bytes() + issuer.cert.read_bytes())
    return chain


def tree(text):
    """The lines of the chain, without those before and after it."""
    lines = text.splitlines()
    first = next(i for i, line in enumerate(lines) if line.strip().startswith("chain"))
    last = next(i for i, line in enumerate(lines) if line.strip() == "time")
    return [lines[first].strip(), *(line[4:] for line in lines[first + 1 : last])]


def subjects(report):
    return [one["subject"] for one in report["certificates"]]


def test_the_leaf_is_on_top_and_each_issuer_below(serve, authority, middle, below, tmp_path):
    server = serve("--cert", with_issuer(below, middle, tmp_path), "--key", below.key)
    ran = run("check", server.name, "--ca", authority.cert)
    assert ran.code == 0, ran.text
    head, leaf, leaf_facts, issuer, issuer_facts, root, root_facts = tree(ran.text)
    assert head == "chain"
    assert leaf == "CN=below, for localhost, 127.0.0.1"
    assert re.fullmatch(r"│ ECDSA P-256, 20\d\d-\d\d-\d\d to 20\d\d-\d\d-\d\d, 29 days left", leaf_facts)
    assert issuer == "└─ CN=Test Middle"
    assert re.fullmatch(r"   │ ECDSA P-256, .*, (99|100) days left", issuer_facts)  # 100 within its first second
    assert root == "   └─ CN=Test Root, trusted here"
    assert re.fullmatch(r"      ECDSA P-256, .*, 36[45] days left", root_facts)  # 365 within its first second


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_a_missing_intermediate_is_named_with_its_address(version, serve, authority, below):
    server = serve("--cert", below.cert, "--key", below.key, "--max-tls", version)
    ran = run("check", server.name, "--ca", authority.cert)
    assert ran.code == 5
    assert f"have the peer send its intermediate certificates (this one is at {AIA})" in ran.text.splitlines()[0]
    head, leaf, facts, missing, problem, address = tree(ran.text)
    assert head == "chain, as it was sent"
    assert leaf == "CN=below, for localhost, 127.0.0.1"
    assert facts.startswith("│ ECDSA P-256, ")
    assert missing == "└─ ✗ CN=Test Middle, not sent"
    assert problem.strip() == "it is missing: neither sent nor trusted"
    assert address.strip() == f"it can be had at {AIA}"
    report = run("check", server.name, "--ca", authority.cert, "--json").json
    assert subjects(report) == ["CN=below"] and AIA in report["error"]["message"]


def test_one_that_has_expired_is_marked(serve, authority):
    site = authority.issue("old", begins=-20, ends=-6)
    server = serve("--cert", site.cert, "--key", site.key)
    ran = run("check", server.name, "--ca", authority.cert)
    assert ran.code == 7
    head, leaf, facts, problem, root = tree(ran.text)
    assert head == "chain, as it was sent"
    assert leaf == "✗ CN=old, for localhost, 127.0.0.1"
    assert facts.endswith(", expired 6 days ago")
    assert problem == "│ it has expired"
    assert root == "└─ CN=Test Root, not sent"
    assert subjects(run("check", server.name, "--ca", authority.cert, "--json").json) == ["CN=old"]


def test_another_name_is_the_leafs_problem(server, authority):
    ran = run("check", server.name, "--ca", authority.cert, "--servername", "example.org")
    assert ran.code == 6
    _, leaf, _, problem, _ = tree(ran.text)
    assert leaf == "✗ CN=site, for localhost, 127.0.0.1"
    assert problem == "│ it is not for example.org"


def test_an_authority_that_is_not_trusted_is_marked_where_it_stands(serve, tmp_path, below, middle, authority):
    chain = tmp_path / "whole.pem"
    chain.write_bytes(below.cert.read_bytes() + middle.cert.read_bytes() + authority.cert.read_bytes())
    server = serve("--cert", chain, "--key", below.key)
    other = Authority(tmp_path / "other", "Other Root")
    ran = run("check", server.name, "--ca", other.cert)
    assert ran.code == 5
    lines = tree(ran.text)
    assert [line.strip() for line in lines if "✗" in line] == ["└─ ✗ CN=Test Root, its own issuer"]
    assert lines[-1].strip() == "it is not trusted"


def test_one_that_vouches_for_itself(serve, tmp_path):
    site = self_signed(tmp_path)
    server = serve("--cert", site.cert, "--key", site.key)
    ran = run("check", server.name)
    assert ran.code == 5
    _, leaf, _, problem = tree(ran.text)
    assert leaf == "✗ CN=localhost, for localhost; its own issuer"
    assert problem.strip() == "it vouches for itself, and is not trusted"


def test_what_does_not_belong_to_the_chain_is_reported(serve, authority, site, tmp_path):
    stranger = Authority(tmp_path / "stranger", "Stranger")
    chain = tmp_path / "chain.pem"
    chain.write_bytes(site.cert.read_bytes() + stranger.cert.read_bytes())
    server = serve("--cert", chain, "--key", site.key)
    ran = run("check", server.name, "--insecure")
    assert ran.code == 0
    assert tree(ran.text)[-1] == "also sent, and of no use: CN=Stranger"


def test_unverified_the_chain_is_shown_as_it_was_sent(server):
    ran = run("check", server.name, "--insecure", "--json")
    assert subjects(ran.json) == ["CN=site"]
    ran = run("check", server.name, "--insecure", "--fail-under", "1d")
    assert ran.code == 9 and "the certificates were not verified; drop --insecure" in ran.text.splitlines()[0]


def test_many_names_are_cut(serve, authority):
    names = ",".join(["DNS:localhost", *(f"DNS:host-{i}.example" for i in range(9))])
    site = authority.issue("many", names=names)
    server = serve("--cert", site.cert, "--key", site.key)
    leaf = tree(run("check", server.name, "--ca", authority.cert).text)[1]
    assert leaf == "CN=many, for localhost, host-0.example, host-1.example, host-2.example and 6 more"
    code, shown = on_terminal("check", server.name, "--ca", authority.cert, width=60)
    assert code == 0
    lines = tree(ESCAPE.sub("", shown))
    assert max(map(len, lines)) <= 56 and lines[1].endswith("…")


def test_the_tree_in_ascii(serve, authority, middle, below, tmp_path):
    server = serve("--cert", with_issuer(below, middle, tmp_path), "--key", below.key)
    ran = run("check", server.name, "--ca", authority.cert, env=environment(LC_ALL="C"))
    assert ran.code == 0 and ran.out.isascii()
    lines = tree(ran.text)
    assert lines[3] == "`- CN=Test Middle" and lines[4].startswith("   | ECDSA")


def test_the_problem_is_red_on_a_terminal(server):
    code, shown = on_terminal("check", server.name)
    assert code == 5
    assert "\033[1;31m✗ \033[0m\033[1;31mCN=Test Root, not sent\033[0m" in shown


def test_a_chain_that_broke_no_rule_is_shown_when_a_requirement_was_not_met(server, authority):
    report = run("check", server.name, "--ca", authority.cert, "--require-alpn", "h2", "--json").json
    assert report["error"]["code"] == "requirement_not_met"
    assert subjects(report) == ["CN=site", "CN=Test Root"]


def facts_of(text):
    lines = text.splitlines()
    return dict(re.split("  +", line.strip(), maxsplit=1) for line in lines[1 : lines.index("  chain")])


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_a_request_for_our_certificate_names_whom_it_accepts(version, serve, authority, site, middle, tmp_path):
    accepted = tmp_path / "accepted.pem"
    accepted.write_bytes(authority.cert.read_bytes() + middle.cert.read_bytes())
    server = serve("--cert", site.cert, "--key", site.key, "--client-auth", "optional", "--ca", accepted)
    ran = run("check", server.name, "--ca", authority.cert, "--max-tls", version)
    assert ran.code == 0, ran.text
    facts = facts_of(ran.text)
    assert facts["client certificate"] == "asked for; we sent none"
    assert sorted(facts["accepted issuers"].split("; ")) == ["CN=Test Middle", "CN=Test Root"]


def test_a_request_may_leave_open_whom_it_accepts(authority, site):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(site.cert, site.key)
    context.load_verify_locations(authority.cert)  # which Python does not tell clients
    context.verify_mode = ssl.CERT_OPTIONAL

    def behave(s):
        context.wrap_socket(s, server_side=True).recv(1)

    with Peer(behave) as peer:
        ran = run("check", peer.name, "--ca", authority.cert)
    assert ran.code == 0, ran.text
    assert facts_of(ran.text)["accepted issuers"] == "not listed"


def test_no_request_for_our_certificate_is_said_too(server, authority):
    assert facts_of(run("check", server.name, "--ca", authority.cert).text)["client certificate"] == "not asked for"
