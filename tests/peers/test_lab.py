# SPDX-License-Identifier: Apache-2.0
"""Here everything is installed that the lab can use: no case may be missing."""

from kit import run


def test_every_case_of_the_lab_is_there_and_gets_its_verdict():
    ran = run("lab", "run", "--require-all")
    assert ran.code == 0, ran.text
    assert "unavailable" not in ran.text
