# SPDX-License-Identifier: Apache-2.0
"""scripts/mutate: what it changes, how it judges, and that it puts everything back. Nothing is compiled here."""

import json
import pathlib
import shutil
import signal
import subprocess
import time

import pytest

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "mutate"
SOURCE = """// a < b stays as it is
int least(int a, int b) {
  if (a < b) return a;  // not a <= b
  return b;
}
const char* text() { return "a < b && c"; }
"""


@pytest.fixture
def project(tmp_path):
    """A checkout in miniature: `tests` pass while each line of `checks` is in the source."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(SCRIPT, tmp_path / "scripts" / "mutate")
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "a.cpp").write_text(SOURCE)
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    subprocess.run(["git", "add", "."], cwd=tmp_path, check=True)
    subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "x"], cwd=tmp_path, check=True)
    return tmp_path


def mutate(project, *args, **more):
    more = {"build-with": "true", **{key.replace("_", "-"): value for key, value in more.items()}}
    words = [word for key, value in more.items() for word in ("--" + key, value)]
    return subprocess.run([project / "scripts" / "mutate", *args, *words], cwd=project, capture_output=True, text=True,
                          timeout=60)


def is_restored(project):
    return (project / "src" / "a.cpp").read_text() == SOURCE


def test_only_code_is_changed(project):
    names = mutate(project, "src", "--list").stdout.split()
    assert "src/a.cpp:3:lt-le" in names
    assert not [name for name in names if name.startswith(("src/a.cpp:1:", "src/a.cpp:6:"))]


def test_tests_that_see_the_change_kill(project):
    done = mutate(project, "--only", "src/a.cpp:3:lt-le", test_with="grep -q 'if (a < b)' src/a.cpp")
    assert done.returncode == 0, done.stderr
    assert "killed     src/a.cpp:3:lt-le" in done.stdout and "1 of 1 killed" in done.stdout
    assert is_restored(project)


def test_tests_that_do_not_see_it_let_it_survive(project, tmp_path):
    done = mutate(project, "src", "--count", "3", "--least", "80", test_with="true", json=str(tmp_path / "out.json"))
    assert done.returncode == 1 and "0 of 3 killed (0 %)" in done.stdout
    results = json.loads((tmp_path / "out.json").read_text())["results"]
    assert [r["verdict"] for r in results] == ["survived"] * 3
    assert is_restored(project)


def test_what_does_not_compile_does_not_count(project):
    done = mutate(project, "--only", "src/a.cpp:3:lt-le", "--least", "100", build_with="grep -q 'a < b)' src/a.cpp",
                  test_with="true")
    assert done.returncode == 0 and "stillborn" in done.stdout and "0 of 0 killed" in done.stdout


def test_what_never_ends_is_killed(project):
    done = mutate(project, "--only", "src/a.cpp:3:lt-le", "--limit", "1",
                  test_with="grep -q 'if (a < b)' src/a.cpp || sleep 50")
    assert done.returncode == 0 and "timed-out" in done.stdout and "1 of 1 killed" in done.stdout
    assert is_restored(project)


def test_a_seed_takes_the_same_mutants(project):
    (project / "src" / "a.cpp").write_text("".join(f"  if (a < {n}) return {n};\n" for n in range(100)))
    first, again, other = (mutate(project, "src", "--diff", "--count", "4", "--seed", s).stdout for s in "112")
    assert first == again != other


def test_a_number_of_each_file_is_reported_worst_first(project):
    (project / "src" / "b.cpp").write_text(SOURCE.replace("least", "less"))
    subprocess.run(["git", "add", "."], cwd=project, check=True)
    subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "b"], cwd=project, check=True)
    done = mutate(project, "src", "--each", "2", test_with="git diff --quiet -- src/a.cpp")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-2:] == ["src/b.cpp: 0 of 2 killed (0 %)", "src/a.cpp: 2 of 2 killed (100 %)"]


def test_each_folder_is_judged_by_its_own_ring(project):
    """The programs of tests are scripts that note that they ran."""
    for name, folder in (("unit_tests", "core"), ("pkcs11_tests", "pkcs11")):
        (project / "src" / folder).mkdir()
        (project / "src" / folder / "a.cpp").write_text(SOURCE)
        program = project / "build" / "release" / "tests" / name
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(f"#!/bin/sh\necho $(git diff --name-only) >> ran.{name}\n")
        program.chmod(0o755)
    subprocess.run(["git", "add", "src"], cwd=project, check=True)
    subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "b"], cwd=project, check=True)
    programs = "build/release/tests/unit_tests build/release/tests/pkcs11_tests"
    done = mutate(project, "src/core", "src/pkcs11", "--each", "1",
                  build_with=f"for p in {programs}; do echo \\# >> $p; done")  # each build makes another program
    assert done.returncode == 0, done.stdout + done.stderr
    assert (project / "ran.unit_tests").read_text() == "\nsrc/core/a.cpp\n"
    assert (project / "ran.pkcs11_tests").read_text() == "\nsrc/pkcs11/a.cpp\n"


def test_tests_that_fail_anyway_judge_nothing(project):
    done = mutate(project, "src", test_with="false")
    assert done.returncode != 0 and "fail without any mutant" in done.stderr


def test_changes_that_git_does_not_know_are_kept_safe(project):
    (project / "src" / "a.cpp").write_text(SOURCE + "int more;\n")
    done = mutate(project, "src", test_with="true")
    assert done.returncode != 0 and "commit or stash" in done.stderr


def test_a_run_that_is_ended_puts_the_source_back(project):
    path = project / "src" / "a.cpp"
    run = subprocess.Popen([project / "scripts" / "mutate", "--only", "src/a.cpp:3:lt-le", "--build-with", "true",
                            "--test-with", "grep -q 'if (a < b)' src/a.cpp || sleep 50"], cwd=project,
                           stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 30
    while path.read_text() == SOURCE and time.monotonic() < deadline:
        assert run.poll() is None
    run.send_signal(signal.SIGTERM)
    assert run.wait(timeout=30) == 2
    assert is_restored(project)
