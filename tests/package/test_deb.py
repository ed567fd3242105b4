# SPDX-License-Identifier: Apache-2.0
"""The Debian package: what is in it, what it needs, and that it works from where it was unpacked."""

import gzip
import os
import pathlib
import re
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tool"))

from kit import LIMIT, ROOT, SLUICE, environment  # noqa: E402

BUILD = pathlib.Path(SLUICE).resolve().parent
# libffi is p11-kit's.
SYSTEM = {"linux-vdso.so.1", "libc.so.6", "libm.so.6", "libstdc++.so.6", "libgcc_s.so.1", "libp11-kit.so.0"}
SYSTEM |= {"libffi.so.8", "ld-linux-x86-64.so.2"}
INSIDE = ["aws-lc", "boost", "cli11", "fiat-crypto", "fmt", "s2n-tls", "tomlplusplus"]


def output(*command, **more):
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=LIMIT, **more).stdout


@pytest.fixture(scope="session")
def package(tmp_path_factory):
    folder = tmp_path_factory.mktemp("package")
    output("cpack", "-G", "DEB", "--config", BUILD / "CPackConfig.cmake", "-B", folder, cwd=BUILD)
    (made,) = folder.glob("*.deb")
    return made


@pytest.fixture(scope="session")
def unpacked(package, tmp_path_factory):
    folder = tmp_path_factory.mktemp("unpacked")
    output("dpkg", "-x", package, folder)
    return folder


def field(package, name):
    return output("dpkg-deb", "-f", package, name).strip()


def test_it_depends_on_what_every_debian_has_and_p11_kit(package):
    assert field(package, "Package") == "sluice" and field(package, "Version") == "0.1.0-1"
    needed = {entry.split()[0] for entry in field(package, "Depends").split(",")}
    assert needed == {"libc6", "libgcc-s1", "libp11-kit0", "libstdc++6"}


def test_the_program_and_the_module_link_nothing_else(unpacked):
    for file in "usr/bin/sluice", "usr/lib/sluice/libsluice-faulty-pkcs11.so":
        linked = {pathlib.Path(line.split()[0]).name for line in output("ldd", unpacked / file).splitlines()}
        assert linked <= SYSTEM, file
    assert "libp11-kit.so.0" in {line.split()[0] for line in output("ldd", unpacked / "usr/bin/sluice").splitlines()}


def test_it_works_where_there_is_nothing_else(unpacked):
    """No compiler and nothing of the build: an empty environment and an empty path."""
    sluice = unpacked / "usr/bin/sluice"
    version = output(sluice, "--version", env={"PATH": "/nowhere"})
    assert re.search(r"^sluice 0\.1\.0$", version, re.M) and "AWS-LC" in version
    folder = unpacked / "authority"
    output(sluice, "ca", "init", folder, env={"PATH": "/nowhere"})
    output(sluice, "ca", "issue", "localhost", "--ca", folder, env={"PATH": "/nowhere"})
    assert (folder / "localhost.pem").read_text().startswith("-----BEGIN CERTIFICATE-----")


def test_the_demo_finds_the_faulty_module_beside_it(unpacked, tmp_path):
    env = environment(PATH="/nowhere", TMPDIR=str(tmp_path))
    demo = [unpacked / "usr/bin/sluice", "demo"]
    told = subprocess.run(demo, env=env, capture_output=True, text=True, timeout=LIMIT).stdout
    # It looks for the module first. Later it misses openssl, which is for the second client.
    assert "libsluice-faulty" not in told and "✓ both keys are sensitive" in told
    module = unpacked / "usr/lib/sluice/libsluice-faulty-pkcs11.so"
    module.rename(module.with_suffix(".away"))
    told = subprocess.run(demo, env=env, capture_output=True, text=True, timeout=LIMIT).stdout
    module.with_suffix(".away").rename(module)
    assert f"not found; tried {unpacked}/usr/bin/{module.name}, {module}" in told


def test_everything_that_belongs_to_it_is_in_it(unpacked):
    share = unpacked / "usr/share"
    pages = {path.name for path in (share / "man/man1").iterdir()}
    assert {"sluice.1.gz", "sluice-check.1.gz", "sluice-token-list.1.gz"} <= pages
    assert all(name.endswith(".gz") for name in pages)
    for name in (
        "bash-completion/completions/sluice",
        "zsh/site-functions/_sluice",
        "fish/vendor_completions.d/sluice.fish",
        "doc/sluice/copyright",
        "doc/sluice/changelog.gz",
        "doc/sluice/docs/cli.md",
    ):
        assert (share / name).stat().st_size > 300, name
    schemas = {path.name for path in (ROOT / "docs" / "schema").glob("*.json")}
    assert {path.name for path in (share / "sluice/schema").iterdir()} == schemas
    assert sorted(path.name for path in (share / "doc/sluice/licenses").iterdir()) == INSIDE
    assert not list(unpacked.rglob("*.hpp")) and not list(unpacked.rglob("*.a"))


def test_the_pages_link_nothing_that_is_not_there(unpacked):
    pages = list((unpacked / "usr/share/doc/sluice").rglob("*.md*"))
    assert {"README.md", "cli.md"} <= {page.name.removesuffix(".gz") for page in pages}
    for page in pages:
        text = gzip.decompress(page.read_bytes()).decode() if page.suffix == ".gz" else page.read_text()
        # Code has brackets of its own.
        text = re.sub(r"```.*?```|`[^`]*`", "", text, flags=re.S)
        for link in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
            there = page.parent / link
            assert "://" in link or there.exists() or there.with_name(there.name + ".gz").exists(), (page.name, link)


def test_lintian_finds_no_error(package):
    user = ["--allow-root"] if os.getuid() == 0 else []
    checked = subprocess.run(
        ["lintian", *user, "--fail-on", "error", package], capture_output=True, text=True, timeout=LIMIT
    )
    assert checked.returncode == 0, checked.stdout
    assert "E: " not in checked.stdout
