# SPDX-License-Identifier: Apache-2.0
"""The vcpkg port says what vcpkg's reference allows it to say, and what is true of this checkout."""

import json
import pathlib
import re

import jsonschema
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PORT = ROOT / "packaging" / "vcpkg" / "ports" / "sluice"

# From https://learn.microsoft.com/vcpkg/reference/vcpkg-json, for a port: closed, so that a misspelt field is found.
IDENTIFIER = {"type": "string", "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$", "not": {"enum": ["default", "core"]}}
LINES = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
FEATURE_NAME = {"anyOf": [IDENTIFIER, {"$ref": "#/$defs/feature_object"}]}
DEPENDENCIES = {"type": "array", "items": {"anyOf": [IDENTIFIER, {"$ref": "#/$defs/dependency"}]}}
VERSIONS = ["version", "version-semver", "version-date", "version-string"]
SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name", "description", "license"],
    "oneOf": [{"required": [one]} for one in VERSIONS],
    "patternProperties": {r"^\$": True},
    "properties": {
        "name": IDENTIFIER,
        "version": {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)*([-+].*)?$"},
        "version-semver": {"type": "string"},
        "version-date": {"type": "string"},
        "version-string": {"type": "string"},
        "port-version": {"type": "integer", "minimum": 0},
        "description": LINES,
        "maintainers": LINES,
        "homepage": {"type": "string", "pattern": "^https?://"},
        "documentation": {"type": "string", "pattern": "^https?://"},
        "license": {"type": ["string", "null"]},
        "supports": {"type": "string", "pattern": r"^[a-z0-9_()!&|, ]+$"},
        "dependencies": DEPENDENCIES,
        "default-features": {"type": "array", "items": FEATURE_NAME},
        "features": {
            "type": "object",
            "propertyNames": IDENTIFIER,
            "additionalProperties": {
                "type": "object",
                "additionalProperties": False,
                "required": ["description"],
                "properties": {
                    "description": LINES,
                    "dependencies": DEPENDENCIES,
                    "supports": {"type": "string"},
                    "license": {"type": ["string", "null"]},
                },
            },
        },
    },
    "$defs": {
        "feature_object": {
            "type": "object",
            "additionalProperties": False,
            "required": ["name"],
            "properties": {"name": IDENTIFIER, "platform": {"type": "string"}},
        },
        "dependency": {
            "type": "object",
            "additionalProperties": False,
            "required": ["name"],
            "properties": {
                "name": IDENTIFIER,
                "default-features": {"type": "boolean"},
                "features": {"type": "array", "items": FEATURE_NAME},
                "host": {"type": "boolean"},
                "platform": {"type": "string"},
                "version>=": {"type": "string", "pattern": r"^[0-9][^#]*(#[0-9]+)?$"},
            },
        },
    },
}


@pytest.fixture
def manifest():
    return json.loads((PORT / "vcpkg.json").read_text())


def check(manifest):
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(manifest, SCHEMA, cls=jsonschema.Draft202012Validator)


def test_the_manifest_has_the_fields_of_vcpkgs_reference(manifest):
    check(manifest)


@pytest.mark.parametrize(
    "change",
    [
        {"versions": "1"},
        {"version-string": "0.1.0"},
        {"name": "Sluice"},
        {"version": "one"},
        {"dependencies": [{"name": "fmt", "version": "9"}]},
        {"features": {"tools": {}}},
    ],
)
def test_a_mistake_would_be_found(manifest, change):
    with pytest.raises(jsonschema.ValidationError):
        check(manifest | change)


def test_it_is_this_version_and_asks_for_what_the_build_asks_for(manifest):
    cmake = (ROOT / "CMakeLists.txt").read_text()
    assert manifest["version"] == re.search(r"project\(sluice VERSION ([\d.]+)", cmake)[1]
    least = re.search(r"find_package\(Boost ([\d.]+)", cmake)[1] + ".0"
    all_of = manifest["dependencies"] + manifest["features"]["tools"]["dependencies"]
    boost = {one["name"]: one["version>="] for one in all_of if isinstance(one, dict) and "version>=" in one}
    assert set(boost.values()) == {least}
    used = set()
    for folder, packages in ("src", boost), ("include", boost), ("tools", boost):
        for path in (ROOT / folder).rglob("*.[ch]pp"):
            used |= set(re.findall(r"#include <boost/(asio|beast|json|url)[/.]", path.read_text()))
    assert {f"boost-{name}" for name in used} <= boost.keys()


def test_the_portfile_builds_the_checkout_that_it_is_in(manifest):
    text = (PORT / "portfile.cmake").read_text()
    up = re.search(r'get_filename_component\(SOURCE_PATH "\$\{CURRENT_PORT_DIR\}/([./]+)" ABSOLUTE\)', text)[1]
    assert (PORT / up).resolve() == ROOT
    options = set(re.findall(r"-D(SLUICE_\w+)=", text)) | set(re.findall(r"FEATURES tools (SLUICE_\w+)", text))
    known = (ROOT / "CMakeLists.txt").read_text() + (ROOT / "cmake" / "engine.cmake").read_text()
    assert options == {"SLUICE_TESTS", "SLUICE_ENGINE_DIR", "SLUICE_TOOLS"}
    assert all(re.search(rf"(option|set)\({name}\b", known) for name in options)
