# SPDX-License-Identifier: Apache-2.0
"""Every JSON answer has a schema in docs/schema that says all of it; that answers follow it is kit.py's to see."""

import json
import re

import jsonschema
import pytest

from helps import commands, options_of
from kit import Program, run
from schemas import FOLDER, SHARED, load, name_for, validate

NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))
PAGES = {"serve-page"}  # what a client of the verb is told, and not who runs it
# A key that only some runs have says so at the beginning of its description.
SOMETIMES = "only with "


def objects(schema):
    if isinstance(schema, dict):
        if "properties" in schema:
            yield schema
        for part in schema.values():
            yield from objects(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from objects(part)


def test_every_verb_with_json_has_a_schema_and_every_schema_a_verb():
    verbs = [words for words in commands() if "--json" in options_of(words)]  # so that none is forgotten
    assert ("check",) in verbs and ("token", "list") in verbs
    used = {name_for((*verb, "x")) for verb in verbs}
    assert {name for name in used if name not in NAMES} == set()
    assert set(NAMES) - used == PAGES | {SHARED}


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_is_one_and_closed(name):
    schema = json.loads((FOLDER / f"{name}.json").read_text())
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$comment"].startswith("SPDX-License-Identifier:") and schema["title"]
    jsonschema.Draft202012Validator.check_schema(schema)
    for one in objects(schema):
        assert one["type"] == "object" and one["additionalProperties"] is False, one
        optional = set(one["properties"]) - set(one["required"])
        told = {key for key in optional if one["properties"][key].get("description", "").startswith(SOMETIMES)}
        assert optional == told, f"neither required nor described as \"{SOMETIMES}…\": {optional - told}"
        assert set(one["required"]) <= set(one["properties"])


@pytest.mark.parametrize("name", NAMES)
def test_every_reference_leads_somewhere(name):
    validator = load(name)
    text = (FOLDER / f"{name}.json").read_text()
    for target in set(re.findall(r'"\$ref": "([^"]+)"', text)):
        _, found = validator.resolver.resolve(target)
        assert isinstance(found, dict) and found


def test_what_is_surplus_missing_or_of_another_kind_is_found():
    good = {"uri": "pkcs11:token=web"}
    validate("token-keygen", good)
    for bad in ({**good, "more": 1}, {}, {"uri": 1}, {"uri": "web"}, {"ok": False}, []):
        with pytest.raises(AssertionError, match="docs/schema/token-keygen.json"):
            validate("token-keygen", bad)
    with pytest.raises(AssertionError, match="docs/schema/no-such-verb.json is missing"):
        validate("no-such-verb", good)


def test_kit_holds_every_run_against_its_schema(monkeypatch, tmp_path):
    liar = tmp_path / "sluice"
    liar.write_text("#!/bin/sh\necho '{\"surplus\":1}'; echo '{\"surplus\":2}' >&2\n")
    liar.chmod(0o755)
    monkeypatch.setattr("kit.SLUICE", str(liar))
    with pytest.raises(AssertionError, match="docs/schema/token-keygen.json.*\n.*1}"):
        run("token", "keygen", "x", "--json")
    with pytest.raises(AssertionError, match="docs/schema/connect.json.*\n.*2}"):
        run("connect", "localhost", "--json")
    assert run("token", "keygen", "x").text == '{"surplus":1}\n'  # not asked for JSON
    program = Program("serve", "--json", program=str(liar))
    with pytest.raises(AssertionError, match="docs/schema/serve.json"):
        program.line()
    program.wait()
