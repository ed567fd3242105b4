# SPDX-License-Identifier: Apache-2.0
"""scripts/bump-engine, with a cargo that pretends and an engine that is the one we have, a word of it changed."""

import os
import pathlib
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
ENGINE = pathlib.Path(os.environ.get("SLUICE_ENGINE_DIR", ROOT / "build" / "engine"))

CARGO = """#!/usr/bin/env bash
if [[ $1 == --version ]]; then echo "cargo 1.95.0"; exit; fi
[[ $1 == update ]] || exit 1
{update}
"""
TAKES_A_NEW_ONE = r"""sed -i '/^name = "s2n-tls-sys"/{n;s/".*"/"0.3.999"/}' engine/Cargo.lock"""


class Checkout:
    def __init__(self, folder):
        self.folder = folder
        for part in "engine", "scripts", "src", "include":
            shutil.copytree(ROOT / part, folder / part)
        self.changed_words = {}
        self.cargo("true")

    def cargo(self, update):
        (self.folder / "bin").mkdir(exist_ok=True)
        cargo = self.folder / "bin" / "cargo"
        cargo.write_text(CARGO.format(update=update))
        cargo.chmod(0o755)

    def run(self, *args):
        """With an engine/build that copies what there is."""
        words = "".join(f"s/{before}/{after}/g;" for before, after in self.changed_words.items())
        build = self.folder / "engine" / "build"
        build.write_text(
            f"#!/usr/bin/env bash\n[[ $1 == {ENGINE} ]] && exit\nset -e\n"
            f"mkdir $1\ncp -r {ENGINE}/include {ENGINE}/lib $1\n"
            f"sed -i '{words}' $1/lib/libs2n-tls.a\n"
        )
        env = dict(os.environ, PATH=f"{self.folder}/bin:{os.environ['PATH']}", SLUICE_ENGINE_DIR=str(ENGINE))
        command = [self.folder / "scripts" / "bump-engine", *args]
        return subprocess.run(command, env=env, capture_output=True, text=True, timeout=600)

    def pinned(self):
        return [(self.folder / "engine" / name).read_text() for name in ("Cargo.toml", "Cargo.lock")]


@pytest.fixture
def checkout(tmp_path):
    return Checkout(tmp_path / "checkout")


def test_nothing_newer_changes_nothing(checkout):
    before = checkout.pinned()
    ran = checkout.run()
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("bump-engine: nothing newer than ") and "s2n-tls-sys 0.3." in ran.stdout
    assert checkout.pinned() == before


def test_a_release_that_offers_the_same_is_said_to(checkout):
    checkout.cargo(TAKES_A_NEW_ONE)
    ran = checkout.run()
    assert ran.returncode == 0, ran.stderr
    assert "The presets offer exactly what they did" in ran.stdout
    assert "scripts/test --all" in ran.stdout
    assert "this engine still does not refuse it; src/core/wire/plain_flight_guard.* stays" in ran.stdout
    manifest, lock = checkout.pinned()
    assert 's2n-tls-sys = "0.3.999"' in manifest and 'version = "0.3.999"' in lock


def test_what_the_presets_offer_differently_is_shown_and_what_is_gone_named(checkout):
    checkout.cargo(TAKES_A_NEW_ONE)
    checkout.changed_words = {"x25519": "y25519", "CloudFront-TLS-1-1-2016": "CloudFront-TLS-1-1-2061"}
    ran = checkout.run()
    assert ran.returncode == 0, ran.stderr
    assert "What the presets offer has changed:" in ran.stdout
    lines = ran.stdout.splitlines()
    assert lines[lines.index("What the presets offer has changed:") + 1].startswith(" == TLSv1.2 to TLSv1.3: default")
    assert " == TLSv1.2 to TLSv1.3: default" in lines and "-- x25519" in lines and "+- y25519" in lines
    assert " - secp256r1" not in lines  # what stays is not shown
    assert "ABSENT: " in ran.stdout and "choose another in src/core/policy.cpp" in ran.stdout


@pytest.mark.parametrize("update", ["exit 101", "sed -i s/0.3/0.4/ engine/Cargo.lock; exit 101"])
def test_a_failure_leaves_everything_as_it_was(update, checkout):
    checkout.cargo(update)
    before = checkout.pinned()
    ran = checkout.run("0.3.999")
    assert ran.returncode == 101
    assert checkout.pinned() == before


@pytest.mark.parametrize("args", [["--everything"], ["0.3.48", "0.3.49"], ["--policies"]])
def test_wrong_usage_is_reported(args, checkout):
    ran = checkout.run(*args)
    assert ran.returncode == 1 and "scripts/bump-engine VERSION" in ran.stderr


def test_policies_of_no_engine(checkout, tmp_path):
    ran = checkout.run("--policies", str(tmp_path))
    assert ran.returncode == 1 and "there is no engine in" in ran.stderr
