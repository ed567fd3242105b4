# SPDX-License-Identifier: Apache-2.0
"""What `--help` tells, taken apart: which verbs there are, and what they take."""

import functools
import re

from kit import run


@functools.cache
def help_of(words):
    return run(*words, "--help").text


@functools.cache
def commands(words=()):
    """Every verb and verb below a verb; the first is the program itself."""
    text = help_of(words)
    below = text.split("Verbs:\n")[1].split("\n\n")[0] if "Verbs:\n" in text else ""
    names = re.findall(r"^  ([a-z][a-z0-9-]*) ", below, re.M)
    return [words, *(found for name in names for found in commands((*words, name)))]


def verbs():
    """Those that do something."""
    return [words for words in commands() if "Verbs:\n" not in help_of(words)]


def usage_of(words):
    return re.search(r"^Usage: (.*)$", help_of(words), re.M)[1]


def options_of(words):
    return set(re.findall(r"^  (?:-\w, )?(--[a-z0-9-]+)", help_of(words), re.M))


def options_with_values(words):
    return re.findall(r"^  (?:-\w, )?(--[a-z0-9-]+) \S", help_of(words).split("Options:\n")[1], re.M)
