"""See knn.sh. Random vectors, seeded: 100,000 of 128 numbers; ten neighbours of each query."""

import argparse
import tempfile
from pathlib import Path

import faiss
import numpy as np

from peer import Berth, rounds

COUNT, WIDTH, NEIGHBOURS = 100_000, 128, 10
# Indexes, and whether by inner product.
INDEXES = [("Flat", False), ("Flat", True), ("IVF256,Flat", False), ("IVF256,PQ16", False)]
# Queries of a request, and runs of one round.
SIZES = [(1, 60), (8, 20), (64, 15), (1000, 2)]


def build(factory, product, x):
    index = faiss.index_factory(WIDTH, factory, faiss.METRIC_INNER_PRODUCT if product else faiss.METRIC_L2)
    index.train(x[:20_000])
    index.add(x)
    if "IVF" in factory:
        index.nprobe = 16
    return index


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--berth", required=True)
    options.add_argument("--threads", default="1,2")
    options.add_argument("--rounds", type=int, default=5)
    options = options.parse_args()
    rng = np.random.default_rng(1)
    x = rng.normal(0, 1, (COUNT, WIDTH)).astype(np.float32)
    queries = rng.normal(0, 1, (max(size for size, _ in SIZES), WIDTH)).astype(np.float32)
    indexes = [build(factory, product, x) for factory, product in INDEXES]
    print("| threads | index | queries | Berth ms | FAISS ms | Berth / FAISS |\n| --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as root:
        root = Path(root)
        for n, index in enumerate(indexes):
            (root / str(n)).mkdir()
            faiss.write_index(index, str(root / str(n) / "index"))
        for threads in map(int, options.threads.split(",")):
            faiss.omp_set_num_threads(threads)
            for n, (index, (factory, product)) in enumerate(zip(indexes, INDEXES)):
                berth = Berth(options.berth, threads)
                berth.ask(f"load {root / str(n)}")
                for size, times in SIZES:
                    rows = np.ascontiguousarray(queries[:size])
                    np.save(root / "x.npy", rows)
                    berth.ask(f"input features {root / 'x.npy'}")
                    columns = rounds(berth, lambda: index.search(rows, NEIGHBOURS), options.rounds, times, times)
                    print(f"| {threads} | {factory} {'IP' if product else 'L2'} | {size} | {columns} |", flush=True)
                berth.close()


main()
