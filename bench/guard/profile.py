# SPDX-License-Identifier: Apache-2.0
"""The accepted instructions of each function, for the list of those that grew."""
import collections
import re

SMALLEST = 0.002  # the share of an operation from which on a function is recorded


def short(name):
    """Without arguments, of templates too, which are longer than a line and change with every handler; without the
    type of the result, which only templates have."""
    name = name.replace("(anonymous namespace)::", "").replace("->", "").replace("operator()", "operator call")
    while (shorter := re.sub(r"<[^<>]*>|\([^()]*\)", "", name)) != name:
        name = shorter
    name = name.removesuffix(" const")
    return (name if "operator" in name else name.split(" ")[-1])[:120]


def by_function(figures):
    sums = collections.Counter()
    for name, instructions in figures.functions.items():
        sums[short(name)] += instructions
    return sums


def write(path, found):
    """A line each: scenario, program, instructions, function; of Sluice's programs. Lines of others stay."""
    old = path.read_text().splitlines(keepends=True) if path.exists() else []
    lines = [line for line in old
             if (key := line.split("\t"))[0] not in found or key[1] not in found[key[0]]]
    for scenario, programs in found.items():
        for program, figures in programs.items():
            if not program.startswith("sluice"):
                continue
            for name, instructions in by_function(figures).most_common():
                if instructions >= figures.instructions * SMALLEST:
                    lines.append(f"{scenario}\t{program}\t{instructions:.0f}\t{name}\n")
    path.write_text("".join(sorted(lines, key=lambda line: line.split("\t")[:2])))


def read(path):
    accepted = collections.defaultdict(dict)
    for line in path.read_text().splitlines() if path.exists() else []:
        scenario, program, instructions, name = line.split("\t")
        accepted[scenario, program][name] = int(instructions)
    return accepted


def growth(figures, accepted, most=20):
    """The functions that grew most: (instructions an operation more than accepted, now, name)."""
    grown = [(now - accepted.get(name, 0), now, name) for name, now in by_function(figures).items()]
    return sorted((one for one in grown if one[0] >= 1), reverse=True)[:most]
