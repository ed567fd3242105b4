# SPDX-License-Identifier: Apache-2.0
from fixtures import authority, nothing_is_left_behind, serve, server, site, token  # noqa: F401
from kit import SLUICE


def pytest_report_header(config):
    return f"sluice: {SLUICE}"
