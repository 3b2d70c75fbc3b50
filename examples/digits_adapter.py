"""Reads handwritten digits with a forest of trees that is trained once and shared by all workers.

The training runs at preload, in the process that workers are forked from: they share
its memory until they write to it, which reading a digit does not do. The pictures,
8 by 8 pixels from 0 to 16, come with scikit-learn; the last of them are kept from the
training, to be read.
"""

from __future__ import annotations

import numpy
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from snakepit import InvalidArgument, command, preload

TRAINED = 1500

PICTURES, LABELS = load_digits(return_X_y=True)
FOREST = RandomForestClassifier(n_estimators=100, random_state=0)


@preload
def train() -> None:
    """Grow the forest. It answers on the thread of the call: one that keeps helpers could not be forked."""
    FOREST.fit(PICTURES[:TRAINED], LABELS[:TRAINED])


@command(idempotent=True)
def classify(pixels: list[float]) -> dict:
    """Say which digit a picture of 64 pixels shows, and how sure that is."""
    if len(pixels) != PICTURES.shape[1]:
        raise InvalidArgument(f"pixels: want {PICTURES.shape[1]} numbers, got {len(pixels)}")
    shares = FOREST.predict_proba([pixels])[0]
    best = shares.argmax()
    return {"digit": int(FOREST.classes_[best]), "probability": round(float(shares[best]), 3)}


@command(idempotent=True)
def read(picture: int) -> dict:
    """Classify one of the pictures that were kept from the training, and tell what it really shows."""
    return {**classify(kept(picture).tolist()), "label": int(LABELS[TRAINED + picture])}


@command(idempotent=True)
def draw(picture: int) -> list:
    """Draw one of those pictures in letters, line by line."""
    return ["".join(INK[int(pixel * 9 / 16)] * 2 for pixel in row) for row in kept(picture).reshape(8, 8)]


@command(idempotent=True)
def score() -> dict:
    """Tell how many of those pictures are read right."""
    right = FOREST.predict(PICTURES[TRAINED:]) == LABELS[TRAINED:]
    return {"pictures": len(right), "right": int(right.sum())}


INK = " .:-=+*#%@"


def kept(picture: int) -> numpy.ndarray:
    """Return the pixels of a picture that was kept from the training."""
    if not 0 <= picture < len(PICTURES) - TRAINED:
        raise InvalidArgument(f"picture: there are pictures 0 to {len(PICTURES) - TRAINED - 1}, not {picture}")
    return PICTURES[TRAINED + picture]
