# SPDX-License-Identifier: Apache-2.0
"""Which cells the matrix has: a cell is one implementation, one side, one capability and one version of TLS. Each is a
test that passes, or has a reason; docs/interop.md shows them all."""

import dataclasses

import pytest

VERSIONS = ["1.2", "1.3"]


@dataclasses.dataclass(frozen=True)
class Cell:
    peer: str
    side: str  # what the peer is: "client" or "server"
    what: str
    version: str
    key: str = ""  # a name of the fixture `identities`

    @property
    def place(self):
        return f"{self.side}/{self.what}/{self.version}"

    def __str__(self):
        return "-".join(filter(None, (self.peer, self.version, self.key)))


def shows(side, what, keys=()):
    """What a test shows of its peers. With `keys` it is asked with each, and `what` goes on with the key's kind."""
    return pytest.mark.shows(side, what, tuple(keys))


def kind_of(key):
    return "RSA" if key.startswith("rsa") else "ECDSA"


def reason_against(cannot, place):
    """`cannot` has reasons by place, or by the beginning of places: "server" is all of what a server can do."""
    parts = place.split("/")
    return next((cannot[at] for n in range(len(parts), 0, -1) if (at := "/".join(parts[:n])) in cannot), None)


def cells_of(mark, implementations):
    """Those that can exist; the others' reasons are for the page."""
    side, what, keys = mark.args
    for peer, made in implementations.items():
        for version in VERSIONS:
            for key in keys or [""]:
                kind = what.format(key=kind_of(key)) if key else what
                cell = Cell(peer, side, kind, version, key)
                if not reason_against(made.cannot, cell.place):
                    yield cell
