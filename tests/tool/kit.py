# SPDX-License-Identifier: Apache-2.0
"""What the tests of the command line share: running it, certificates, peers that behave as they are told."""

import contextlib
import json
import os
import pathlib
import queue
import signal
import socket
import subprocess
import threading

from schemas import validate_line, validate_run

ROOT = pathlib.Path(__file__).resolve().parents[2]
SLUICE = os.environ.get("SLUICE", str(ROOT / "build" / "release" / "sluice"))
LIMIT = 120  # seconds; sanitizers on a busy machine are slow


def environment(**changes):
    """A quiet environment: none of the variables the tool reads, unless a test sets them."""
    env = {
        k: v
        for k, v in os.environ.items()
        if k not in ("SLUICE_PIN", "SLUICE_PASSWORD", "SSLKEYLOGFILE", "NO_COLOR", "SSL_CERT_FILE", "SSL_CERT_DIR")
    }
    env.update({"LC_ALL": "C.UTF-8", "TERM": "xterm"})
    env.update(changes)
    return {k: v for k, v in env.items() if v is not None}


class Ran:
    def __init__(self, done):
        self.code = done.returncode
        self.out = done.stdout
        self.err = done.stderr.decode()

    @property
    def text(self):
        return self.out.decode()

    @property
    def json(self):
        return json.loads(self.out)


def run(*args, stdin=b"", env=None, **more):
    done = subprocess.run(
        [SLUICE, *map(str, args)], input=stdin, capture_output=True, timeout=LIMIT, env=env or environment(), **more
    )
    validate_run(args, done.stdout, done.stderr)
    return Ran(done)


class Program:
    """The tool, running beside the test. Its lines of stdout arrive as they are printed."""

    def __init__(self, *args, env=None, stdin=subprocess.DEVNULL, raw=False, program=SLUICE):
        self.process = subprocess.Popen(
            [program, *map(str, args)],
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=env or environment(),
        )
        self.args = args
        self.is_json = program == SLUICE and "--json" in args and args[0] != "connect"
        self.lines = queue.Queue()
        self.err = b""
        self.threads = [threading.Thread(target=self._read_err, daemon=True)]
        if not raw:
            self.threads.append(threading.Thread(target=self._read_out, daemon=True))
        for thread in self.threads:
            thread.start()

    def _read_out(self):
        for line in self.process.stdout:
            self.lines.put(line.decode().rstrip("\n"))
        self.lines.put(None)

    def _read_err(self):
        self.err = self.process.stderr.read()

    def line(self):
        """The next line, or None at the end."""
        line = self.lines.get(timeout=LIMIT)
        if self.is_json and line is not None:
            validate_line(self.args, line)
        return line

    def event(self, name):
        """The next line of JSON, which must be that event."""
        line = self.line()
        assert line is not None, self.err.decode()
        event = json.loads(line)
        assert event["event"] == name, line
        return event

    def rest(self):
        lines = []
        while (line := self.line()) is not None:
            lines.append(line)
        return lines

    def wait(self):
        code = self.process.wait(timeout=LIMIT)
        for thread in self.threads:
            thread.join(timeout=LIMIT)
        return code

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.wait()


class Server(Program):
    """`sluice serve --json` on a free port of loopback."""

    def __init__(self, *args, env=None, port=0):
        super().__init__("serve", "--listen", f"127.0.0.1:{port}", "--json", *args, env=env)
        try:
            self.address = self.event("listening")["address"]
        except BaseException:
            self.end()
            raise
        self.port = int(self.address.rsplit(":", 1)[1])
        self.name = f"localhost:{self.port}"

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)


class Peer:
    """A listening socket whose one connection is handed to a function, on a thread."""

    def __init__(self, behave):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.name = f"localhost:{self.port}"
        self.behave = behave
        self.trouble = None
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        try:
            connection, _ = self.listener.accept()
            with connection:
                connection.settimeout(LIMIT)
                self.behave(connection)
        except Exception as trouble:  # for the test to look at, where it matters
            self.trouble = trouble

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()
        self.thread.join(timeout=LIMIT)


@contextlib.contextmanager
def deaf_port():
    """A port that is taken, so that nobody else gets it, and that refuses whoever connects."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


def programs_of(folder):
    """Processes whose folder for temporary files it is: the tool's, and their children."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit() and int(entry) != os.getpid():
            try:
                if f"TMPDIR={folder}".encode() in open(f"/proc/{entry}/environ", "rb").read().split(b"\0"):
                    found.append(open(f"/proc/{entry}/cmdline").read())
            except OSError:
                pass
    return found


def openssl(*args, stdin=None):
    return subprocess.run(
        ["openssl", *map(str, args)], input=stdin, check=True, capture_output=True, timeout=LIMIT
    ).stdout
