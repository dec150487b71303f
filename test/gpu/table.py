"""What was looked at, and what came out: a table for people and a JSON file. No number is written that was not measured."""

import json
from dataclasses import asdict, dataclass, field


@dataclass
class Row:
    what: str
    state: str  # "passed", "failed", "not run"
    found: str = ""
    wanted: str = ""
    figures: dict = field(default_factory=dict)


class Table:
    def __init__(self):
        self.rows = []

    def add(self, what, ok, found="", wanted="", **figures):
        self.rows.append(Row(what, "passed" if ok else "failed", found, wanted, figures))

    def skip(self, what, why, wanted=""):
        self.rows.append(Row(what, "not run", " ".join(str(why).split()), wanted))

    @property
    def failed(self):
        return any(row.state == "failed" for row in self.rows)

    def write(self, path, **facts):
        with open(path, "w") as file:
            json.dump({**facts, "rows": [asdict(row) for row in self.rows]}, file, indent=2)
            file.write("\n")

    def show(self):
        width = max(len(row.what) for row in self.rows)
        for row in self.rows:
            wanted = f"  (wanted: {row.wanted})" if row.wanted else ""
            print(f"{row.what:<{width}}  {row.state:<8} {row.found}{wanted}")
