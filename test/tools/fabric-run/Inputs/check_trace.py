"""Checks a timeline of fabric-run against the plan that it is of.

    check_trace.py TRACE DESCRIPTION RANKS STEP...

DESCRIPTION is the output of fabric-run --describe, STEP a profiled one.
"""

import collections
import json
import re
import sys

trace, description = sys.argv[1:3]
ranks, steps = int(sys.argv[3]), [int(step) for step in sys.argv[4:]]
with open(trace) as file:
    events = json.load(file)["traceEvents"]

# "3: gemm %1:f32[16, 4] = ...  // model.mlir:7:8"
planned = {}
for line in open(description):
    if found := re.match(r"(\d+): (?:\[.*?\] )?(launch )?(\w+).*?(?:  // (.*))?$", line):
        name = found[3] + (f" at {found[4]}" if found[4] else "")
        planned[int(found[1])] = name
assert planned, "the description has no instructions"

tracks = collections.defaultdict(list)
for event in events:
    if event["ph"] == "X":
        tracks[event["pid"], event["tid"]].append(event)
assert {pid for pid, _ in tracks} == set(range(ranks)), sorted(tracks)

for (rank, thread), spans in tracks.items():
    # Spans of a track follow each other, or lie within each other.
    enclosing = []
    for span in sorted(spans, key=lambda span: (span["ts"], -span["dur"])):
        assert span["ts"] >= 0 and span["dur"] >= 0, span
        while enclosing and enclosing[-1] <= span["ts"] + 1e-6:
            enclosing.pop()
        end = span["ts"] + span["dur"]
        assert not enclosing or end <= enclosing[-1] + 1e-3, (rank, thread, span)
        enclosing.append(end)

for rank in range(ranks):
    seen = {}
    for (owner, _), spans in tracks.items():
        for span in spans if owner == rank else []:
            if "instruction" in span["args"]:
                key = span["args"]["step"], span["args"]["instruction"]
                assert key not in seen, key
                seen[key] = span["name"]
    assert seen == {(step, i): name for step in steps for i, name in planned.items()}, seen
    host = [span["name"] for span in tracks[rank, 0]]
    assert [name for name in host if name.startswith("step")] == [f"step {step}" for step in steps], host
print(f"{ranks} ranks, {len(planned)} instructions, steps {steps}")
