# SPDX-License-Identifier: Apache-2.0
"""What scripts/setup and scripts/find-cargo decide, on machines made of a few programs that only pretend."""

import pathlib
import shutil
import subprocess

import pytest

SCRIPTS = pathlib.Path(__file__).resolve().parents[2] / "scripts"
TOOLS = ["bash", "env", "dirname", "sed", "awk", "cat"]
PEERS = {"gnutls-bin", "golang-go", "default-jdk-headless", "nodejs", "curl"}


class Machine:
    """A PATH of its own. What is run on it notes in `log` how it was called."""

    def __init__(self, folder):
        self.folder = folder
        self.bin = folder / "bin"
        self.system = folder / "system"  # stands for /usr/bin, where Debian's cargo-web would be
        self.log = folder / "log"
        self.log.write_text("")
        for one in self.bin, self.system:
            one.mkdir()
        self.tool(*TOOLS)
        self.path = [self.bin]
        self.user(0)
        self.program("dpkg-query", "exit 1")  # nothing is installed
        self.noted("apt-get")

    def tool(self, *names):
        for name in names:
            (self.bin / name).symlink_to(shutil.which(name, path="/usr/bin:/bin"))

    def program(self, name, text, folder=None):
        made = (folder or self.bin) / name
        made.write_text(f"#!{self.bin}/bash\n{text}\n")
        made.chmod(0o755)
        return made

    def noted(self, name, then=""):
        self.program(name, f'echo "{name} $*" >>{self.log}\n{then}')

    def user(self, number):
        self.program("id", f"echo {number}")

    def cargo(self, version, folder=None):
        return self.program("cargo", f'echo "cargo {version} (abcdef012 2025-01-01)"', folder)

    def run(self, script, *args):
        env = {"PATH": ":".join(map(str, self.path)), "SLUICE_SYSTEM_BIN": str(self.system)}
        return subprocess.run([SCRIPTS / script, *args], env=env, capture_output=True, text=True, timeout=60)

    def calls(self):
        return self.log.read_text().splitlines()


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


# --- which cargo ---


@pytest.mark.parametrize("version", ["1.91.0", "1.92.1", "1.91.0-nightly", "1.100.0", "2.0.0"])
def test_a_new_cargo_on_the_path_is_taken(version, machine):
    cargo = machine.cargo(version)
    ran = machine.run("find-cargo")
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, f"{cargo}\n", "")


@pytest.mark.parametrize("version", ["1.65.0", "1.90.0", "1.9.1", "0.66.0"])
def test_an_old_cargo_is_not_and_is_named(version, machine):
    cargo = machine.cargo(version)
    ran = machine.run("find-cargo")
    assert (ran.returncode, ran.stdout) == (1, "")
    assert f"no cargo >= 1.91 (found: {cargo} ({version}))" in ran.stderr and "cargo-web" in ran.stderr


def test_without_cargo_it_says_none(machine):
    ran = machine.run("find-cargo")
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "(found: none)" in ran.stderr


@pytest.mark.parametrize(
    "text", ["exit 1", "echo 'error: no default toolchain' >&2; exit 1", "echo cargo", "echo cargo x.y"]
)
def test_a_cargo_that_does_not_answer_is_no_cargo(text, machine):
    machine.program("cargo", text)
    ran = machine.run("find-cargo")
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "(no version)" in ran.stderr


def test_an_old_cargo_does_not_hide_a_new_one_behind_it(machine):
    machine.cargo("1.65.0")
    later = machine.folder / "a later folder"
    later.mkdir()
    machine.path.append(later)
    cargo = machine.cargo("1.93.0", later)
    assert machine.run("find-cargo").stdout == f"{cargo}\n"


def test_an_old_cargo_on_the_path_does_not_hide_the_systems(machine):
    machine.cargo("1.65.0")
    cargo = machine.cargo("1.93.0", machine.system)
    assert machine.run("find-cargo").stdout == f"{cargo}\n"


# --- what is installed ---


def test_a_dry_run_installs_nothing_and_says_what_it_would(machine):
    machine.noted("sudo")
    ran = machine.run("setup", "--dry-run", "--all", "--peers")
    assert ran.returncode == 0 and ran.stderr == ""
    assert ran.stdout.startswith("setup: would install ca-certificates g++ cmake ")
    assert {"clang-14", "python3-venv", *PEERS} <= set(ran.stdout.split())
    assert "setup: would fetch the crates of tests/peers/rust " in ran.stdout
    assert machine.calls() == []


def test_what_the_reference_is_made_with_is_installed_for_it_alone(machine):
    assert "doxygen" in machine.run("setup", "--dry-run", "--docs").stdout.split()
    assert "doxygen" not in machine.run("setup", "--dry-run", "--all", "--peers").stdout.split()


def test_what_lint_uses_is_installed_for_it_and_for_all(machine):
    for option in "--lint", "--all":
        ran = machine.run("setup", "--dry-run", option)
        assert {"clang-format-14", "python3-venv"} <= set(ran.stdout.split())
    assert not {"clang-format-14", "python3-venv"} & set(machine.run("setup", "--dry-run").stdout.split())


@pytest.mark.parametrize("version, needed", [(None, True), ("1.65.0", True), ("1.90.9", True), ("1.91.0", False)])
def test_debians_newer_cargo_is_wanted_where_there_is_none_or_an_old_one(version, needed, machine):
    if version:
        machine.cargo(version)
    words = machine.run("setup", "--dry-run").stdout.split()
    assert ("cargo-web" in words, "rustc-web" in words) == (needed, needed)
    assert "cargo" not in words and "rustc" not in words  # Debian's plain ones are too old


def test_where_everything_is_installed_nothing_is_done(machine):
    machine.program("dpkg-query", "echo installed")
    machine.cargo("1.91.0")
    ran = machine.run("setup")
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "setup: everything is installed\n", "")
    assert machine.calls() == []


def test_only_what_is_missing_is_installed(machine):
    machine.program("dpkg-query", '[[ ${@: -1} == softhsm2 ]] && echo "config-files" || echo installed')
    machine.cargo("1.91.0")
    ran = machine.run("setup")
    assert (ran.returncode, ran.stdout) == (0, "setup: installing softhsm2\n")
    assert machine.calls() == ["apt-get update -qq", "apt-get install -y -qq --no-install-recommends softhsm2"]


@pytest.mark.parametrize(
    "program, package",
    [("go", "golang-go"), ("javac", "default-jdk-headless"), ("node", "nodejs"), ("curl", "curl")],
)
def test_a_peer_from_elsewhere_is_good_enough(program, package, machine):
    machine.noted(program)
    words = set(machine.run("setup", "--dry-run", "--peers").stdout.split())
    assert PEERS - words == {package}
    assert machine.calls() == []


def test_clang_tidy_of_the_pinned_release_is_installed_once(machine):
    """In a copy of the project's folder, whose build tree this is not."""
    project = machine.folder / "project"
    shutil.copytree(SCRIPTS, project / "scripts")
    machine.program("dpkg-query", "echo installed")
    machine.cargo("1.91.0")
    machine.tool("touch", "mkdir", "cp")
    pip = machine.program("a-pip", f'echo "pip $*" >>{machine.log}')
    machine.noted("python3", then=f'mkdir -p "$3/bin"; cp {pip} "$3/bin/pip"')
    dry = machine.run(project / "scripts" / "setup", "--lint", "--dry-run")
    assert "setup: would make the Python environment build/lint-tools\n" in dry.stdout
    assert machine.calls() == []
    for _ in range(2):
        ran = machine.run(project / "scripts" / "setup", "--lint")
        assert (ran.returncode, ran.stderr) == (0, "")
    assert machine.calls() == [
        f"python3 -m venv {project}/build/lint-tools",
        f"pip install --quiet --requirement {project}/scripts/lint-requirements.txt",
    ]


def test_the_crates_and_the_python_of_the_peers_are_brought(machine):
    """In a copy of the project's folder, whose build tree this is not."""
    project = machine.folder / "project"
    (project / "tests" / "peers").mkdir(parents=True)
    (project / "tests" / "peers" / "requirements.txt").write_text("nothing==1\n")
    shutil.copytree(SCRIPTS, project / "scripts")
    machine.program("dpkg-query", "echo installed")
    machine.tool("touch", "mkdir", "cp")
    machine.noted("cargo", then='if [[ $1 == --version ]]; then echo "cargo 1.91.0"; fi')
    pip = machine.program("a-pip", f'echo "pip $*" >>{machine.log}')
    machine.noted("python3", then=f'mkdir -p "$3/bin"; cp {pip} "$3/bin/pip"')
    ran = machine.run(project / "scripts" / "setup", "--peers")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == "setup: everything is installed\nsetup: making the Python environment build/peers\n"
    requirements = project / "tests" / "peers" / "requirements.txt"
    assert machine.calls() == [
        "cargo --version",
        f"python3 -m venv {project}/build/peers",
        f"pip install --quiet --requirement {requirements}",
        "cargo --version",
        f"cargo fetch --quiet --locked --manifest-path {project}/tests/peers/rust/Cargo.toml",
    ]
    # What is there already is not brought again; cargo finds that out by itself.
    machine.log.write_text("")
    assert machine.run(project / "scripts" / "setup", "--peers").returncode == 0
    assert [call.split()[:2] for call in machine.calls()] == [["cargo", "--version"]] * 2 + [["cargo", "fetch"]]


# --- as whom ---


def test_a_user_who_is_not_root_installs_with_sudo(machine):
    machine.user(1000)
    machine.noted("sudo")
    assert machine.run("setup", "--dry-run").stdout.startswith("setup: would install (with sudo) ")
    assert machine.calls() == []
    ran = machine.run("setup")
    assert ran.returncode == 0, ran.stderr
    update, install = machine.calls()
    assert update == "sudo apt-get update -qq"
    assert install.startswith("sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y ")


def test_root_needs_no_sudo(machine):
    machine.noted("sudo")
    assert machine.run("setup").returncode == 0
    assert [call.split()[0] for call in machine.calls()] == ["apt-get", "apt-get"]


def test_a_user_without_root_and_sudo_gets_an_error(machine):
    machine.user(1000)
    ran = machine.run("setup")
    assert ran.returncode == 1 and machine.calls() == []
    assert "run scripts/setup as root" in ran.stderr and ran.stderr.count("\n") == 1


def test_a_failed_installation_is_a_failure(machine):
    machine.noted("apt-get", then="exit 100")
    assert machine.run("setup").returncode == 100


def test_an_unknown_option_shows_the_usage(machine):
    ran = machine.run("setup", "--everything")
    assert ran.returncode == 1 and "scripts/setup --peers" in ran.stderr
    assert machine.calls() == []
