# SPDX-License-Identifier: Apache-2.0
"""The completions of zsh and fish, asked in those shells; scripts/setup --all installs them."""

import os
import pty
import re
import select
import subprocess
import time

from helps import commands, options_of
from kit import LIMIT
from test_manual import MANUAL


def test_zsh_reads_it():
    subprocess.run(["zsh", "-f", "-n", MANUAL / "zsh" / "_sluice"], check=True, timeout=LIMIT)


def test_fish_reads_it():
    subprocess.run(["fish", "-N", "-n", MANUAL / "fish" / "sluice.fish"], check=True, timeout=LIMIT)


def fish(line, tmp_path):
    env = dict(os.environ, HOME=str(tmp_path), XDG_CONFIG_HOME=str(tmp_path), XDG_DATA_HOME=str(tmp_path))
    script = f"source {MANUAL / 'fish' / 'sluice.fish'}; complete -C \"$argv[1]\""
    done = subprocess.run(
        ["fish", "-N", "-c", script, line], check=True, capture_output=True, text=True, env=env, timeout=LIMIT
    )
    assert done.stderr == ""
    return {entry.split("\t")[0] for entry in done.stdout.splitlines()}


def test_fish_offers_every_verb_and_option(tmp_path):
    for words in commands():
        below = {other[-1] for other in commands() if other[:-1] == words and other}
        line = " ".join(("sluice", *words))
        assert below <= fish(f"{line} ", tmp_path), words
        assert options_of(words) <= fish(f"{line} --", tmp_path), words
    assert fish("sluice check --min-tls ", tmp_path) == {"1.0", "1.1", "1.2", "1.3"}


class Zsh:
    """An interactive zsh that knows the completion and nothing else."""

    def __init__(self, tmp_path):
        self.leader, follower = pty.openpty()
        env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TERM": "dumb", "LC_ALL": "C.UTF-8", "PS1": "READY> "}
        self.process = subprocess.Popen(
            ["zsh", "-f", "-i"], stdin=follower, stdout=follower, stderr=follower, env=env, start_new_session=True
        )
        os.close(follower)
        self.say(f"fpath=({MANUAL / 'zsh'} $fpath); autoload -Uz compinit; compinit -u -D; unsetopt beep\n")
        self.say("zstyle ':completion:*' list-prompt ''; LISTMAX=1000; print -r -- BE''GUN\n")
        self.until("BEGUN")

    def say(self, text):
        os.write(self.leader, text.encode())

    def until(self, what):
        shown, end = "", time.monotonic() + LIMIT
        while not re.search(what, shown):
            assert time.monotonic() < end, shown
            if select.select([self.leader], [], [], 1)[0]:
                shown += os.read(self.leader, 65536).decode(errors="replace")
        return shown

    def offers(self, line, what):
        """Whether it lists that, a pattern, when the line is to be completed."""
        self.say(f"{line}\t")
        shown = self.until(what)
        self.say("\x15")
        return shown

    def end(self):
        self.process.kill()
        self.process.wait()
        os.close(self.leader)


def test_zsh_offers_verbs_options_and_words(tmp_path):
    zsh = Zsh(tmp_path)
    try:
        zsh.offers("sluice ", r"check +-- One handshake")
        zsh.offers("sluice token ", r"keygen +-- A key pair")
        zsh.offers("sluice check localhost --require-", r"--require-pq +-- Fail")
        zsh.offers("sluice token keygen --type rsa", r"rsa4096")
    finally:
        zsh.end()
