"""The unit suites that run on GPUs, and compute-sanitizer over them."""

import json
import shutil

from process import BUILD, Failure, run

SUITES = ["DeviceTest", "GemmTest", "CommCudaTest", "CommNcclTest", "CudaLibrariesTest"]
SANITIZED = {"memcheck": ["DeviceTest", "GemmTest", "CommCudaTest"], "racecheck": ["DeviceTest", "CommCudaTest"]}


def binary(suite):
    path = BUILD / "test" / "unit" / suite
    if not path.exists():
        raise Failure(f"{suite} is not built here")
    return path


def check(table, results):
    for suite in SUITES:
        report = results / f"{suite}.json"
        try:
            path = binary(suite)
        except Failure as failure:
            table.skip(suite, failure)
            continue
        error = ""
        try:
            run(path, f"--gtest_output=json:{report}")
        except Failure as failure:
            error = str(failure)
        if not report.exists():  # It ended before it could write.
            table.add(suite, False, error)
            continue
        tests = [test for group in json.loads(report.read_text())["testsuites"] for test in group["testsuite"]]
        failed = sum("failures" in test for test in tests)
        skipped = [test["name"] for test in tests if test["result"] == "SKIPPED"]
        # Suites that run on the CPU as well: here it is their other half that counts.
        unreached = any(name.endswith("/cuda") for name in skipped)
        skipped = len(skipped)
        passed = len(tests) - failed - skipped
        table.add(suite, failed == 0 and passed > 0 and not unreached, f"{passed} passed, {failed} failed, {skipped} skipped",
                  passed=passed, failed=failed, skipped=skipped)


def check_sanitizer(table, pack, index, tool):
    """Over the suites, and over a plan, where there is one."""
    sanitizer = shutil.which("compute-sanitizer")
    for check_name, suites in SANITIZED.items():
        commands = []
        for suite in suites:
            try:
                commands.append((suite, [binary(suite), "--gtest_filter=*cuda*:*Cuda*:*Conformance*"]))
            except Failure:
                continue
        if "feedforward.2x2" in index["parity"]:
            commands.append(("feedforward.2x2", [tool("fabric-run"), pack / "feedforward.2x2.bin", "--comm=local",
                                                 "--data=random", "--steps=3", "--quiet"]))
        for name, command in commands or [("suites and plans", None)]:
            what = f"{check_name}, {name}"
            if not sanitizer or not command:
                table.skip(what, "compute-sanitizer is not here" if not sanitizer else "nothing is built")
                continue
            try:
                run(sanitizer, f"--tool={check_name}", "--error-exitcode=9", *command, timeout=1800)
                table.add(what, True, "clean")
            except Failure as failure:
                table.add(what, False, str(failure))
