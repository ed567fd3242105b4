# SPDX-License-Identifier: Apache-2.0
"""The checker of tests/parity/parity.md goes red for each kind of fault, and for nothing else."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import check  # noqa: E402

IDS = ["T1", "T2", "T3", "S-read-1"]
EXISTING = {"suite.works", "suite.too", "tool/test_a.py::test_b"}
GOOD = """# Parity
**4 rows, 1 of them open**

| id | asked | ours | shown by |
|---|---|---|---|
| T1 | a | b | `suite.works`, `tool/test_a.py::test_b` |
| T2 | a | b | not yet: nobody wrote it; so far `suite.too` |

| id | asked | ours | shown by |
|---|---|---|---|
| T3 | a | b | impossible: no keychain |
| S-read-1 | a `code` | b \\| c | `suite.too` |
"""


def faults(page=GOOD, ids=IDS, existing=EXISTING):
    return check.faults_of_page(page, ids, existing)


def test_a_page_without_fault_has_none():
    assert faults() == []


@pytest.mark.parametrize(
    "was, becomes, fault",
    [
        ("| T1 |", "| T9 |", "T1: has no row"),
        ("| T1 |", "| T9 |", "T9: is no id that is known"),
        ("| T2 |", "| T1 |", "T1: has 2 rows"),
        ("`suite.works`, `tool/test_a.py::test_b`", "it just does", "T1: names no test, and is marked neither"),
        ("suite.works", "suite.gone", "T1: there is no test suite.gone"),
        ("::test_b", "::test_c", "T1: there is no test tool/test_a.py::test_c"),
        ("so far `suite.too`", "so far `suite.gone`", "T2: there is no test suite.gone"),
        ("not yet: nobody wrote it; so far `suite.too`", "not yet", 'T2: is marked "not yet" and does not say why'),
        ("impossible: no keychain", "impossible: no keychain `suite.too`", "T3: is marked impossible and names a test"),
        ("| T3 | a |", "| T3 | |", "line 11: a row has four cells, and none is empty"),
        ("| T3 | a |", "| T3 |", "line 11: a row has four cells, and none is empty"),
        ("1 of them open", "2 of them open", "**4 rows, 1 of them open**"),
        ("4 rows", "5 rows", "**4 rows, 1 of them open**"),
        ("**4 rows, 1 of them open**", "", "the page's top says nothing"),
        ("not yet: nobody", "some day: nobody", "**4 rows, 0 of them open**"),
    ],
)
def test_each_fault_of_the_page_is_found(was, becomes, fault):
    assert was in GOOD
    assert any(fault in found for found in faults(GOOD.replace(was, becomes, 1)))


def test_an_id_that_is_listed_twice_is_a_fault():
    assert faults(ids=[*IDS, "T1"]) == ["ids: T1 is listed 2 times"]


@pytest.mark.parametrize(
    "name, expected",
    [
        ("suite.works", "suite.works"),
        ("reading/suite.works/tls1_2_ec256  # GetParam() = TLSv1.2 ec256", "suite.works"),
        ("threads/suite.works/4", "suite.works"),
        ("package.find_package", "package.find_package"),
        ("source", "source"),
    ],
)
def test_parameters_are_no_part_of_a_name(name, expected):
    assert check.bare(name) == expected


CTEST = """<testsuite>
 <testcase name="suite.works" classname="suite.works" status="run"/>
 <testcase name="a/suite.too/1  # GetParam() = 1" classname="x" status="run"/>
 <testcase name="a/suite.too/2  # GetParam() = 2" classname="x" status="run"/>
</testsuite>"""
PYTEST = """<testsuites><testsuite>
 <testcase classname="tests.tool.test_a" name="test_b[one]"/>
 <testcase classname="tests.tool.test_a" name="test_b[two]"><skipped message="it cannot"/></testcase>
</testsuite></testsuites>"""


def faults_of_run(tmp_path, ctest=CTEST, pytests=PYTEST):
    (tmp_path / "release.xml").write_text(ctest)
    (tmp_path / "pytest.xml").write_text(pytests)
    return check.faults_of_run(GOOD, [tmp_path / "release.xml", tmp_path / "pytest.xml"])


def test_a_run_in_which_all_passed_has_no_fault(tmp_path):
    assert faults_of_run(tmp_path) == []


@pytest.mark.parametrize(
    "was, becomes, fault",
    [
        ('name="suite.works"', 'name="suite.other"', "T1: suite.works did not run"),
        ('classname="suite.works" status="run"/>', 'classname="suite.works" status="fail"/>', "T1: suite.works failed"),
        ('status="run"/>', 'status="run"><failure/></testcase>', "T1: suite.works failed"),
        ('status="run"/>', 'status="disabled"/>', "T1: suite.works did not run, it was skipped"),
        ('status="run"/>', 'status="notrun"><skipped/></testcase>', "T1: suite.works did not run, it was skipped"),
    ],
)
def test_a_test_that_did_not_pass_is_found(was, becomes, fault, tmp_path):
    assert faults_of_run(tmp_path, CTEST.replace(was, becomes, 1)) == [fault]


def test_one_instance_that_failed_or_was_skipped_is_found(tmp_path):
    second = 'name="a/suite.too/2  # GetParam() = 2" classname="x" status="run"'
    failed = faults_of_run(tmp_path, CTEST.replace(second, second.replace("run", "fail")))
    assert failed == ["T2: suite.too failed", "S-read-1: suite.too failed"]
    skipped = faults_of_run(tmp_path, CTEST.replace(second, second.replace("run", "disabled")))
    assert skipped == ["T2: suite.too was skipped in part", "S-read-1: suite.too was skipped in part"]


def test_a_failure_of_pytest_s_or_a_matrix_without_a_cell_that_passed_is_found(tmp_path):
    one = '<testcase classname="tests.tool.test_a" name="test_b[one]"/>'
    name = "T1: tool/test_a.py::test_b"
    failed = PYTEST.replace(one, one.replace("/>", "><failure/></testcase>"))
    assert faults_of_run(tmp_path, pytests=failed) == [f"{name} failed"]
    assert faults_of_run(tmp_path, pytests=PYTEST.replace(one, "")) == [f"{name} did not run, it was skipped"]
    assert faults_of_run(tmp_path, pytests="<testsuites/>") == [f"{name} did not run"]


def test_a_test_that_was_skipped_is_found_though_no_row_names_it(tmp_path):
    page = tmp_path / "pytest.xml"
    page.write_text(PYTEST)
    assert check.faults_of_skipping([page]) == ["test_a.py::test_b was skipped"]
    page.write_text(CTEST.replace('classname="x" status="run"', 'classname="x" status="disabled"', 1))
    assert check.faults_of_skipping([page]) == ["suite.too was skipped"]
    page.write_text(CTEST)
    assert check.faults_of_skipping([page]) == []


def test_pytest_s_tests_are_found_in_the_sources(tmp_path):
    (tmp_path / "tool").mkdir()
    (tmp_path / "tool" / "test_a.py").write_text("def helper(): pass\n\n\ndef test_b(): pass\n")
    assert check.tests_of_pytest(tmp_path) == {"tool/test_a.py::test_b"}


@pytest.fixture
def whole(tmp_path, monkeypatch):
    """The checker as a program, over a page and a build tree that are without fault."""
    page, ids, results = tmp_path / "parity.md", tmp_path / "ids.txt", tmp_path / "release.xml"
    page.write_text(GOOD)
    ids.write_text("\n".join(IDS))
    whole_pytest = PYTEST.replace('<skipped message="it cannot"/>', "")
    results.write_text(CTEST.replace("</testsuite>", whole_pytest + "</testsuite>"))
    existing = {"suite.works", "suite.too"}
    monkeypatch.setattr(check, "PAGE", page)
    monkeypatch.setattr(check, "IDS", ids)
    monkeypatch.setattr(check, "tests_of_ctest", lambda tree: existing)
    monkeypatch.setattr(check, "tests_of_pytest", lambda root: {"tool/test_a.py::test_b"})
    return page, results, existing


def test_the_program_asks_for_a_run_only_where_there_was_one(whole, capsys):
    page, results, existing = whole
    check.main(["--build", "tree"])
    assert capsys.readouterr().out == "parity: 4 rows, 1 of them open\n"
    check.main(["--build", "tree", "--junit", str(results)])
    assert capsys.readouterr().out == "parity: 4 rows, 1 of them open, every test they name has passed\n"


def test_the_program_fails_and_names_every_fault(whole, capsys):
    page, results, existing = whole
    page.write_text(GOOD.replace("T3", "T4"))
    results.write_text("<testsuite/>")
    with pytest.raises(SystemExit) as ended:
        check.main(["--build", "tree", "--junit", str(results)])
    assert ended.value.code == 1
    told = capsys.readouterr().err
    for fault in ("T3: has no row", "T4: is no id that is known", "T1: suite.works did not run"):
        assert f"parity: {fault}\n" in told


def test_a_tree_that_is_not_built_is_reported(whole):
    whole[2].add("unit_tests_NOT_BUILT")
    with pytest.raises(SystemExit) as ended:
        check.main(["--build", "tree"])
    assert ended.value.code == "parity: build these first: unit_tests"
