# SPDX-License-Identifier: Apache-2.0
"""Peers that are a library: a program of ours around each, all with one command line and one behaviour."""

import functools
import os
import pathlib
import shutil
import subprocess

from kit import ROOT
from peer import WORDS, Implementation, program, ran

HERE = pathlib.Path(__file__).parent


class Library(Implementation):
    folder = None  # for what is built, from a fixture

    @functools.cached_property
    def command(self):
        return self.build()

    def build(self):
        raise NotImplementedError

    def words(self, role, address, version, site, ca, alpn, *more):
        made = [*self.command, role, "-address", address, "-version", version, "-alpn", alpn, *more]
        if site:
            made += ["-cert", site.cert, "-key", site.key]
        return made + (["-ca", ca] if ca else [])

    def client(self, ask):
        times = 2 if ask.resumes else 1
        return ran(
            self.words(
                "client",
                f"127.0.0.1:{ask.port}",
                ask.version,
                ask.site,
                ask.ca,
                ask.alpn,
                "-name",
                ask.name,
                "-times",
                times,
            ),
            WORDS * times,
        )

    def server(self, offer):
        command = self.words("server", "127.0.0.1:0", offer.version, offer.site, offer.ca, offer.alpn)
        return program(command, offer.log)


def compiled(command, env=None):
    subprocess.run(list(map(str, command)), check=True, env=env, timeout=900)


class Go(Library):
    name = "go"
    title, about = "Go", "`crypto/tls`"
    renews_tickets = True

    def build(self):
        """With the standard library alone: nothing is fetched."""
        made = self.folder / "go"
        env = dict(os.environ, GOPROXY="off", GOTOOLCHAIN="local", GO111MODULE="off", CGO_ENABLED="0")
        go = shutil.which("go") or "/usr/local/go/bin/go"
        compiled([go, "build", "-o", made, HERE / "go" / "peer.go"], env)
        return [made]


class Java(Library):
    name = "java"
    title, about = "Java", "JSSE"

    def build(self):
        made = self.folder / "java"
        compiled(["javac", "-d", made, HERE / "java" / "Peer.java"])
        quick = ["-Xshare:auto", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx256m"]
        return ["java", *quick, "-Djava.net.preferIPv4Stack=true", "-cp", made, "Peer"]


class Node(Library):
    name = "node"
    title, about = "Node", "`tls`, on OpenSSL"
    late = {"name", "authority", "stranger"}
    remarks = dict.fromkeys(
        ["client/refuses us", "server/refuses a stranger"],
        "it looks at the certificate after the handshake, and then hangs up without an alert",
    )

    def build(self):
        return ["node", HERE / "node" / "peer.js"]


class Rustls(Library):
    name = "rustls"
    title, about = "rustls", "the crate, with ring"

    def build(self):
        """The crates are those that scripts/setup --peers has fetched."""
        found = subprocess.run([ROOT / "scripts" / "find-cargo"], check=True, capture_output=True, text=True).stdout
        cargo = pathlib.Path(found.strip())
        rustc = cargo.with_name("rustc")  # another may come first on PATH
        env = dict(os.environ, CC="gcc", **({"RUSTC": str(rustc)} if rustc.exists() else {}))
        target, manifest = ROOT / "build" / "rustls", HERE / "rust" / "Cargo.toml"
        options = ["--quiet", "--release", "--locked", "--offline", "--manifest-path", manifest, "--target-dir", target]
        compiled([cargo, "build", *options], env)
        return [target / "release" / "peer"]
