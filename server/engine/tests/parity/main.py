#!/usr/bin/env python3
"""Makes the rows of one part: `main.py layers`, `main.py saving`, `main.py applications`, `main.py networks FIRST COUNT`."""

import importlib
import sys

import protocol

if __name__ == "__main__":
    module = importlib.import_module(sys.argv[1])
    protocol.serve(module.rows(*sys.argv[2:]))
