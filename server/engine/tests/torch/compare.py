#!/usr/bin/env python3
"""Compares networks as the engine answers them with PyTorch itself, any number of them, one after the other.

    python3 -m venv new && new/bin/pip install torch torchvision timm transformers
    new/bin/python compare.py FAMILY [NAME…]             # vision, timm, language, mixed or operators; all of it, or these
    new/bin/python compare.py FAMILY --ways trace        # of dynamic (torch.export), trace and script
    new/bin/python compare.py FAMILY --keep DIR          # leaves the files in DIR and asks nothing; BERTH_TORCH=DIR
    new/bin/python compare.py FAMILY --test BINARY       # a test that is built already, not `cargo test`

Weights are random and seeded. Each network is written to a directory of its own, asked with batches and lengths of several extents, and
deleted. A trace keeps numbers that were those of its example; it is compared with what PyTorch answers by it.
"""

import argparse
import importlib
import os
import shutil
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import torch
from make import flat, write
from zoo import settled

warnings.filterwarnings("ignore")
CARGO = ["cargo", "test", "-p", "berth-engine", "--test", "torch", "--"]


def is_same(a, b):
    a, b = flat(a), flat(b)
    close = lambda x, y: x.shape == y.shape and (x.double() - y.double()).abs().max() <= 1e-4 * y.double().abs().max().clamp(min=1e-6)
    return len(a) == len(b) and all(x.numel() == y.numel() == 0 or close(x, y) for x, y in zip(a, b))


def traced(module, cases):
    """A trace, the cases that it can be asked with, and what is to be said of it."""
    trace = torch.jit.trace(module, tuple(v.clone() for v in cases[0].values()), check_trace=False)
    kept, notes = [], []
    for number, case in enumerate(cases):
        try:
            answers = trace(**{k: v.clone() for k, v in case.items()})
        except Exception:
            notes.append(f"torch cannot run the trace with case {number}")
            continue
        kept.append(case)
        if not is_same(answers, module(**{k: v.clone() for k, v in case.items()})):
            notes.append(f"the trace itself differs from the module in case {number}")
    return trace, kept, notes


def own_distance(module, cases):
    """How far torch itself is from what it computes in 64 bits, relative to the largest number, in the worst of the cases."""
    wide = lambda v: v.double() if v.is_floating_point() else v.clone()
    most, module = 0.0, module.float()
    for case in cases:
        single = flat(module(**{k: v.clone() for k, v in case.items()}))
        double = flat(module.double()(**{k: wide(v) for k, v in case.items()}))
        module.float()
        for x, y in zip(single, double):
            if x.shape == y.shape and x.numel():
                most = max(most, float((x.double() - y.double()).abs().max() / y.double().abs().max().clamp(min=1e-6)))
    return most


def ask(directory, test):
    """What the test says of what lies in a directory."""
    command = [test] if test else CARGO
    environment = {**os.environ, "BERTH_TORCH": str(directory)}
    run = subprocess.run([*command, "--nocapture", "every_program"], env=environment, capture_output=True, text=True)
    names = [d.name for d in Path(directory).iterdir()]
    lines = [line for line in run.stdout.splitlines() + run.stderr.splitlines() if any(line.startswith(f"{n}/") for n in names)]
    return lines or [f"the test ended with {run.returncode}: {run.stderr[-300:]}"]


def compare(name, make, way, root, test):
    directory = Path(root or tempfile.mkdtemp())
    try:
        torch.manual_seed(0)
        module, cases, dynamic = make()
        module = own = settled(module.eval(), cases[0])
        notes = []
        with torch.no_grad():
            if way == "trace":
                module, cases, notes = traced(module, cases)
        write(directory, f"{name}-{way}", module, cases, (way,), dynamic)
        lines = [f"{name}-{way}: written"] if root else ask(directory, test)
        if any(line.endswith(" off") for line in lines):
            try:
                notes.append(f"torch itself is {own_distance(own, cases):.1e} off what it computes in 64 bits")
            except RuntimeError as error:
                notes.append(f"torch has no other answer: {str(error)[:100]}")
        print("\n".join(lines + [f"  {note}" for note in notes]), flush=True)
    except Exception as error:
        print(f"{name}-{way}: torch: {type(error).__name__}: {str(error)[:200]}", flush=True)
    finally:
        if not root:
            shutil.rmtree(directory, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("family")
    parser.add_argument("names", nargs="*")
    parser.add_argument("--ways", default="dynamic,trace")
    parser.add_argument("--keep")
    parser.add_argument("--test", help="a binary")
    asked = parser.parse_args()
    family = importlib.import_module(f"zoo.{asked.family}")
    for name, make, *ways in family.networks():
        if asked.names and name not in asked.names:
            continue
        for way in asked.ways.split(","):
            if not ways or way in ways[0]:
                compare(name, make, way, asked.keep, asked.test)


if __name__ == "__main__":
    main()
