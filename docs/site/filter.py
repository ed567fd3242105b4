#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints a public header, or a page of docs/, as Doxygen wants it.

Our comments are plain ones: one above a declaration documents it, and so does one behind it; the one at the top
documents the file. Headings of pages get the names by which other pages link them.
"""
import pathlib
import re
import sys

CODE_SPAN = re.compile(r"(`[^`]*`)")
HIDDEN = re.compile(r"\s*(inline namespace v0 \{|\}  // namespace v0)$")  # of the ABI alone


def escaped(text):
    """Comments are Markdown with code in backticks; what else Doxygen would take for a command or a tag is text."""
    parts = CODE_SPAN.split(text)
    parts[::2] = [re.sub(r"([\\@<>#&])", r"\\\1", part).replace("value()", "%value()") for part in parts[::2]]
    return "".join(parts)


def header(lines):
    is_behind = is_foreign = False
    for line in lines:
        is_foreign = (is_foreign or line.startswith("namespace boost")) and not line.startswith("}")
        if is_foreign or HIDDEN.match(line):
            yield ""
        elif line.startswith("// SPDX"):
            yield "/// \\file"
        elif alone := re.match(r"(\s*)// ?(.*)", line):
            continues = is_behind and len(alone[1]) > 8
            yield f"{alone[1]}///{'<' if continues else ''} {escaped(alone[2])}"
        else:
            behind = re.match(r"(.*[;,})]|\s*\w+)(\s+)// (?!namespace)(.*)", line)
            is_behind = behind is not None
            yield f"{behind[1]}{behind[2]}///< {escaped(behind[3])}" if behind else line


def page(path, lines):
    root = next(folder for folder in path.parents if (folder / "STYLE.md").exists())
    texts = (one.read_text(encoding="utf-8") for pattern in ("*.md", "*/*.md") for one in root.glob(pattern))
    linked = {name for text in texts for name in re.findall(r"\]\([^)#]*#([\w-]+)\)", text)}
    for line in lines:
        name = ""
        if heading := re.match(r"#+ (.*)", line):
            name = re.sub(r"[^\w -]", "", heading[1].lower()).replace(" ", "-")
        yield f"{line} {{#{name}}}" if name in linked else line


if __name__ == "__main__":
    given = pathlib.Path(sys.argv[1]).resolve()
    # A specialisation of Boost's templates is not ours to document; the pages of bench/ are not on the site.
    text = re.sub(r"template <>\nstruct boost::.*\n", "\n\n", given.read_text(encoding="utf-8"))
    contents = re.sub(r"\[([^]]*)\]\((\.\./)?bench/[^)]*\)", r"\1", text).splitlines()
    print("\n".join(page(given, contents) if given.suffix == ".md" else header(contents)))
