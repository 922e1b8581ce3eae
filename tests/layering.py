#!/usr/bin/env python3
"""Reads every #include and fails where an arrow between libraries turns back.

Usage: layering.py ROOT. The rules are docs/architecture.md's, in a form that a program can check.
"""
import pathlib
import re
import sys

CORE = {"base", "crypto", "bls", "merkle", "record"}
# What each folder of libs/ may include from libs/, beside itself.
ALLOWED = {
    "base": set(),
    "crypto": {"base"},
    "bls": {"base", "crypto"},
    "merkle": {"base", "crypto"},
    "record": {"base", "crypto", "bls"},
    "asset": CORE,
    "relay": CORE,
    "ledger": CORE,
    "hotstuff": CORE,
    "chopchop": CORE,
    "config": {"base"},
    "telemetry": {"base"},
    "storage": {"base", "crypto"},
    "rpc": {"base", "crypto"},
    "p2p": CORE | {"rpc", "telemetry", "storage"},
    "sim": CORE | {"storage", "p2p"},
    "wire": CORE | {"asset", "p2p", "hotstuff", "chopchop"},
}
PURE = CORE - {"crypto"} | {"asset", "relay", "ledger", "hotstuff", "chopchop"}
# A pure folder never names these: protocol code, the world outside, threads and time.
IMPURE = re.compile(
    r"<(grpc|google/protobuf|prometheus|rocksdb|yaml-cpp|thread|mutex|shared_mutex|fstream|random|"
    r"filesystem|condition_variable|atomic|future|unistd|sys/|fcntl|ctime|time\.h)")
# What a pure folder holds all the same, and why.
EXEMPT = {
    "libs/base/mutex.h": "the mutexes that threaded libraries use",
    "libs/base/whole_file.h": "whole files, for the start of programs",
    "libs/base/whole_file.cc": "whole files, for the start of programs",
    "libs/merkle/chunked_array.h": "memory that grows in place: pages, not files",
}
PROTO_USERS = {"wire", "rpc"}  # storage has etcd's protocol, not ours.
INCLUDE = re.compile(r'^\s*#\s*include\s+([<"][^>"]+[>"])', re.M)


def is_test(path):
    return path.stem.endswith(("_test", "_fuzz", "_benchmark", "_model")) or "testing" in path.parts


def check_library(path, root, problems):
    name = path.relative_to(root / "libs").parts[0]
    relative = str(path.relative_to(root))
    if name not in ALLOWED:
        problems.append(f"{relative}: libs/{name} has no rule in tests/layering.py")
        return
    for include in INCLUDE.findall(path.read_text()):
        target = include[1:-1]
        first = target.split("/")[0]
        if name in PURE and IMPURE.search(include) and relative not in EXEMPT and not is_test(path):
            problems.append(f"{relative}: {include} in a pure library")
        if first == "groat" and name not in PROTO_USERS and not is_test(path):
            problems.append(f"{relative}: {include}: only wire and rpc see protocol buffers")
        if target.startswith(("services/", "tools/")):
            problems.append(f"{relative}: {include}: a library includes a program")
        if first in ALLOWED and first != name and first not in ALLOWED[name] and not is_test(path):
            problems.append(f"{relative}: {include}: {name} may not include {first}")


def check_program(path, root, problems):
    """Programs: services/<name>, tools/, loadtest/; the last may use the command line's parts."""
    relative = path.relative_to(root)
    for include in INCLUDE.findall(path.read_text()):
        target = include[1:-1]
        if target.startswith("services/") and target.split("/")[:2] != list(relative.parts[:2]):
            problems.append(f"{relative}: {include}: services meet only through proto/")
        if target.startswith("tools/") and relative.parts[0] == "services":
            problems.append(f"{relative}: {include}: a service includes a tool")
        if target.startswith(("loadtest/", "tests/")) and relative.parts[0] != "loadtest":
            problems.append(f"{relative}: {include}: a program includes tests or benchmarks")
        if target.startswith("sim/") and not is_test(path):
            problems.append(f"{relative}: {include}: only tests use the simulation")


def main():
    root = pathlib.Path(sys.argv[1])
    problems = []
    libraries = sorted((root / "libs").rglob("*.h")) + sorted((root / "libs").rglob("*.cc"))
    for path in libraries:
        check_library(path, root, problems)
    programs = [path for folder in ("services", "tools", "loadtest")
                for kind in ("*.h", "*.cc") for path in sorted((root / folder).rglob(kind))]
    for path in programs:
        check_program(path, root, problems)
    for problem in problems:
        print(problem)
    print(f"{len(libraries)} library files, {len(programs)} program files, "
          f"{len(problems)} violations")
    return 1 if problems or not libraries else 0


if __name__ == "__main__":
    sys.exit(main())
