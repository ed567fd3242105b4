# SPDX-License-Identifier: Apache-2.0
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tool"))

from fixtures import Token, authority, nothing_is_left_behind, serve  # noqa: E402, F401
from authority import Authority  # noqa: E402
from kit import SLUICE  # noqa: E402
from implementations import NAMES, all_of  # noqa: E402


def pytest_report_header(config):
    return f"sluice: {SLUICE}"


@pytest.fixture(scope="session")
def implementations(tmp_path_factory):
    return all_of(tmp_path_factory.mktemp("peers"))


@pytest.fixture(params=NAMES)
def peer(request, implementations):
    """Each of them in turn; what one cannot do is said, not left out."""
    made = implementations[request.param]
    if reason := made.cannot.get(request.function.__name__):
        pytest.skip(reason)
    return made


@pytest.fixture(params=["1.2", "1.3"])
def version(request):
    return request.param


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


@pytest.fixture(params=["p256", "rsa2048"])
def key(request, identities):
    return identities[request.param]


@pytest.fixture(params=["p256", "rsa2048", "p256-token", "rsa2048-token"])
def our_key(request, identities):
    return identities[request.param]


@pytest.fixture(scope="session")
def strangers(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("strangers") / "ca", "Strangers")
