#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes docs/interop.md of what the tests here did, or says where it differs.

    interop.py --junit FILE --write    the page is what that run, of every test here, has shown
    interop.py --junit FILE            fails when the page says anything else, or a cell has neither result nor reason
"""
import argparse
import collections
import difflib
import pathlib
import sys
import xml.etree.ElementTree

HERE = pathlib.Path(__file__).resolve().parent
PAGE = HERE.parents[1] / "docs" / "interop.md"
sys.path[:0] = [str(HERE), str(HERE.parent / "tool")]

from cells import VERSIONS, Cell, reason_against  # noqa: E402
from implementations import ALL  # noqa: E402

HEAD = """# Other implementations

Sluice and other implementations of TLS, over loopback, in both directions. `scripts/test --all` makes this page of what
its tests in [`tests/peers`](../tests/peers) did, and fails when the page says anything else. A cell has the versions of
TLS in which everything under its heading passed; each dash has its reason below.
"""
TABLES = {
    "client": ("Their client, our server", {
        "ECDSA": "our certificate is for a P-256 key, in memory and in a PKCS#11 token",
        "RSA": "the same with RSA-2048",
        "ALPN": "both agree on `http/1.1`",
        "resumption": "the client comes back; our token is asked for no second signature",
        "mTLS, ECDSA": "we require a certificate, theirs is for P-256",
        "mTLS, RSA": "the same with RSA-2048",
        "refuses us": "a name that is not in our certificate, an authority it does not trust: it says so in an alert",
        "refused by us": "who shows no certificate, or a stranger's, where we require one",
    }),
    "server": ("Our client, their server", {
        "ECDSA": "their certificate is for a P-256 key",
        "RSA": "the same with RSA-2048",
        "ALPN": "we offer `h2` and `http/1.1`, it knows the second",
        "resumption": "we come back with what it gave us",
        "mTLS, ECDSA": "it requires a certificate; ours is for a P-256 key, in memory and in a PKCS#11 token",
        "mTLS, RSA": "the same with RSA-2048",
        "refused by us": "a name that is not in its certificate, an authority we do not trust",
        "refuses without": "requires a certificate, and refuses us in an alert when we have none",
        "refuses a stranger": "refuses our certificate in an alert when another authority issued it",
    }),
}


def outcomes_of(path):
    """What became of the tests of each cell: {(peer, place): [True where it passed]}"""
    found = collections.defaultdict(list)
    for case in xml.etree.ElementTree.parse(path).iter("testcase"):
        noted = {each.get("name"): each.get("value") for each in case.iter("property")}
        if "peer" in noted:
            cell = Cell(**noted)
            passed = not {child.tag for child in case} & {"failure", "error", "skipped"}
            found[cell.peer, cell.place].append(passed)
    return found


class Page:
    def __init__(self, outcomes):
        self.outcomes = outcomes
        self.notes = []
        self.faults = []
        self.places = set()

    def note(self, who, text):
        line = f"{who}: {text}."
        if line not in self.notes:
            self.notes.append(line)
        return f"[^{self.notes.index(line) + 1}]"

    def cell(self, peer, side, what):
        good, not_at_all = [], {}
        for version in VERSIONS:
            place = Cell(peer, side, what, version).place
            self.places.add((peer, place))
            passed = self.outcomes.get((peer, place), [])
            reason = reason_against(ALL[peer].cannot, place)
            if reason and not passed:
                not_at_all.setdefault(self.note(ALL[peer].title, reason), []).append(version)
                continue
            if reason:
                self.faults.append(f"{peer}, {place}: is done, and has a reason against it")
            elif not all(passed) or not passed:
                self.faults.append(f"{peer}, {place}: {'failed' if passed else 'has neither result nor reason'}")
            remark = reason_against(ALL[peer].remarks, place)
            good.append(version + (self.note(ALL[peer].title, remark) if remark else ""))
        rest = [f"{', '.join(versions)} —{note}" if good else f"—{note}" for note, versions in not_at_all.items()]
        return "; ".join(filter(None, [", ".join(good), *rest]))

    def table(self, side):
        title, columns = TABLES[side]
        yield f"\n## {title}\n"
        yield f"| | {' | '.join(columns)} |"
        yield f"|---|{'---|' * len(columns)}"
        for peer, made in ALL.items():
            yield f"| {made.title} ({made.about}) | {' | '.join(self.cell(peer, side, what) for what in columns)} |"
        yield ""
        yield from (f"- *{what}*: {meaning}" for what, meaning in columns.items())

    def text(self):
        lines = [line for side in TABLES for line in self.table(side)]
        notes = [f"[^{number}]: {note}" for number, note in enumerate(self.notes, 1)]
        self.faults += [f"{peer}, {place}: has no cell on the page" for peer, place in set(self.outcomes) - self.places]
        return HEAD + "\n".join(lines) + "\n\n" + "\n".join(notes) + "\n"


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--junit", required=True, metavar="FILE", help="the JUnit file of a run of tests/peers")
    parser.add_argument("--write", action="store_true", help="write the page")
    args = parser.parse_args(arguments)
    page = Page(outcomes_of(args.junit))
    text = page.text()
    if page.faults:
        sys.exit("\n".join(f"interop: {fault}" for fault in sorted(page.faults)))
    if args.write:
        PAGE.write_text(text)
        return
    before = PAGE.read_text() if PAGE.exists() else ""
    if before != text:
        sys.stdout.writelines(difflib.unified_diff(before.splitlines(True), text.splitlines(True), "docs", "the run"))
        sys.exit("interop: docs/interop.md is not what the run has shown; make it with --write")


if __name__ == "__main__":
    main()
