"""Line coverage by folder, and the longest uncovered stretches, from an lcov file."""

import argparse
from collections import defaultdict
from pathlib import Path

FOLDERS = ("compiler", "dialects", "passes", "runtime")


def read(path):
    """For each file, how often each line that holds code ran."""
    files = defaultdict(dict)
    for line in path.read_text().splitlines():
        if line.startswith("SF:"):
            lines = files[Path(line[3:])]
        elif line.startswith("DA:"):
            number, count = line[3:].split(",")[:2]
            lines[int(number)] = lines.get(int(number), 0) + int(count)
    return files


def stretches(lines):
    """(length, first, last) of every run of lines that did not execute; lines without code between them belong to it."""
    first = last = length = 0
    for number in sorted(lines):
        if lines[number] == 0:
            first = first or number
            last, length = number, length + 1
        elif first:
            yield length, first, last
            first = length = 0
    if first:
        yield length, first, last


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lcov", type=Path)
    parser.add_argument("--root", type=Path, default=Path.cwd())
    parser.add_argument("--top", type=int, default=25)
    arguments = parser.parse_args()

    files = {
        path.relative_to(arguments.root): lines
        for path, lines in read(arguments.lcov).items()
        if path.is_relative_to(arguments.root)
    }
    files = {path: lines for path, lines in files.items() if path.parts[0] in FOLDERS}
    folders = defaultdict(lambda: [0, 0])
    for path, lines in files.items():
        for folder in {path.parts[0], "/".join(path.parent.parts[:2])}:
            folders[folder][0] += sum(count > 0 for count in lines.values())
            folders[folder][1] += len(lines)
    print(f"{'folder':<28}{'lines':>8}{'covered':>10}")
    for folder, (covered, total) in sorted(folders.items()):
        if total:
            print(f"{folder:<28}{total:>8}{100 * covered / total:>9.1f}%")

    gaps = sorted(
        ((length, str(path), first, last) for path, lines in files.items() for length, first, last in stretches(lines)),
        key=lambda gap: (-gap[0], gap[1:]),
    )
    print(f"\nthe longest of {len(gaps)} uncovered stretches, in lines")
    for length, path, first, last in gaps[: arguments.top]:
        print(f"{length:>5}  {path}:{first}-{last}")


if __name__ == "__main__":
    main()
