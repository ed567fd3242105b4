# SPDX-License-Identifier: Apache-2.0
"""Which files scripts/lint gives to clang-tidy, in checkouts of a few files. Nothing is compiled here."""

import importlib.machinery
import importlib.util
import pathlib
import subprocess

import pytest

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "lint"


class Checkout:
    def __init__(self, folder):
        self.folder = folder
        self.git("init", "-q")
        (folder / "src").mkdir()
        for name in "old", "spaces", "moved", "recent":
            self.write(name, f"int {name};\n")
        self.commit()

    def git(self, *arguments):
        subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@t", *arguments], cwd=self.folder, check=True)

    def write(self, name, text):
        (self.folder / "src" / f"{name}.cpp").write_text(text)

    def commit(self):
        self.git("add", ".")
        self.git("commit", "-q", "--allow-empty", "-m", "x")


@pytest.fixture
def checkout(tmp_path):
    return Checkout(tmp_path)


@pytest.fixture
def lint(checkout):
    loader = importlib.machinery.SourceFileLoader("lint", str(SCRIPT))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("lint", loader))
    loader.exec_module(module)
    module.ROOT = checkout.folder
    return module


def test_where_history_is_shorter_than_30_commits_the_changed_files_are_not_known(checkout, lint):
    for _ in range(29):
        checkout.commit()
    assert lint.changed() is None
    checkout.commit()
    assert lint.changed() == set()


def test_without_git_the_changed_files_are_not_known(lint, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert lint.changed() is None


def test_white_space_and_a_new_name_are_no_change(checkout, lint):
    checkout.write("spaces", "int  spaces;\n")
    checkout.git("mv", "src/moved.cpp", "src/elsewhere.cpp")
    checkout.write("recent", "int changed;\n")
    for _ in range(30):
        checkout.commit()
    assert lint.changed() == {"src/recent.cpp"}


def test_what_is_not_committed_counts(checkout, lint):
    for _ in range(30):
        checkout.commit()
    checkout.write("old", "int changed;\n")
    checkout.write("new", "int made;\n")
    assert lint.changed() == {"src/old.cpp", "src/new.cpp"}


@pytest.mark.parametrize("arguments", [["--everything"], ["--all", "--fix"]])
def test_an_unknown_option_shows_the_usage(arguments):
    ran = subprocess.run([SCRIPT, *arguments], capture_output=True, text=True, timeout=60)
    assert ran.returncode == 1 and "scripts/lint --all" in ran.stderr
