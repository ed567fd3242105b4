# SPDX-License-Identifier: Apache-2.0
import contextlib
import os
import subprocess
import types

import pytest

from authority import Authority
from kit import LIMIT, SLUICE, Server, environment, openssl, programs_of


def pytest_report_header(config):
    return f"sluice: {SLUICE}"


@pytest.fixture(scope="session", autouse=True)
def nothing_is_left_behind(tmp_path_factory):
    """Whatever the tool puts into the folder for temporary files is gone at the end, and so is every process of ours."""
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

        def start(*args, env=None):
            server = Server(*args, env=env)
            running.callback(server.end)
            return server

        yield start


@pytest.fixture
def server(serve, site):
    return serve("--cert", site.cert, "--key", site.key)


@pytest.fixture(scope="session")
def token(tmp_path_factory, authority):
    """A SoftHSM token with an imported P-256 key "site" and, beside it, a certificate for that key in a file."""
    folder = tmp_path_factory.mktemp("token")
    (folder / "tokens").mkdir()
    conf = folder / "softhsm2.conf"
    conf.write_text(f"directories.tokendir = {folder}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n")
    env = environment(SOFTHSM2_CONF=str(conf))
    made = authority.issue("token-site")
    pkcs8 = folder / "site.p8"
    pkcs8.write_bytes(openssl("pkcs8", "-topk8", "-nocrypt", "-in", made.key))
    run = lambda *args: subprocess.run(args, check=True, capture_output=True, timeout=LIMIT, env=env)
    run("softhsm2-util", "--init-token", "--free", "--label", "test", "--so-pin", "so-1234", "--pin", "123456")
    run("softhsm2-util", "--import", str(pkcs8), "--token", "test", "--label", "site", "--id", "01", "--pin", "123456")
    pin = folder / "pin"
    pin.write_text("123456\n")
    os.chmod(pin, 0o600)
    return types.SimpleNamespace(env=env, uri="pkcs11:token=test;object=site?module-name=softhsm2", cert=made.cert, pin=pin, folder=folder)
