#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What STYLE.md and HACKING.md say of the sources, where a program can tell: rooms, sizes, coroutines, quotations."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
MAX_LINES, MAX_COLUMNS, MAX_FUNCTION = 400, 120, 60
CODE = [ROOT / folder for folder in ("include", "src", "tool", "testkit", "bench", "examples", "tests")]

# A room is a folder, and which rooms it may include beside itself: arrows go down this list of lists only.
CORE = ["core/base", "core/wire", "core/x509", "core"]
LIBRARY = ["sluice", "sluice/asio", "sluice/pkcs11", *CORE]
TESTKIT = ["testkit/authority", "testkit/coroutines", "testkit/load", "testkit/peers"]
VERB = ["arguments", "terminal", "client", "server", *TESTKIT]
VERBS = ["bench", "ca", "check", "connect", "demo", "lab", "policy", "serve", "token"]
ROOMS = {
    "sluice": [],
    "sluice/asio": ["sluice"],
    "sluice/pkcs11": ["sluice"],
    "core/base": ["sluice"],
    "core/wire": ["core/base", "sluice"],
    "core/x509": ["core/base", "sluice"],
    "core": ["core/wire", "core/x509", "core/base", "sluice"],
    "pkcs11": [*CORE, "sluice", "sluice/pkcs11"],
    "asio": [*CORE, "sluice", "sluice/asio"],
    "asio/prelude": ["asio", *CORE, "sluice", "sluice/asio"],
    "testkit/json": [],
    "testkit/faulty_pkcs11": [],
    "testkit/authority": [*CORE, "sluice", "sluice/pkcs11"],
    "testkit/coroutines": ["sluice", "sluice/asio"],
    "testkit/load": ["testkit/coroutines", "sluice", "sluice/asio"],
    "testkit/peers": ["testkit/authority", "testkit/coroutines", *LIBRARY],
    "terminal": [*CORE, "sluice", "sluice/pkcs11"],
    "arguments": ["terminal", *LIBRARY],
    "client": ["arguments", "terminal", "testkit/authority", "testkit/coroutines", *LIBRARY],
    "server": ["arguments", "terminal", "testkit/authority", "testkit/coroutines", "testkit/peers", *LIBRARY],
    **{f"verbs/{name}": [*VERB, *LIBRARY] for name in VERBS},
    "verbs": ["arguments", "terminal", "sluice", *(f"verbs/{name}" for name in VERBS)],
    "manual": ["verbs", "arguments", "terminal", "sluice"],
    "main": ["verbs", "arguments", "terminal", "sluice"],
}

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


def room_of_include(include):
    """The room of an included file, by the longest name that fits; None for the compiler's and other projects'."""
    parts = include.split("/")[:-1]
    if include == "sluice/asio.hpp":
        return "sluice/asio"
    for size in range(len(parts), 0, -1):
        if (name := "/".join(parts[:size])) in ROOMS:
            return name
    return None


def room_of_file(path):
    parts = path.relative_to(ROOT).parts
    if parts == ("tool", "main.cpp"):
        return "main"
    inside = parts if parts[0] == "testkit" else parts[1:]
    if parts[0] in ("include", "src", "tool", "testkit"):
        return room_of_include("/".join(inside)) or "/".join(parts[:-1])
    return None


def faults_of_includes(path, text):
    room = room_of_file(path)
    if room and room not in ROOMS:
        yield f"{room} is no room; give it one in tests/source/check.py"
    for include in re.findall(r'#include "([^"]+)"', text):
        target = room_of_include(include)
        if room in ROOMS and target and target != room and target not in ROOMS[room]:
            yield f"{room} may not include {include}"
    if path.parts[len(ROOT.parts)] == "include" and (found := ENGINE_HEADERS.search(text)):
        yield f"a public header may not include {found[0]}"
    if path.is_relative_to(ROOT / "bench"):  # where Asio's own TLS is measured
        return
    if found := FORBIDDEN.search("\n".join(line for line in text.splitlines() if line.startswith("#include"))):
        yield f"may not include {found[0]}"
    # It would be most of the time that a verb compiles.
    if re.search(r"^#include <CLI/", text, re.M) and path.parent != ROOT / "tool" / "arguments":
        yield "may not include CLI11, which is tool/arguments' own"


def circles_of_rooms():
    """Rooms that may include each other, by way of others too: there must be none."""
    for room in ROOMS:
        seen, todo = set(), list(ROOMS[room])
        while todo:
            below = todo.pop()
            if below not in seen:
                seen.add(below)
                todo += ROOMS[below]
        if room in seen:
            yield f"tests/source/check.py: {room} may include itself by way of others"


def circles_of_headers(headers):
    """Headers that include each other."""
    done = set()

    def visit(name, path):
        if name in path:
            yield f"{' -> '.join([*path[path.index(name):], name])}: a circle of headers"
        elif name not in done and name in headers:
            for below in headers[name]:
                yield from visit(below, [*path, name])
            done.add(name)

    for name in list(headers):
        yield from visit(name, [])


NAMESPACE = re.compile(r"(inline )?namespace \S+ \{$|\}  // namespace")
# The first line of a function, or the last of several that are.
NO_FUNCTION = r"namespace|class|struct|enum|union|extern|public|private|//|else|if|for|while|switch|do\b|[:!&|]"
FUNCTION = re.compile(rf"^( *)(?!{NO_FUNCTION})\S.*(\)|const|noexcept|override|try) \{{$")


def faults_of_functions(path, text):
    if path.suffix == ".py":
        return
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if not (found := FUNCTION.match(line)):
            continue
        end = next((n for n in range(number + 1, len(lines)) if lines[n].startswith(found[1] + "}")), number)
        if end - number - 1 > MAX_FUNCTION:
            yield f"line {number + 1}: a function of {end - number - 1} lines, at most {MAX_FUNCTION} are allowed"


def faults_of_pitfalls(path, text):
    """(P12) refers to a section of docs/s2n-notes.md."""
    page = ROOT / "docs" / "s2n-notes.md"
    known = set(re.findall(r"^## (P\d+)", page.read_text(), re.M)) if page.exists() else set()
    for pitfall in re.findall(r"//.*\b(P\d+)\b", text) if path.suffix != ".py" else []:
        if pitfall not in known:
            yield f"refers to {pitfall}, which docs/s2n-notes.md does not have"


def faults_of_size(path, text):
    lines = text.splitlines()
    count = sum(not NAMESPACE.match(line) for line in lines)
    if count > MAX_LINES:
        yield f"has {count} lines beside its namespaces', at most {MAX_LINES} are allowed"
    for number, line in enumerate(lines, 1):
        if len(line) > MAX_COLUMNS:
            yield f"line {number} has {len(line)} columns, at most {MAX_COLUMNS} are allowed"
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
    faults += circles_of_rooms()
    headers = {}
    for path, text in sources():
        if path.suffix == ".hpp":
            parts = path.relative_to(ROOT).parts
            name = "/".join(parts if parts[0] in ("testkit", "tests") else parts[1:])
            headers[name] = re.findall(r'#include "([^"]+)"', text)
        for check in (faults_of_includes, faults_of_size, faults_of_functions, faults_of_coroutines,
                      faults_of_pitfalls):
            faults += [f"{path.relative_to(ROOT)}: {fault}" for fault in check(path, text)]
    faults += circles_of_headers(headers)
    print("\n".join(faults) or "every rule is kept")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
