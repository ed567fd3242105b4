# SPDX-License-Identifier: Apache-2.0
"""The examples' tests share certificates, tokens and running programs with those of the command line."""

import contextlib
import importlib.util
import os
import pathlib
import signal
import subprocess
import sys

import pytest

TOOL_TESTS = pathlib.Path(__file__).resolve().parents[1] / "tool"
sys.path.insert(0, str(TOOL_TESTS))

import kit

spec = importlib.util.spec_from_file_location("tool_fixtures", TOOL_TESTS / "conftest.py")
tool_fixtures = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tool_fixtures)
authority, site, token = tool_fixtures.authority, tool_fixtures.site, tool_fixtures.token

EXAMPLES = pathlib.Path(os.environ.get("SLUICE_EXAMPLES", kit.ROOT / "build" / "release" / "examples"))


@pytest.fixture
def examples():
    return EXAMPLES


@pytest.fixture
def run():
    """Runs an example to its end."""

    def start(name, *args, env=None):
        command, env = [EXAMPLES / name, *map(str, args)], env or kit.environment()
        return kit.Ran(subprocess.run(command, capture_output=True, timeout=kit.LIMIT, env=env))

    return start


class Example(kit.Program):
    """An example that serves, on a port of its choice. It must end well when asked to, or the test fails."""

    def __init__(self, name, *args, env=None):
        super().__init__(*args, env=env, program=EXAMPLES / name)
        self.greeting = self.line()
        assert self.greeting and self.greeting.startswith("listening on 127.0.0.1:"), self.err.decode()
        self.port = self.greeting.split()[2].rsplit(":", 1)[1].rstrip(",")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.wait()
        assert code == 0, self.err.decode()


@pytest.fixture
def serve():
    """Starts examples that serve; at the end of the test each must stop cleanly (leaks are seen then)."""
    with contextlib.ExitStack() as running:

        def start(name, *args, env=None):
            example = Example(name, *args, env=env)
            running.callback(example.stop)
            return example

        yield start
