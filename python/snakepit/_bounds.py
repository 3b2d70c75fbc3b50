"""What Annotated adds to a hint: a description, and the bounds of a value.

A string describes. An object with attributes of annotated_types' names (ge, gt,
le, lt, multiple_of, min_length, max_length) bounds, whoever made its class; so
does a pydantic Field, whose `metadata` holds such objects. Anything else is
somebody else's.
"""

from __future__ import annotations

from ._contract import Contract
from ._errors import AdapterError, InvalidArgument

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any, Callable

# attribute -> the word of JSON Schema, what a person reads, how to ask
BOUNDS: dict[str, tuple[str, str, Callable[[Any, Any], bool]]] = {
    "ge": ("minimum", "at least", lambda value, bound: value >= bound),
    "gt": ("exclusiveMinimum", "more than", lambda value, bound: value > bound),
    "le": ("maximum", "at most", lambda value, bound: value <= bound),
    "lt": ("exclusiveMaximum", "less than", lambda value, bound: value < bound),
    "multiple_of": ("multipleOf", "a multiple of", lambda value, bound: value % bound == 0),
    "min_length": ("minLength", "a length of at least", lambda value, bound: len(value) >= bound),
    "max_length": ("maxLength", "a length of at most", lambda value, bound: len(value) <= bound),
}
LENGTHS = {"array": ("minItems", "maxItems"), "object": ("minProperties", "maxProperties")}


def bounded(contract: Contract, metadata: Iterable[Any], where: str) -> Contract:
    """Return the contract with what the metadata of an Annotated adds to it."""
    schema = dict(contract.schema)
    bounds = []
    for item in _flat(metadata):
        description = item if isinstance(item, str) else getattr(item, "description", None)
        if isinstance(description, str):
            schema["description"] = description
            continue
        for attribute, (word, text, fits) in BOUNDS.items():
            bound = getattr(item, attribute, None)
            if bound is None or callable(bound):
                continue
            if attribute.endswith("_length"):
                lengths = LENGTHS.get(str(schema.get("type")), ("minLength", "maxLength"))
                word = lengths[attribute == "max_length"]
            schema[word] = bound
            bounds.append((fits, bound, f"want {text} {bound}"))
    if not bounds:
        return Contract(contract.check, schema)
    inner = contract.check

    def check(value: Any, path: str) -> Any:
        if inner is not None:
            value = inner(value, path)
        for fits, bound, want in bounds:
            try:
                good = fits(value, bound)
            except TypeError as err:
                raise AdapterError(f"{where}: cannot compare the value with a bound of Annotated: {err}") from None
            if not good:
                raise InvalidArgument(f"{path}: {want}, got {value!r:.60}")
        return value

    return Contract(check, schema)


def _flat(metadata: Iterable[Any]) -> Iterator[Any]:
    for item in metadata:
        yield item
        inner = getattr(item, "metadata", None)
        if isinstance(inner, (list, tuple)):
            yield from inner
