#!/usr/bin/env python3
"""Puts printed tables into a page.

    tables.py PAGE.md FOLDER

What stands in PAGE.md between the lines `<!-- bench: NAME -->` and `<!-- bench end -->` is replaced by FOLDER/NAME.md,
where that file exists.
"""
import os
import re
import sys

BLOCK = re.compile(r"(<!-- bench: (\S+) -->\n).*?(<!-- bench end -->)", re.DOTALL)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    page, folder = sys.argv[1:]

    def fill(block):
        path = os.path.join(folder, block.group(2) + ".md")
        if not os.path.exists(path):
            return block.group(0)
        with open(path, encoding="utf-8") as file:
            return block.group(1) + file.read().strip("\n") + "\n" + block.group(3)

    with open(page, encoding="utf-8") as file:
        text = file.read()
    with open(page, "w", encoding="utf-8") as file:
        file.write(BLOCK.sub(fill, text))


if __name__ == "__main__":
    main()
