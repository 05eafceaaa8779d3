"""Every answer that is none, made from what a contract requires of one operation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ops.simulators.spoiling import AS_IT_IS, Place, Spoiling, cut_in_half, instead, with_members
from tests.boundary.answer_shapes import Shape

HTML = "<!DOCTYPE html><html><head><title>Sign in</title></head><body>Please sign in.</body></html>"
ERROR_OBJECTS = ('{"Message":"An error has occurred."}', '{"message":"Internal error"}', '{"error":{"code":"E17"}}')
NO_NUMBERS = ("0", '"0"', "-1", "false", "NaN", "[]", '" "')
NO_TEXTS = ('""', '" "', "false", "NaN", "[]", "{}")
NO_COUNTS = ("-1", "null", '"many"', "1.5", "true")
OF_ANOTHER_TYPE = {"string": "17", "integer": '"many"', "number": '"many"', "boolean": '"maybe"', "array": "{}"}
# The contract gives these a meaning: there is no such partner.
MEANT = {"getPartner": {"empty", "null"}}


@dataclass(frozen=True)
class OddAnswer:
    """`bare` is the same oddity where nothing was carried out. `of_record` marks a record that is there and faulty:
    a person may have to look at that one."""

    name: str
    spoiling: Spoiling
    bare: str | None = None
    of_record: bool = False
    needs_record: bool = False
    """Whether there must be a record in the true answer, to be made odd."""
    seconds: float = 0.0
    """How long the answer drips: longer than anybody waits."""


def odd_answers(shape: Shape) -> list[OddAnswer]:
    """All of them for one operation."""
    meant = MEANT.get(shape.operation, set())
    return [one for one in (*_bodies(shape), *_members(shape)) if one.name not in meant]


def _bodies(shape: Shape) -> Iterator[OddAnswer]:
    texts = {text: text for text in (*ERROR_OBJECTS, "{}", "null", "[]", '""')} | {"empty": "", "an HTML page": HTML}
    for name, body in texts.items():
        # Where no body is owed, only a page for people's eyes tells that nothing was carried out.
        bare = body if shape.is_owed or body == HTML else None
        yield OddAnswer(name, instead(name, body, "text/html" if body == HTML else "application/json"), bare)
    if shape.is_owed:
        yield OddAnswer("half a JSON", Spoiling("half a JSON", cut_in_half), needs_record=not shape.is_page)
    yield OddAnswer("a drip", Spoiling("a drip", lambda answer: answer), seconds=3600.0)


def _members(shape: Shape) -> Iterator[OddAnswer]:
    if shape.is_page:
        yield from _page_members(shape)
        yield from _record_members(shape, (str(shape.list_member), 0))
    elif shape.is_owed:
        yield from _record_members(shape, ())


def _page_members(shape: Shape) -> Iterator[OddAnswer]:
    rows = str(shape.list_member)
    total = next(name for name in shape.counts if name != "PageCount")
    yield _changed("the list missing", ((rows,), None))
    for text in ("null", "{}", '"none"'):
        # A list without rows may be null where the contract says so; with rows it may not.
        yield _changed(f"the list {text}", ((rows,), text), ((total,), "3"))
    yield _changed("a list of no objects", ((rows,), '[1,null,"x"]'), ((total,), "3"))
    yield _changed("no rows of three", ((rows,), "[]"), ((total,), "3"))
    yield _changed("rows of none", ((total,), "0"), ((rows, 0), AS_IT_IS))
    for count in shape.counts:
        yield _changed(f"{count} missing", ((count,), None))
        yield from (_changed(f"{count} {text}", ((count,), text)) for text in NO_COUNTS)
    if "PageCount" in shape.counts:
        yield _changed("PageCount 0 with rows", (("PageCount",), "0"), ((rows, 0), AS_IT_IS))
        yield _changed("PageCount a million", (("PageCount",), "1000000"))


def _record_members(shape: Shape, place: Place) -> Iterator[OddAnswer]:
    record, where = shape.record, "in a row" if place else "in the record"
    if record.identity is not None:
        identity = record.identity
        yield _changed(f"id missing {where}", ((*place, identity), None), bare='{"Message":"Batch is closed"}')
        for text in ("null", *(NO_NUMBERS if record.has_number else NO_TEXTS)):
            bare = f'{{"{identity}":{text},"Message":"Batch is closed"}}'
            yield _changed(f"id {text} {where}", ((*place, identity), text), bare=bare)
    if shape.is_write:
        return
    for name, kind in record.required.items():
        if name != record.identity:
            yield _changed(f"{name} missing {where}", ((*place, name), None), of_record=True)
            yield _changed(f"{name} null {where}", ((*place, name), "null"), of_record=True)
            odd = OF_ANOTHER_TYPE.get(kind, "5")
            yield _changed(f"{name} of another type {where}", ((*place, name), odd), of_record=True)


def _changed(
    name: str, *changes: tuple[Place, str | None], bare: str | None = None, of_record: bool = False
) -> OddAnswer:
    needs_record = any(0 in place for place, _ in changes) or bare is not None or of_record
    return OddAnswer(name, with_members(name, changes), bare, of_record, needs_record)
