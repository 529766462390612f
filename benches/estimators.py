"""See estimators.sh. Random data, seeded: a forest of 200 trees, and TF-IDF with logistic regression over 50,000 words; one row each."""

import argparse
import pickle
import tempfile
import warnings
from pathlib import Path

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from peer import Berth, rounds

FEATURES, WORDS = 20, 50_000


def models():
    """Name, model, one row for it, runs of one round of ours and of theirs."""
    rng = np.random.default_rng(1)
    x = rng.normal(0, 1, (5_000, FEATURES))
    y = (x[:, 0] * x[:, 1] + np.sin(3 * x[:, 2]) + rng.normal(0, 1, len(x)) > 0).astype(int)
    yield "forest of 200 trees", RandomForestClassifier(200, random_state=1, n_jobs=1).fit(x, y), x[:1], 2000, 50
    words = np.array([f"{chr(97 + n % 26)}word{n}" for n in range(WORDS)])
    share = 1 / np.arange(1, WORDS + 1)
    documents = [" ".join(rng.choice(words, 150, p=share / share.sum())) for _ in range(4_000)]
    documents += [" ".join(words[n : n + 250]) for n in range(0, WORDS, 250)]
    topics = rng.integers(0, 4, len(documents))
    model = make_pipeline(TfidfVectorizer(), LogisticRegression(max_iter=20)).fit(documents, topics)
    yield f"TF-IDF of {len(model[0].vocabulary_)} words + logistic regression", model, documents[:1], 2000, 300


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--berth", required=True)
    options.add_argument("--rounds", type=int, default=5)
    options = options.parse_args()
    warnings.simplefilter("ignore")
    print("| model | Berth ms | scikit-learn ms | Berth / scikit-learn |\n| --- | --- | --- | --- |")
    for name, model, row, own, peer in models():
        with tempfile.TemporaryDirectory() as root:
            root = Path(root)
            (root / "model.pkl").write_bytes(pickle.dumps(model))
            berth = Berth(options.berth, 1)
            berth.ask(f"load {root}")
            if isinstance(row, list):
                (root / "document").write_text(row[0])
                berth.ask(f"document text {root / 'document'}")
            else:
                np.save(root / "row.npy", row)
                berth.ask(f"input features {root / 'row.npy'}")
            columns = rounds(berth, lambda: model.predict(row), options.rounds, own, peer, (4, 4))
            print(f"| {name} | {columns} |", flush=True)
            berth.close()


main()
