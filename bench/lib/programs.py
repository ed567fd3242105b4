# SPDX-License-Identifier: Apache-2.0
"""The programs of a run: servers, which report a port, and clients, which run a round for each line on stdin."""
import json
import os
import subprocess


class Ended(RuntimeError):
    """A program ended, or printed something else than a report."""


class Program:
    """A running program; a context manager that ends it."""

    def __init__(self, command, environment=None, **how):
        self.name = os.path.basename(next(word for word in map(str, command) if "bench/" in word))
        # Locked memory is limited, and none of the others locks any.
        variables = {**os.environ, "S2N_DONT_MLOCK": "1", **(environment or {})}
        self.process = subprocess.Popen(list(map(str, command)), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, env=variables, **how)

    @property
    def pid(self):
        return self.process.pid

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            raise Ended(f"{self.name} ended with status {self.process.wait()}")
        return json.loads(line)

    def round(self):
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        return self.read()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


def words(**settings):
    """NAME=VALUE, as the programs take them; a setting that is None is left out."""
    return [f"{name}={value}" for name, value in settings.items() if value is not None]
