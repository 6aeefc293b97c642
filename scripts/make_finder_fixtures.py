"""Directions that scikit-learn finds in a few made-up activations: test/fixtures/finders.json.

    python scripts/make_finder_fixtures.py     # needs numpy and scikit-learn

What repeng (github.com/vgel/repeng) does with scikit-learn's PCA is done here step by step, so that
neither it nor a model is needed; the logistic regression is that of src/vectors/finders/logisticProbe.ts.
"""

import json
import sys
from pathlib import Path

if __name__ == "__main__" and {"-h", "--help"} & set(sys.argv):
    sys.exit(print(__doc__))

import numpy as np
import sklearn
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression

PAIRS, LAYERS, WIDTH = 9, 2, 14


def first_component(rows, positive, negative):
    """scikit-learn's component, with repeng's sign: most pairs have their positive text further along."""
    unit = PCA(n_components=1, svd_solver="full").fit(rows).components_[0]
    apart = (positive - negative) @ unit
    return -unit if (apart < 0).sum() > (apart > 0).sum() else unit


def directions(positive, negative):
    differences = positive - negative
    middles = (positive + negative) / 2
    interleaved = np.empty((2 * len(positive), positive.shape[1]))
    interleaved[::2] = positive - middles
    interleaved[1::2] = negative - middles
    rows = np.concatenate([positive, negative])
    rows = rows - rows.mean(axis=0)
    probe = LogisticRegression(C=1.0, solver="newton-cholesky", tol=1e-12, max_iter=1000)
    labels = [1] * len(positive) + [0] * len(negative)
    weights = probe.fit(rows / np.sqrt((rows**2).mean()), labels).coef_[0]
    found = {
        "pca_diff": first_component(differences, positive, negative),
        "pca_center": first_component(interleaved, positive, negative),
        "logistic_probe": weights / np.linalg.norm(weights),
        "mean_difference": differences.mean(axis=0) / np.linalg.norm(differences.mean(axis=0)),
    }
    return {name: unit.tolist() for name, unit in found.items()}


def main():
    random = np.random.default_rng(5)
    shift = random.normal(size=(LAYERS, WIDTH))
    spread = random.normal(size=(LAYERS, WIDTH))
    # Multiples of 1/64 are the same numbers in float32.
    exact = lambda x: np.round(x * 64) / 64
    texts = 3 * random.normal(size=(PAIRS, LAYERS, WIDTH))
    amounts = random.normal(size=(PAIRS, 1, 1))
    noise = 0.7 * random.normal(size=(PAIRS, LAYERS, WIDTH))
    negative = exact(texts)
    positive = exact(texts + shift + amounts * spread + noise)
    by_layer = [directions(positive[:, layer], negative[:, layer]) for layer in range(LAYERS)]
    fixture = {
        "made_by": f"scripts/make_finder_fixtures.py, scikit-learn {sklearn.__version__}, numpy {np.__version__}",
        "positive": positive.reshape(PAIRS, -1).tolist(),
        "negative": negative.reshape(PAIRS, -1).tolist(),
        "directions": {name: [layer[name] for layer in by_layer] for name in by_layer[0]},
    }
    path = Path(__file__).parent.parent / "test" / "fixtures" / "finders.json"
    path.write_text(json.dumps(fixture, indent=1) + "\n")


if __name__ == "__main__":
    main()
