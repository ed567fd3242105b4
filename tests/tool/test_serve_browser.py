# SPDX-License-Identifier: Apache-2.0
"""`serve --mode http` in a real browser, without a screen: the page is there, and is drawn."""

import base64
import hashlib
import shutil
import struct
import subprocess
import tempfile

import pytest

from kit import LIMIT, environment, openssl

QUIET = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pin_of(site):
    """What the browser takes for this key and no other, since it knows nothing of our authority."""
    public = openssl("x509", "-in", site.cert, "-noout", "-pubkey")
    der = openssl("pkey", "-pubin", "-outform", "DER", stdin=public)
    return "--ignore-certificate-errors-spki-list=" + base64.b64encode(hashlib.sha256(der).digest()).decode()


def browse(folder, url, *more):
    chromium = shutil.which("chromium")
    assert chromium, "there is no chromium: scripts/setup --all installs it"
    command = [chromium, *QUIET, f"--user-data-dir={folder}/profile", *more, url]
    with tempfile.TemporaryDirectory(dir="/tmp") as short:  # it makes a socket there, whose path has a limit
        env = environment(HOME=str(folder), XDG_CONFIG_HOME=str(folder), XDG_CACHE_HOME=str(folder), TMPDIR=short)
        return subprocess.run(command, capture_output=True, timeout=4 * LIMIT, env=env)


@pytest.fixture
def page(serve, site):
    return serve("--cert", site.cert, "--key", site.key, "--mode", "http")


def test_the_page_is_in_the_browser(page, site, tmp_path):
    done = browse(tmp_path, f"https://localhost:{page.port}/seen?by=a+browser", pin_of(site), "--dump-dom")
    assert done.returncode == 0, done.stderr.decode()
    dom = done.stdout.decode()
    assert "<h1>You are connected with TLSv1.3</h1>" in dom
    assert "<dd>GET /seen?by=a+browser HTTP/1.1</dd>" in dom, "HTTP/1.1, since no other was promised"
    assert "<dd>http/1.1</dd>" in dom and "<dt>User-Agent</dt>" in dom and "Chrome/" in dom
    event = page.event("handshake")
    assert event["ok"] is True and event["tls"]["alpn"] == "http/1.1"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_drawn(page, site, tmp_path, scheme):
    picture = tmp_path / f"page-{scheme}.png"
    more = ["--force-dark-mode", "--blink-settings=preferredColorScheme=0"] if scheme == "dark" else []
    url = f"https://localhost:{page.port}/"
    done = browse(tmp_path, url, pin_of(site), f"--screenshot={picture}", "--window-size=1100,1000", *more)
    assert done.returncode == 0 and picture.exists(), done.stderr.decode()
    header = picture.read_bytes()[:24]
    assert header.startswith(b"\x89PNG") and struct.unpack(">II", header[16:24]) == (1100, 1000)
    assert picture.stat().st_size > 20_000, "more than a blank page or an error's"


def test_a_browser_without_the_authority_refuses(page, tmp_path):
    done = browse(tmp_path, f"https://localhost:{page.port}/", "--dump-dom")
    assert "You are connected" not in done.stdout.decode()
