# SPDX-License-Identifier: Apache-2.0
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tool"))

from fixtures import Token, authority, nothing_is_left_behind, serve  # noqa: E402, F401
from authority import Authority  # noqa: E402
from cells import cells_of  # noqa: E402
from kit import LIMIT, SLUICE  # noqa: E402
from implementations import ALL  # noqa: E402
from ours import Library  # noqa: E402


def pytest_report_header(config):
    return f"sluice: {SLUICE}"


def pytest_configure(config):
    config.addinivalue_line("markers", "shows(side, what, keys): the cells of the matrix that a test is for")


def pytest_generate_tests(metafunc):
    """Each implementation in turn, as far as it can; what it cannot do is on the page with its reason."""
    if mark := metafunc.definition.get_closest_marker("shows"):
        cells = list(cells_of(mark, ALL))
        metafunc.parametrize("cell", cells, indirect=True, ids=list(map(str, cells)))


@pytest.fixture
def cell(request, record_property):
    """Noted for docs/interop.md, which is made of what became of the tests."""
    made = request.param
    for name in ("peer", "side", "what", "version"):
        record_property(name, getattr(made, name))
    return made


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    Library.folder = tmp_path_factory.mktemp("built")


@pytest.fixture
def peer(cell, built):
    return ALL[cell.peer]


@pytest.fixture
def version(cell):
    return cell.version


@pytest.fixture
def key(cell, identities):
    return identities[cell.key]


class Identity:
    """A certificate and how to tell the tool where its key is."""

    def __init__(self, site, token=None):
        self.cert, self.key = site.cert, getattr(site, "key", None)
        self.env = token.env if token else None
        self.in_token = token is not None
        key = [token.uri, "--pin-file", token.pin] if token else [site.key]
        self.args = ["--cert", site.cert, "--key", *key]


@pytest.fixture(scope="session")
def identities(authority, tmp_path_factory):
    kinds = {"p256": "ec256", "rsa2048": "rsa2048"}
    made = {name: Identity(authority.issue(f"site-{name}", kind=kind)) for name, kind in kinds.items()}
    for name, kind in kinds.items():
        token = Token(tmp_path_factory.mktemp("token"), authority, kind)
        made[f"{name}-token"] = Identity(token, token)
    return made


@pytest.fixture
def serve_peer(serve, peer, version):
    """Our server, as this peer's client can use it."""

    def start(*args, env=None):
        if peer.speaks_http:
            args += ("--mode", "http")
        args += ("--timeout", f"{LIMIT}s")  # a refusal may be long in coming
        if not peer.chooses_version:
            args += ("--min-tls", version, "--max-tls", version)
        return serve(*args, env=env)

    return start


@pytest.fixture(scope="session")
def strangers(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("strangers") / "ca", "Strangers")
