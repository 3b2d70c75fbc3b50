"""Compares texts by their meaning, with the tokenizer and the 256 numbers for each token that WordLlama ships.

Nothing is downloaded: both are files of the installed package. They are read at preload,
and shared by all workers.
"""

from __future__ import annotations

from pathlib import Path

import wordllama
from snakepit import InvalidArgument, command
from wordllama import WordLlama

MODEL = WordLlama.load(cache_dir=Path(wordllama.__file__).parent, disable_download=True)


@command(idempotent=True)
def tokens(text: str) -> list:
    """Split a text into the tokens that the model knows."""
    return MODEL.tokenizer.encode(text, add_special_tokens=False).tokens


@command(idempotent=True)
def embed(text: str) -> list:
    """Return the 256 numbers that stand for a text."""
    return MODEL.embed([text])[0].tolist()


@command(idempotent=True)
def similarity(a: str, b: str) -> float:
    """Say how near two texts are in meaning: 1 for the same."""
    return round(float(MODEL.similarity(a, b)), 4)


@command(idempotent=True)
def rank(query: str, texts: list[str]) -> list:
    """Sort texts by how near they are to a query, the nearest first."""
    if not texts:
        raise InvalidArgument("texts is empty: there is nothing to rank")
    return [{"text": text, "score": round(float(score), 4)} for text, score in MODEL.rank(query, texts)]
