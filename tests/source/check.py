#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What STYLE.md and HACKING.md say of the sources, where a program can tell: includes, sizes, coroutines, quotes."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
MOST_LINES, MOST_COLUMNS = 400, 120
ROOMS = {"core": {"core"}, "pkcs11": {"core", "pkcs11"}, "asio": {"core", "asio"}}
CODE = [ROOT / folder for folder in ("include", "src", "tools", "examples", "tests")]

# s2n, AWS-LC and PKCS#11 stay out of public headers; OpenSSL's and Asio's own TLS out of everything.
ENGINE_HEADERS = re.compile(r"<(s2n\.h|s2n/|openssl/|p11-kit/|pkcs11)")
FORBIDDEN = re.compile(r"<boost/asio\.hpp>|asio/ssl")
# g++ 12 frees twice what such an expression makes, unless it is trivially copyable, as the options of ours are.
AGGREGATE = re.compile(r"co_await\b[^;{]*[(,]\s*(\w[\w:]*(?:_options)?)?\s*\{\s*(\.\w+|\")")
CAPTURE = re.compile(r"co_await\b[^;]*\[[^\]\s][^\]]*\]\s*[({]")
AWAITED_OPTIONS = "async_connect"


def sources():
    for folder in CODE:
        for path in sorted(folder.rglob("*")):
            if path.suffix in (".hpp", ".cpp", ".py"):
                yield path, path.read_text()


def room_of_header(include):
    parts = include.split("/")
    if parts[0] == "sluice":
        return parts[1] if parts[1] in ("asio", "pkcs11") else "asio" if parts[1] == "asio.hpp" else "core"
    return parts[0] if parts[0] in ROOMS else None


def room_of_file(path):
    parts = path.relative_to(ROOT).parts
    if parts[0] == "src":
        return parts[1]
    if parts[:2] == ("include", "sluice"):
        return parts[2] if parts[2] in ("asio", "pkcs11") else None if parts[2] == "asio.hpp" else "core"
    return None


def faults_of_includes(path, text):
    room = room_of_file(path)
    for include in re.findall(r'#include "([^"]+)"', text):
        target = room_of_header(include)
        if room and target and target not in ROOMS[room]:
            yield f"{room} may not include {include}"
    if path.parts[len(ROOT.parts)] == "include" and (found := ENGINE_HEADERS.search(text)):
        yield f"a public header may not include {found[0]}"
    if found := FORBIDDEN.search("\n".join(line for line in text.splitlines() if line.startswith("#include"))):
        yield f"may not include {found[0]}"


def faults_of_size(path, text):
    lines = text.splitlines()
    if len(lines) > MOST_LINES:
        yield f"has {len(lines)} lines, at most {MOST_LINES} are allowed"
    for number, line in enumerate(lines, 1):
        if len(line) > MOST_COLUMNS:
            yield f"line {number} has {len(line)} columns, at most {MOST_COLUMNS} are allowed"
    if path.suffix != ".py" and not lines[0].startswith("// SPDX-License-Identifier: Apache-2.0"):
        yield "does not begin with its licence"


def faults_of_coroutines(path, text):
    if path.suffix == ".py":
        return
    code = re.sub(r"//[^\n]*", "", text)
    for found in AGGREGATE.finditer(code):
        if AWAITED_OPTIONS not in found[0]:
            yield f"an aggregate inside `{found[0]}`: name it on the line before"
    for found in CAPTURE.finditer(code):
        yield f"a lambda that captures inside `{found[0]}`: name it on the line before"


def faults_of_quotations():
    """A block of a document that follows `<!-- PATH -->` is in that file, word for word."""
    for document in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]:
        for path, block in re.findall(r"<!-- (\S+) -->\n```\w*\n(.*?)```", document.read_text(), re.S):
            if block not in (ROOT / path).read_text():
                yield f"{document.relative_to(ROOT)}: does not quote {path} as it is"


def faults_of_links():
    for document in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text()):
            if not (document.parent / target).exists():
                yield f"{document.relative_to(ROOT)}: no {target}"


def main():
    faults = [*faults_of_quotations(), *faults_of_links()]
    for path, text in sources():
        for check in (faults_of_includes, faults_of_size, faults_of_coroutines):
            faults += [f"{path.relative_to(ROOT)}: {fault}" for fault in check(path, text)]
    print("\n".join(faults) or "every rule is kept")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
