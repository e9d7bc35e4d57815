#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""test/leaks.md says of each way out what became of it, and which tests hold that.

A test carries its rows: @pytest.mark.leak("L6", "H52") in Python, a comment with "leak: H7" in the
line above START_TEST in C and above a function in shell, in any line of a fuzz target. Row, words
and verdict are written by hand; the last column comes from the tests, by `leaks.py --write`.
"""

import ast
import pathlib
import re
import sys

TEST = pathlib.Path(__file__).resolve().parents[1]
TABLE = TEST / "leaks.md"
ROWS = [f"L{n}" for n in range(1, 40)] + [f"H{n}" for n in range(1, 56)]
VERDICTS = ("closed", "limit", "not applicable")
ROW = re.compile(r"^\| ([LH]\d+) \|")
MARK = re.compile(r"(?:/\*|#) leak: ([LH0-9, ]+?)(?: \*/)?$")
IN_C = re.compile(r"^START_TEST\((\w+)\)")
IN_SHELL = re.compile(r"^(\w+)\(\)")


def python_tests(path):
    """(row, test) for each row that a test function is marked with, or its whole module."""
    tree = ast.parse(path.read_text())
    everywhere = [mark for node in tree.body if isinstance(node, ast.Assign)
                  and ast.unparse(node.targets[0]) == "pytestmark" for mark in ast.walk(node.value)]
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            marks = [mark for decorator in node.decorator_list for mark in ast.walk(decorator)]
            for mark in marks + everywhere:
                if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.leak":
                    yield from ((row.value, node.name) for row in mark.args)


def commented_tests(path, start):
    """The same for a comment above what starts a test; above anything else it is a mistake."""
    waiting = []
    for line in path.read_text(errors="replace").splitlines():
        mark, test = MARK.search(line.strip()), start.match(line)
        if mark:
            waiting += mark[1].replace(",", " ").split()
        elif test:
            yield from ((row, test[1]) for row in waiting)
            waiting = []
    yield from ((row, None) for row in waiting)


def fuzz_tests(path):
    return ((row, path.stem) for row, _ in commented_tests(path, IN_C))


def all_tests(complaints):
    """Row -> file -> names of tests."""
    found = {row: {} for row in ROWS}
    readers = [("*/**/test_*.py", python_tests), ("fuzz/fuzz_*.c", fuzz_tests),
               ("unit/*.c", lambda path: commented_tests(path, IN_C)),
               ("feature/**/*.sh", lambda path: commented_tests(path, IN_SHELL))]
    for pattern, read in readers:
        for path in sorted(TEST.glob(pattern)):
            for row, test in read(path):
                if row not in found:
                    complaints.append(f"{path}: there is no row {row}")
                elif not test:
                    complaints.append(f"{path}: row {row} is marked above no test")
                else:
                    names = found[row].setdefault(str(path.relative_to(TEST)), [])
                    if test not in names:
                        names.append(test)
    return found


def column(files):
    return "; ".join(f"{path}: {', '.join(names)}" for path, names in sorted(files.items()))


def check_row(row, verdict, remark, files, complaints):
    if verdict not in VERDICTS:
        complaints.append(f"{row}: '{verdict}' is no verdict: {', '.join(VERDICTS)}")
    if verdict != "closed" and not remark:
        complaints.append(f"{row}: {verdict}, but no word about why")
    if verdict != "not applicable" and not files:
        complaints.append(f"{row}: {verdict}, but no test carries its number")


def rewrite(text, found, complaints):
    """The table with its last column as the tests are now."""
    lines, seen = [], []
    for line in text.splitlines():
        if ROW.match(line):
            row, what, verdict, remark, _ = (cell.strip() for cell in
                                             line.strip().strip("|").split("|"))
            seen.append(row)
            check_row(row, verdict, remark, found.get(row), complaints)
            cells = (row, what, verdict, remark, column(found.get(row, {})))
            line = "".join(f"| {cell} " if cell else "| " for cell in cells) + "|"
        lines.append(line)
    if seen != ROWS:
        complaints.append(f"rows are missing, twice or astray: {sorted(set(ROWS) ^ set(seen))}")
    return "\n".join(lines) + "\n"


def main(arguments):
    complaints = []
    text = TABLE.read_text()
    now = rewrite(text, all_tests(complaints), complaints)
    if "--write" in arguments:
        TABLE.write_text(now)
    elif now != text:
        complaints.append("out of date: run test/style/leaks.py --write")
    for complaint in complaints:
        print(f"{TABLE.name}: {complaint}")
    return 1 if complaints else 0


sys.exit(main(sys.argv[1:]))
