"""The elements of a PubMed file, one after the other, each forgotten after its use.

Belongs here: everything about XML as such (well-formedness, entities, depth, memory). Does not:
what an element means (article, book, pubmed).

libxml2 limits entities, depth and the length of a text, but an abstract of 5 MB of Greek is
longer than the limit of texts, and the one switch (`huge_tree`) turns all of them off. So a
second parser with all limits on reads as far as the root element first, and a file that declares
any entity is refused there; depth stays limited (2,048), and so does the size of one element.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from lxml import etree  # pyright: ignore[reportAttributeAccessIssue] - ships no types

from kazu_platform.citations.archive import chunks
from kazu_platform.errors import MalformedFileError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

ROOTS = ("PubmedArticleSet", "PubmedBookArticleSet")
ELEMENTS = ("PubmedArticle", "PubmedBookArticle", "DeleteCitation", "DeleteDocument")
MAX_PROLOG_BYTES = 1024**2
MAX_ELEMENT_BYTES = 32 * 1024**2


class Placed(NamedTuple):
    """A child of the root element: where it stands (from 0), and what is wrong with it as XML."""

    position: int
    element: etree._Element
    problem: str | None = None


def elements(path: Path, *, max_bytes: int) -> Iterator[Placed]:
    """Every child of the root element, in order, known or not.

    An element is only valid until the next one is asked for.

    Raises:
        MalformedFileError: names the file, and the line where there is one: whatever `chunks`
            refuses, no well-formed XML, another root element, an entity declaration, an element
            of more than 32 MiB. It may come after some elements were yielded: what they held
            must not be published.
    """
    stream = chunks(path, max_bytes=max_bytes)
    parser = guarded_parser(events=("end",), tags=ELEMENTS, huge=True)
    window = _Window()
    try:
        for block in _from_the_prolog_on(path, stream):
            parser.feed(block)
            window.unseen += len(block)
            for _, element in parser.read_events():
                yield from window.move_to(element)
            if window.unseen > MAX_ELEMENT_BYTES:
                raise MalformedFileError.at(
                    path, f"one element is longer than {MAX_ELEMENT_BYTES:,} bytes."
                )
        yield from window.rest(parser.close())
    except etree.XMLSyntaxError as error:
        raise not_well_formed(path, error) from None


class _Window:
    """One child of the root element is kept at a time; the ones before it are freed.

    The last one stays as an empty shell until the next has come: libxml2 may still be appending
    to the text behind it.
    """

    def __init__(self) -> None:
        self.unseen = 0
        self._position = 0
        self._shell: etree._Element | None = None
        self._with_nested: list[etree._Element] = []

    def move_to(self, element: etree._Element) -> Iterator[Placed]:
        """The unknown elements before this one, then this one."""
        root = element.getparent()
        if root is None:  # the root itself has such a name: refused before
            return
        if root.getparent() is not None:
            self._with_nested.append(_child_of_root(element))
            return
        self.unseen = 0
        yield from self._skipped(root, element)
        yield self._placed(element)
        element.clear(keep_tail=True)
        self._shell = element

    def rest(self, root: etree._Element) -> Iterator[Placed]:
        """The unknown elements after the last known one."""
        while len(root):
            yield from self._leave(root, root[0])

    def _skipped(self, root: etree._Element, end: etree._Element) -> Iterator[Placed]:
        while (first := root[0]) is not end:
            yield from self._leave(root, first)

    def _leave(self, root: etree._Element, first: etree._Element) -> Iterator[Placed]:
        if first is not self._shell:
            yield self._placed(first)
        root.remove(first)

    def _placed(self, element: etree._Element) -> Placed:
        problem = None
        if self._with_nested and any(element is outer for outer in self._with_nested):
            problem = "it holds another citation or list of deletions"
            self._with_nested = [e for e in self._with_nested if e is not element]
        self._position += 1
        return Placed(self._position - 1, element, problem)


def _child_of_root(element: etree._Element) -> etree._Element:
    """The child of the root element that holds this one."""
    *_, child, _root = (element, *element.iterancestors())
    return child


def guarded_parser(
    *, events: Sequence[str], tags: Sequence[str] | None, huge: bool
) -> etree.XMLPullParser:
    """A parser that replaces no entity, fetches nothing and gives comments to nobody.

    Args:
        events: `start`, `end`; none if only the whole tree is wanted.
        tags: of which elements; of all if it is None.
        huge: turns off libxml2's limits on entities, depth and the length of a text: only for
            what was looked at before.

    `collect_ids` stays on: without it libxml2 opens what the DOCTYPE names, `load_dtd` or not.
    """
    return etree.XMLPullParser(
        events=events,
        tag=tags,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=huge,
        remove_comments=True,
        remove_pis=True,
    )


def _from_the_prolog_on(path: Path, stream: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes, once the prolog has proved harmless and the root element right."""
    head: list[bytes] = []
    scout = guarded_parser(events=("start",), tags=None, huge=False)
    root: etree._Element | None = None
    syntax_error: etree.XMLSyntaxError | None = None
    while root is None and syntax_error is None and (block := next(stream, b"")):
        head.append(block)
        try:
            scout.feed(block)
        except etree.XMLSyntaxError as error:
            syntax_error = error
        root = _first_element(scout.read_events())
        if root is None and sum(map(len, head)) > MAX_PROLOG_BYTES:
            raise MalformedFileError.at(
                path, f"there is no element in the first {MAX_PROLOG_BYTES:,} bytes."
            )
    if root is None:
        if syntax_error is not None:
            raise syntax_error
        raise MalformedFileError.at(path, "there is no XML element in it.")
    _check_prolog(path, root)
    del scout, root
    yield from head
    yield from stream


def _first_element(events: Iterable[tuple[str, etree._Element]]) -> etree._Element | None:
    return next((element for _, element in events), None)


def _check_prolog(path: Path, root: etree._Element) -> None:
    declared = root.getroottree().docinfo.internalDTD
    entity = next(declared.iterentities(), None) if declared is not None else None
    if entity is not None:
        raise MalformedFileError.at(
            path, f"it declares the entity {entity.name!r}; files of PubMed declare none."
        )
    if root.tag not in ROOTS:
        raise MalformedFileError.at(
            path, f"its root element is <{root.tag}>, not <{ROOTS[0]}>; is it a PubMed file?"
        )


def not_well_formed(path: Path, error: etree.XMLSyntaxError) -> MalformedFileError:
    """The error to raise for what libxml2 said."""
    reason, _, _ = str(error.msg).partition(", line ")
    return MalformedFileError.at(path, f"it is not well-formed XML: {reason}", line=error.lineno)
