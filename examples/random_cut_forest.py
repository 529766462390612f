#!/usr/bin/env python3
"""Trains a random cut forest and writes it in the format that Berth reads (numpy is all that it needs).

    python random_cut_forest.py points.csv model/forest.json --trees 100 --samples 256 --seed 1
    tar -C model -czf forest.tar.gz forest.json

Each line of the CSV is a point. Each tree is grown over a random sample of them: a box around the points is cut at a place that is
drawn evenly along all its sides, and so on within both halves until each point is alone. The format is described in
server/engine/src/formats/random_cut/open.rs; `score` says what a point's anomaly score by such a forest is.
"""

import argparse
import json
import math

import numpy as np


def grow(points, rng):
    """Cuts and leaves of a tree over points, which may be there more than once; leaves are numbered as `points` are."""
    distinct, first, masses = np.unique(points, axis=0, return_index=True, return_counts=True)
    cuts, leaves = [], []

    def below(rows):
        if len(rows) == 1:
            leaves.append([int(first[rows[0]]), int(masses[rows[0]])])
            return ~(len(leaves) - 1)
        low, high = distinct[rows].min(0), distinct[rows].max(0)
        sides = (high - low).astype(np.float64)
        at = rng.random() * sides.sum()
        dimension = min(int(np.searchsorted(np.cumsum(sides), at, side="right")), len(sides) - 1)
        while sides[dimension] == 0:
            dimension -= 1
        value = np.float32(low[dimension] + rng.random() * sides[dimension])
        if value >= high[dimension]:
            value = np.nextafter(high[dimension], low[dimension])
        number = len(cuts)
        cuts.append([dimension, float(value), None, None])
        left = distinct[rows, dimension] <= value
        cuts[number][2:] = [below(rows[left]), below(rows[~left])]
        return number

    below(np.arange(len(distinct)))
    return {"cuts": cuts, "leaves": leaves}


def train(points, trees, samples, seed):
    rng = np.random.default_rng(seed)
    points = np.asarray(points, np.float32)
    grown, used = [], []
    for _ in range(trees):
        sample = rng.choice(len(points), min(samples, len(points)), replace=False)
        tree = grow(points[sample], rng)
        for leaf in tree["leaves"]:
            leaf[0] = int(sample[leaf[0]])
        used += [leaf[0] for leaf in tree["leaves"]]
        grown.append(tree)
    # Only points that are in some tree are kept.
    kept = {point: number for number, point in enumerate(sorted(set(used)))}
    for tree in grown:
        tree["leaves"] = [[kept[point], mass] for point, mass in tree["leaves"]]
    return {
        "format": "random-cut-forest",
        "version": 1,
        "dimensions": points.shape[1],
        "points": points[list(kept)].astype(float).tolist(),
        "trees": grown,
    }


def score(forest, point):
    """The anomaly score of a point: the mean over trees, by the definition of Guha et al. as AWS's open library has it."""
    points, point = np.asarray(forest["points"], np.float32), np.asarray(point, np.float32)
    total = 0.0
    for tree in forest["trees"]:
        cuts, leaves = tree["cuts"], tree["leaves"]
        mass = sum(m for _, m in leaves)

        def inside(node):
            if node < 0:
                return points[leaves[~node][0]][None]
            return np.concatenate([inside(cuts[node][2]), inside(cuts[node][3])])

        def at(node, depth):
            if node < 0:
                own, many = leaves[~node]
                if (points[own] == point).all():
                    return (1 - many / (2 * mass)) / (depth + math.log2(many + 1)), True
                return 1 / (depth + 1), False
            dimension, value, left, right = cuts[node]
            found, known = at(left if point[dimension] <= value else right, depth + 1)
            low, high = inside(node).min(0), inside(node).max(0)
            outside = float((np.maximum(low - point, 0) + np.maximum(point - high, 0)).sum())
            if known or outside <= 0:
                return found, True
            parted = outside / (outside + float((high - low).sum()))
            return parted / (depth + 1) + (1 - parted) * found, False

        total += at(0 if cuts else -1, 0)[0] * math.log2(mass + 1)
    return total / len(forest["trees"])


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("points", help="a CSV file, a point in each line")
    options.add_argument("forest", help="the file to write")
    options.add_argument("--trees", type=int, default=100)
    options.add_argument("--samples", type=int, default=256)
    options.add_argument("--seed", type=int, default=1)
    options = options.parse_args()
    points = np.loadtxt(options.points, delimiter=",", dtype=np.float32, ndmin=2)
    with open(options.forest, "w") as file:
        json.dump(train(points, options.trees, options.samples, options.seed), file)


if __name__ == "__main__":
    main()
