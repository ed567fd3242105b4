# SPDX-License-Identifier: Apache-2.0
"""What a process has spent and holds, from /proc."""
import re
import time
from pathlib import Path


def cpu_seconds(pid):
    """User and kernel time of all threads."""
    spent = 0
    for thread in Path(f"/proc/{pid}/task").iterdir():
        try:
            spent += int((thread / "schedstat").read_text().split()[0])
        except (FileNotFoundError, ProcessLookupError):  # it has just ended
            pass
    return spent * 1e-9


def wait_until_idle(pid):
    """Until it has done what it was asked: it spends nothing any more."""
    last = None
    while (now := cpu_seconds(pid)) != last:
        last = now
        time.sleep(0.02)


def anonymous_kib(pid):
    return int(re.search(r"RssAnon:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1])


def resident_kib(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1])
