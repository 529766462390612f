"""What the benchmarks beside Python libraries share: the engine's side as a process, and rounds of both sides in turn."""

import os
import subprocess
import time

import numpy as np


class Berth:
    """`examples/bench.rs` of the engine: a command by line, an answer by line."""

    def __init__(self, program, threads):
        environment = {**os.environ, "RAYON_NUM_THREADS": str(threads)}
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().strip()
        assert answer and not answer.startswith("error"), (line, answer)
        return answer

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def median(run, times):
    """Seconds of one of several runs."""
    took = []
    for _ in range(times):
        begun = time.perf_counter()
        run()
        took.append(time.perf_counter() - begun)
    return float(np.median(took))


def rounds(berth, peer, count, own, theirs, digits=(3, 3)):
    """Columns of a table: milliseconds of either side, their ratio and its range; digits of times and of ratios."""
    ours, others = [], []
    for _ in range(count):
        # The peer's threads look for work for a while before they sleep.
        time.sleep(0.05)
        ours.append(int(berth.ask(f"run {own}").split()[0]) / 1e9)
        others.append(median(peer, theirs))
    ratios = np.array(ours) / np.array(others)
    fine, share = digits
    times = " | ".join(f"{np.median(side) * 1e3:.{fine}f}" for side in (ours, others))
    return f"{times} | {np.median(ratios):.{share}f} ({ratios.min():.{share}f} to {ratios.max():.{share}f})"
