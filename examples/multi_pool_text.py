"""Words and keywords of texts: a class whose state is made once in each worker."""

from __future__ import annotations

import os
import sys
from collections import Counter

from snakepit import Context, command, init


class Text:
    @init
    def prepare(self, ctx: Context) -> frozenset[str]:
        """Return the words that are never keywords; commands find them as ctx.state."""
        return frozenset(ctx.config.get("stopwords", []))

    @command(idempotent=True)
    def words(self, text: str) -> int:
        """Count the words of a text."""
        return len(text.split())

    @command(idempotent=True)
    def keywords(self, text: str, ctx: Context, top: int = 3) -> list:
        """List the most frequent words that are not stopwords, with their counts."""
        words = (word.strip(".,;:!?\"'()").lower() for word in text.split())
        counts = Counter(word for word in words if word and word not in ctx.state)
        return [[word, count] for word, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:top]]

    @command(idempotent=True)
    def about(self) -> dict:
        """Tell which language, interpreter and process serve the call."""
        return {"language": os.environ["TEXT_LANGUAGE"], "python": sys.executable, "pid": os.getpid()}
