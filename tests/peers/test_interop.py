# SPDX-License-Identifier: Apache-2.0
"""interop.py, which makes docs/interop.md: what it takes for a cell, and what it refuses."""

import pytest

from cells import VERSIONS, Cell, reason_against
from implementations import ALL
from interop import TABLES, Page, outcomes_of

CASE = """<testsuites><testsuite><testcase name="test_x[go-1.3]"><properties><property name="peer" value="go"/>
<property name="side" value="client"/><property name="what" value="ALPN"/><property name="version" value="1.3"/>
</properties>{}</testcase><testcase name="test_y"/></testsuite></testsuites>"""


@pytest.fixture
def outcomes():
    """Of a run in which every cell that can exist passed."""
    cells = [
        Cell(peer, side, what, version)
        for side, (_, columns) in TABLES.items()
        for peer in ALL
        for what in columns
        for version in VERSIONS
    ]
    return {
        (cell.peer, cell.place): [True, True]
        for cell in cells
        if not reason_against(ALL[cell.peer].cannot, cell.place)
    }


def faults_of(outcomes):
    page = Page(outcomes)
    page.text()
    return page.faults


def test_the_page_has_every_peer_every_column_and_every_reason(outcomes):
    page = Page(outcomes)
    text = page.text()
    assert page.faults == []
    for made in ALL.values():
        assert text.count(f"| {made.title} (") == 2
        assert all(f"{made.title}: {reason}." in text for reason in (*made.cannot.values(), *made.remarks.values()))
    assert "| OpenSSL (`s_client`, `s_server`) | 1.2, 1.3 | 1.2, 1.3 |" in text


def test_a_cell_without_a_result_is_a_fault(outcomes):
    del outcomes["go", "client/ALPN/1.3"]
    assert faults_of(outcomes) == ["go, client/ALPN/1.3: has neither result nor reason"]


def test_a_cell_of_which_a_test_failed_is_a_fault(outcomes):
    outcomes["go", "client/ALPN/1.3"] = [True, False]
    assert faults_of(outcomes) == ["go, client/ALPN/1.3: failed"]


def test_a_result_that_has_no_cell_is_a_fault(outcomes):
    outcomes["go", "client/juggling/1.3"] = [True]
    assert faults_of(outcomes) == ["go, client/juggling/1.3: has no cell on the page"]


def test_a_reason_against_what_is_done_all_the_same_is_a_fault(outcomes):
    outcomes["curl", "server/ALPN/1.3"] = [True]
    assert faults_of(outcomes) == ["curl, server/ALPN/1.3: is done, and has a reason against it"]


@pytest.mark.parametrize("tag, passed", [("", True), ("<failure/>", False), ("<error/>", False), ("<skipped/>", False)])
def test_only_what_passed_has_passed(tag, passed, tmp_path):
    (tmp_path / "junit.xml").write_text(CASE.format(tag))
    assert outcomes_of(tmp_path / "junit.xml") == {("go", "client/ALPN/1.3"): [passed]}
