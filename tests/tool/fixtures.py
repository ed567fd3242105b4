# SPDX-License-Identifier: Apache-2.0
"""Fixtures, for these tests and for those of tests/peers."""

import contextlib
import os
import subprocess

import pytest

from authority import Authority
from kit import LIMIT, Server, environment, openssl, programs_of


@pytest.fixture(scope="session", autouse=True)
def nothing_is_left_behind(tmp_path_factory):
    """What the tool puts into the folder for temporary files is gone at the end, and so is every process of ours."""
    folder = tmp_path_factory.mktemp("temporary")
    before = os.environ.get("TMPDIR")
    os.environ["TMPDIR"] = str(folder)
    yield
    os.environ.pop("TMPDIR")
    if before is not None:
        os.environ["TMPDIR"] = before
    assert list(folder.iterdir()) == []
    assert programs_of(folder) == []


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority") / "ca")


@pytest.fixture(scope="session")
def site(authority):
    return authority.issue("site")


@pytest.fixture
def serve():
    """Starts servers; whatever the test leaves running is ended."""
    with contextlib.ExitStack() as running:

        def start(*args, env=None, port=0):
            server = Server(*args, env=env, port=port)
            running.callback(server.end)
            return server

        yield start


@pytest.fixture
def server(serve, site):
    return serve("--cert", site.cert, "--key", site.key)


class Token:
    """A SoftHSM token with an imported key, and a certificate for that key in a file beside it."""

    def __init__(self, folder, authority, kind="ec256"):
        self.folder = folder
        (folder / "tokens").mkdir()
        conf = folder / "softhsm2.conf"
        conf.write_text(f"directories.tokendir = {folder}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n")
        self.env = environment(SOFTHSM2_CONF=str(conf))
        made = authority.issue(f"token-site-{kind}" if kind != "ec256" else "token-site", kind=kind)
        pkcs8 = folder / "site.p8"
        pkcs8.write_bytes(openssl("pkcs8", "-topk8", "-nocrypt", "-in", made.key))
        self.util("--init-token", "--free", "--label", "test", "--so-pin", "so-1234", "--pin", "123456")
        self.util("--import", str(pkcs8), "--token", "test", "--label", "site", "--id", "01", "--pin", "123456")
        self.pin = folder / "pin"
        self.pin.write_text("123456\n")
        os.chmod(self.pin, 0o600)
        self.uri = "pkcs11:token=test;object=site?module-name=softhsm2"
        self.cert = made.cert

    def util(self, *args):
        subprocess.run(["softhsm2-util", *args], check=True, capture_output=True, timeout=LIMIT, env=self.env)


@pytest.fixture(scope="session")
def token(tmp_path_factory, authority):
    return Token(tmp_path_factory.mktemp("token"), authority)
