# SPDX-License-Identifier: Apache-2.0
"""What the tool answers with --json, held against docs/schema. kit.py asks for every run of every test."""

import functools
import json
import pathlib

import jsonschema

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "docs" / "schema"
SHARED = "common"  # what others refer to, and no verb's


def name_for(args):
    """The schema of a command line: that of the verb below the verb, else the verb's."""
    words = [str(a) for a in args]
    below = "-".join(words[:2])
    return below if "/" not in below and (FOLDER / f"{below}.json").exists() else words[0]


@functools.cache
def load(name):
    path = FOLDER / f"{name}.json"
    assert path.exists(), f"docs/schema/{name}.json is missing: what `sluice {name}` prints with --json needs a schema"
    schema = json.loads(path.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    resolver = jsonschema.RefResolver(path.as_uri(), schema)
    return jsonschema.Draft202012Validator(schema, resolver=resolver)


def validate(name, value):
    wrong = jsonschema.exceptions.best_match(load(name).iter_errors(value))
    if wrong:
        raise AssertionError(f"docs/schema/{name}.json: {wrong.json_path}: {wrong.message}\nin {json.dumps(value)}")
    return value


def validate_line(args, line):
    return validate(name_for(args), json.loads(line))


def validate_run(args, out, err):
    """All that a finished run has printed. `connect` leaves stdout to the peer: its report ends stderr."""
    if "--json" not in args or "--help" in args:
        return
    lines = err.splitlines()[-1:] if args[0] == "connect" else out.splitlines()
    for line in lines:
        if args[0] != "connect" or line.startswith(b"{"):
            validate_line(args, line)
