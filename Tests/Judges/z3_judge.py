"""Decides conditions with Z3.

Reads a JSON object from the file named by the first argument: "entries" and, where not all of them have to be judged, "seconds", after
which it stops. Each entry has "declarations" and "facts" (lists of SMT-LIB commands and terms) and "goal" (a term). Prints one word per
entry: "proved" when the facts imply the goal, "refuted" when
they exclude it, "open" when neither, "empty" when nothing satisfies the facts, "unknown" when Z3 gives up.
"""

import json
import sys
import time

import z3


def answer(entry):
    text = "\n".join(entry["declarations"] + [f"(assert {fact})" for fact in entry["facts"]])
    solver = z3.Solver()
    solver.set("timeout", 2000)
    solver.from_string(text)
    declarations = "\n".join(entry["declarations"])
    goal = z3.parse_smt2_string(f"{declarations}\n(assert {entry['goal']})")[0]
    holds = solver.check(goal)
    fails = solver.check(z3.Not(goal))
    if holds == z3.unsat and fails == z3.unsat:
        return "empty"
    if fails == z3.unsat:
        return "proved"
    if holds == z3.unsat:
        return "refuted"
    if holds == z3.sat and fails == z3.sat:
        return "open"
    return "unknown"


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        request = json.load(file)
    end = time.monotonic() + request.get("seconds", float("inf"))
    for entry in request["entries"]:
        if time.monotonic() > end:
            break
        print(answer(entry))


if __name__ == "__main__":
    main()
