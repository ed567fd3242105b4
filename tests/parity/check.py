#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds parity.md against the checked-in ids, the tests that exist and, after a full run, what became of them.

    check.py --build TREE                 the page is whole, and every test it names exists
    check.py --build TREE --junit FILE…   and every test it names has run and passed
"""
import argparse
import ast
import collections
import json
import pathlib
import re
import subprocess
import sys
import xml.etree.ElementTree

TESTS = pathlib.Path(__file__).resolve().parents[1]
PAGE = TESTS / "parity" / "parity.md"
IDS = TESTS / "parity" / "ids.txt"
PYTEST_FOLDERS = ("tool", "peers", "examples", "scripts", "parity")

COUNT = re.compile(r"\*\*(\d+) rows, (\d+) of them open\*\*")
MARKS = re.compile(r"(not yet|impossible)\b:? *(.*)", re.S)
QUOTED = re.compile(r"`([^`]+)`")
# What GoogleTest and CTest put around a parameterised test: reading/suite.test/tls1_2  # GetParam() = …
WITH_PARAMETERS = re.compile(r"(?:\w+/)?(\w+\.\w+)(?:/\S+)?$")

Row = collections.namedtuple("Row", "id line cells mark reason tests")


def bare(name):
    """A test's name as the page has it, without the parameters."""
    name = name.split("  # ")[0].strip()
    found = WITH_PARAMETERS.match(name)
    return found.group(1) if found else name


def rows_of(text):
    """The rows of the page's tables, and what is wrong with their form."""
    rows, faults = [], []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.startswith("|"):
            continue
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if cells and (cells[0] == "id" or not cells[0].strip("-: ")):
            continue
        if len(cells) != 4 or not all(cells):
            faults.append(f"line {number}: a row has four cells, and none is empty")
            continue
        mark = MARKS.match(cells[3])
        rows.append(
            Row(cells[0], number, cells, mark and mark.group(1), mark and mark.group(2), QUOTED.findall(cells[3]))
        )
    return rows, faults


def faults_of_page(text, ids, existing):
    rows, faults = rows_of(text)
    seen = collections.Counter(row.id for row in rows)
    wanted = collections.Counter(ids)
    faults += [f"ids: {id} is listed {n} times" for id, n in wanted.items() if n > 1]
    faults += [f"{id}: has no row" for id in wanted if id not in seen]
    faults += [f"{id}: has {n} rows" for id, n in seen.items() if n > 1]
    faults += [f"{id}: is no id that is known" for id in seen if id not in wanted]
    for row in rows:
        if row.mark and not row.reason:
            faults.append(f"{row.id}: is marked \"{row.mark}\" and does not say why")
        if row.mark == "impossible" and row.tests:
            faults.append(f"{row.id}: is marked impossible and names a test")
        if not row.mark and not row.tests:
            faults.append(f"{row.id}: names no test, and is marked neither \"not yet\" nor \"impossible\"")
        faults += [f"{row.id}: there is no test {name}" for name in row.tests if name not in existing]
    faults += faults_of_count(text, len(rows), sum(row.mark == "not yet" for row in rows))
    return faults


def faults_of_count(text, rows, open_rows):
    claimed = COUNT.search(text)
    if claimed and tuple(map(int, claimed.groups())) == (rows, open_rows):
        return []
    said = claimed.group(0) if claimed else "nothing"
    return [f"the page's top says {said}: it is **{rows} rows, {open_rows} of them open**"]


def tests_of_ctest(tree):
    listing = subprocess.run(
        ["ctest", "--test-dir", tree, "--show-only=json-v1"], check=True, stdout=subprocess.PIPE, text=True
    )
    return {bare(test["name"]) for test in json.loads(listing.stdout)["tests"]}


def tests_of_pytest(root):
    found = set()
    for folder in PYTEST_FOLDERS:
        for path in sorted((root / folder).glob("test_*.py")):
            for node in ast.parse(path.read_text()).body:
                if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                    found.add(f"{folder}/{path.name}::{node.name}")
    return found


def outcomes_of(path):
    """(name, "passed" | "skipped" | "failed") for each test case of a JUnit file of CTest's or pytest's."""
    for case in xml.etree.ElementTree.parse(path).iter("testcase"):
        tags = {child.tag for child in case}
        name, module = case.get("name"), case.get("classname", "").split(".")[-1]
        if module.startswith("test_"):
            name = f"{module}.py::{name.split('[')[0]}"
        else:
            name = bare(name)
        if case.get("status", "run") == "fail" or tags & {"failure", "error"}:
            yield name, "failed"
        elif case.get("status", "run") != "run" or "skipped" in tags:
            yield name, "skipped"
        else:
            yield name, "passed"


def faults_of_skipping(paths):
    """Nothing is skipped, whether a row names it or not: what a peer cannot do is no test, but a word in interop.md."""
    return [f"{name} was skipped" for path in paths for name, outcome in outcomes_of(path) if outcome == "skipped"]


def faults_of_run(text, paths):
    """Whatever the page names must have passed somewhere, and failed nowhere. A cell of a matrix of peers may be left
    out for a reason of the peer's, as long as another cell of the same test passed; a C++ test may not."""
    became = collections.defaultdict(collections.Counter)
    for path in paths:
        for name, outcome in outcomes_of(path):
            became[name][outcome] += 1
    faults = []
    for row in rows_of(text)[0]:
        for name in row.tests:
            counts = became[name.split("/")[-1]]
            if counts["failed"]:
                faults.append(f"{row.id}: {name} failed")
            elif not counts["passed"]:
                faults.append(f"{row.id}: {name} did not run" + (", it was skipped" if counts["skipped"] else ""))
            elif counts["skipped"] and "::" not in name:
                faults.append(f"{row.id}: {name} was skipped in part")
    return faults


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True, metavar="TREE", help="a build tree with every test program in it")
    parser.add_argument("--junit", nargs="+", default=[], metavar="FILE", help="the JUnit files of a run of everything")
    args = parser.parse_args(arguments)
    text = PAGE.read_text()
    existing = tests_of_ctest(args.build)
    unbuilt = sorted(name for name in existing if name.endswith("_NOT_BUILT"))
    if unbuilt:
        sys.exit("parity: build these first: " + " ".join(name.removesuffix("_NOT_BUILT") for name in unbuilt))
    faults = faults_of_page(text, IDS.read_text().split(), existing | tests_of_pytest(TESTS))
    if args.junit:
        faults += faults_of_run(text, args.junit) + faults_of_skipping(args.junit)
    for fault in faults:
        print(f"parity: {fault}", file=sys.stderr)
    if faults:
        sys.exit(1)
    passed = ", every test they name has passed" if args.junit else ""
    print("parity: " + COUNT.search(text).group(0).strip("*") + passed)


if __name__ == "__main__":
    main()
