#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints a public header, or a page of docs/, as Doxygen wants it.

Our comments are plain ones: one above a declaration documents it, and so does one behind it, or behind the first line
of a function's body; the one at the top documents the file. Overloads that follow a function with a comment share it,
and members that are declared in one line share theirs. Moves that are `= default` need none. Headings of pages get the
names by which other pages link them.
"""
import pathlib
import re
import sys

CODE_SPAN = re.compile(r"(`[^`]*`)")
HIDDEN = re.compile(r"\s*(inline namespace v0 \{|\}  // namespace v0)$")  # of the ABI alone
CONTAINER = re.compile(r"(template <[^>]*>\s*)?(inline )?(namespace|class|struct|enum|union)\b")
NO_NAMES = {"requires", "decltype", "noexcept", "static_assert"}
DEFAULTED_MOVE = re.compile(r"\s*(\w+\(|\w+& operator=\()(\w+)&&\) noexcept = default;$")
SEVERAL = re.compile(r"(\s*)([\w:<>]+) (\w+[^,()]*(?:, \w+[^,()]*)+);\s+// (.*)")  # members of one type
ENUMERATOR = re.compile(r"\s*\w+(?: = \w+)?,\s+// ")  # with a comment: one above it is about its group
CODE = " \\code{.cpp} ", " \\endcode"  # of an example in a comment
ENUM_OF = re.compile(r"(\s*)(enum class (\w+)[^{]*\{[^}]*\}) (\w[^;]*;)\s+// (.*)")  # the type of the one member
OPENING = re.compile(r"(\s*)(\S.*\{)\s+// (.*)")  # the first line of a function's body


def escaped(text):
    """Comments are Markdown with code in backticks; what else Doxygen would take for a command or a tag is text."""
    parts = CODE_SPAN.split(text)
    parts[::2] = [re.sub(r"([\\@<>#&])", r"\\\1", part).replace("value()", "%value()") for part in parts[::2]]
    return "".join(parts)


def described(text):
    """A line of a comment. A summary is the first sentence, which a signature is not."""
    return escaped(re.sub(r"^(void\(.*?\))\. (?=\w)", r"\1: ", text))


def name_of(statement):
    """The name of the function that is declared; None where there is none."""
    text = re.sub(r"requires\(.*?\) (?=auto)", "", statement)
    return next((name for name in re.findall(r"(operator\W+?|[~\w]+)\(", text) if name not in NO_NAMES), None)


def overloads(lines):
    """The first lines of functions without a comment that follow another of the same name which has one."""
    found, before, is_commented, at = set(), None, False, 0
    while at < len(lines):
        line = lines[at].strip()
        if not line or line.startswith(("//", "#", "}")) or line.endswith(":"):
            is_commented, before, at = line.startswith("//"), None, at + 1
            continue
        end = next((n for n in range(at, len(lines)) if re.search(r"[;{}]\s*(//.*)?$", lines[n])), at)
        statement = " ".join(lines[at : end + 1])
        name = None if CONTAINER.match(statement.strip()) else name_of(statement)
        has_comment = is_commented or " // " in statement
        if name and not has_comment and name == before:
            found.add(at)
            has_comment = True
        if name and re.search(r"\{\s*(//.*)?$", lines[end]):
            indent = re.match(" *", lines[at])[0]
            end = next((n for n in range(end, len(lines)) if lines[n].startswith(indent + "}")), end)
        before, is_commented, at = name if has_comment else None, False, end + 1
    return found


def header(lines):
    is_behind = is_foreign = is_above = False
    same = overloads(lines)
    for number, line in enumerate(lines):
        is_foreign = (is_foreign or line.startswith("namespace boost")) and not line.startswith("}")
        was_above, is_above = is_above, bool(re.match(r"\s*// ?", line))
        if is_foreign or HIDDEN.match(line) or (DEFAULTED_MOVE.match(line) and not was_above):
            is_behind = False
            yield ""
        elif line.startswith("// SPDX"):
            yield "/// \\file"
        elif alone := re.match(r"(\s*)// ?(.*)", line):
            continues = is_behind and len(alone[1]) > 8
            if alone[2].startswith("  "):  # code
                begins = not re.match(r"\s*//   ", lines[number - 1])
                ends = not re.match(r"\s*//   ", lines[number + 1])
                yield f"///{CODE[0] if begins else ''}{alone[2][2:]}{CODE[1] if ends else ''}"
                continue
            begins_group = number + 1 < len(lines) and ENUMERATOR.match(lines[number + 1])
            yield line if begins_group else f"{alone[1]}///{'<' if continues else ''} {described(alone[2])}"
        elif number in same:
            is_behind = False
            yield f"/** As the overload above. */ {line}"
        elif one := ENUM_OF.match(line):
            is_behind = False
            yield f"{one[1]}{one[2]}; /** {escaped(one[5])} */ {one[3]} {one[4]}"
        elif one := SEVERAL.match(line):
            is_behind = False
            yield one[1] + " ".join(f"/** {escaped(one[4])} */ {one[2]} {name};" for name in one[3].split(", "))
        elif (one := OPENING.match(line)) and not CONTAINER.match(one[2]):
            is_behind = False
            yield f"{one[1]}/** {escaped(one[3])} */ {one[2]}"
        else:
            behind = re.match(r"(#define .*|.*[;,})]|\s*\w+)(\s+)// (?!namespace)(.*)", line)
            is_behind = behind is not None
            yield f"{behind[1]}{behind[2]}///< {escaped(behind[3])}" if behind else line


def on_site(link):
    """Pages link each other; folders, other files and the pages of bench/ are not on the site. Anchors are one set."""
    text, target, anchor = link.groups()
    if target and (not target.endswith(".md") or "bench/" in target):
        return text
    return f"[{text.replace('`', '')}]({anchor or target})"


def prose(line):
    """What this Doxygen misreads: bold text that begins with code, and code with an apostrophe."""
    line = re.sub(r"\*\*(`[^*]*)\*\*", r"<b>\1</b>", line)
    return CODE_SPAN.sub(lambda span: f"`{span[0]}`" if "'" in span[0] else span[0], line)


def page(path, text):
    root = next(folder for folder in path.parents if (folder / "STYLE.md").exists())
    texts = (one.read_text(encoding="utf-8") for pattern in ("*.md", "*/*.md") for one in root.glob(pattern))
    linked = {name for text in texts for name in re.findall(r"\]\([^)#]*#([\w-]+)\)", text)}
    is_code = False
    for line in re.sub(r"\[([^]]*)\]\((?!\w+:)([^)#]*)(#[\w-]+)?\)", on_site, text).splitlines():
        is_code ^= line.startswith("```")
        name = ""
        if not is_code and (heading := re.match(r"#+ (.*)", line)):
            name = re.sub(r"[^\w -]", "", heading[1].lower()).replace(" ", "-")
            line = line.replace("`", "")  # the tree of pages would show markup
        elif not is_code:
            line = prose(line)
        yield f"{line} {{#{name}}}" if name in linked else line


if __name__ == "__main__":
    given = pathlib.Path(sys.argv[1]).resolve()
    contents = given.read_text(encoding="utf-8")
    if given.suffix == ".md":
        print("\n".join(page(given, contents)))
    else:
        # A specialisation of Boost's templates is not ours to document.
        contents = re.sub(r"template <>\nstruct boost::.*\n", "\n\n", contents)
        print("\n".join(header(contents.splitlines())))
