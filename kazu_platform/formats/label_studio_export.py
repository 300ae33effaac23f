"""Label Studio, an export in: what people made of the tasks that they were shown.

Format: https://labelstud.io/guide/export (type JSON, not JSON_MIN). A file that came over a network
and through many hands is believed nothing: every field that is read is checked, and an error names
the task and the field.

Label Studio counts code points. Versions before autumn 2021 counted UTF-16 code units: a region
whose own text does not stand where it says, but stands there in code units, is read so.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from kazu_platform.documents import Document, Section
from kazu_platform.errors import MalformedFileError
from kazu_platform.formats.label_studio import (
    CLASSES,
    CONCEPT,
    FORMAT_VERSION,
    OTHER,
    TEXT,
    concept_of_choice,
)
from kazu_platform.text.utf16 import code_point_offset, utf16_offsets

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

MAX_BYTES: Final = 256 << 20
"""Size above which a file is refused: far more than people can annotate."""

MAX_SHOWN: Final = 20
"""Tasks with problems that an error lists."""

MANUAL: Final = "Label Studio"
_KINDS: Final = {
    dict: "an object",
    list: "a list",
    str: "text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    type(None): "null",
}
_ESCAPED_BREAK: Final = "\\n"


@dataclass(frozen=True, slots=True)
class Region:
    """A mention as people left it: code points of the task's text, end exclusive; no blank ends.

    `concept_id` is None where it means no concept that anybody knows.
    """

    start: int
    end: int
    entity_class: str
    concept_id: str | None

    @property
    def key(self) -> tuple[int, int, str]:
        """What makes two regions one mention."""
        return self.start, self.end, self.entity_class


@dataclass(frozen=True, slots=True)
class ShownRegion:
    """A mention as it was shown; `name` is None if it is discontinuous, so that it is no name."""

    region: Region
    name: str | None
    context: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What one person submitted for a task."""

    annotator: str
    ground_truth: bool
    regions: tuple[Region, ...]


@dataclass(frozen=True, slots=True)
class ReviewedTask:
    """A task with its answers; none if nobody submitted one."""

    name: str
    document: Document
    text: str
    starts: tuple[int, ...]
    complete: bool
    shown: tuple[ShownRegion, ...]
    answers: tuple[Answer, ...]

    def section_of(self, region: Region) -> int | None:
        """The section that holds a region; None if it goes beyond the end of one."""
        for place, start in enumerate(self.starts):
            if start <= region.start:
                end = start + len(self.document.sections[place].text)
                if region.end <= end:
                    return place
        return None

    def name_at(self, region: Region) -> str:
        """What stands there, on one line."""
        return " ".join(self.text[region.start : region.end].split())


def read_export(path: Path) -> list[ReviewedTask]:
    """The tasks of an export, in its order.

    Raises:
        MalformedFileError: it is no JSON export of Label Studio, or not of tasks that we made;
            names each task that is wrong, and its field.
    """
    tasks = _parsed(path)
    if not isinstance(tasks, list):
        raise MalformedFileError.at(
            path, f"holds {_kind(tasks)}, should be a list of tasks; export as JSON."
        )
    read: list[ReviewedTask] = []
    problems: list[str] = []
    for number, value in enumerate(tasks):
        try:
            read.append(_task(_Field(value, _called(value, number))))
        except ValueError as problem:
            problems.append(str(problem))
    if problems:
        listed = problems[:MAX_SHOWN]
        if len(problems) > MAX_SHOWN:
            listed.append(f"and {len(problems) - MAX_SHOWN} more tasks.")
        raise MalformedFileError("\n".join(f"{path}, {each}" for each in listed))
    return read


class _Field:
    """A value of the export, and where it stands."""

    def __init__(self, value: Any, where: str, key: str = "") -> None:  # noqa: ANN401 - JSON
        self.value, self.where, self.key = value, where, key

    def wrong(self, problem: str) -> ValueError:
        """What is wrong with it, and where."""
        at = f"{self.where}, {self.key}" if self.key else self.where
        return ValueError(f"{at}: {problem}.")

    def of(self, *kinds: type) -> Any:  # noqa: ANN401 - JSON
        """The value, which is of one of some kinds; true is no number."""
        if type(self.value) not in kinds:
            wanted = " or ".join(_KINDS[kind] for kind in kinds)
            raise self.wrong(f"is {_kind(self.value)}, should be {wanted}")
        return self.value

    def text(self) -> str:
        """Text that can be written to a file."""
        value: str = self.of(str)
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            raise self.wrong("holds half a character (a lone surrogate)") from None
        return value

    def maybe_text(self) -> str | None:
        """Text, or null."""
        return None if self.value is None else self.text()

    def get(self, key: str) -> _Field:
        """A part that has to be there."""
        if key not in self.of(dict):
            raise _Field(None, self.where, self._below(key)).wrong("is missing")
        return _Field(self.value[key], self.where, self._below(key))

    def find(self, key: str) -> _Field | None:
        """A part that may be missing or null."""
        return None if self.of(dict).get(key) is None else self.get(key)

    def items(self) -> Iterator[_Field]:
        """The parts of a list."""
        for place, value in enumerate(self.of(list)):
            yield _Field(value, self.where, f"{self.key}[{place}]")

    def _below(self, key: str) -> str:
        return f"{self.key}.{key}" if self.key else key


def _parsed(path: Path) -> Any:  # noqa: ANN401 - JSON
    with path.open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise MalformedFileError.at(path, f"is larger than {MAX_BYTES >> 20} MiB; export in parts.")
    try:
        return json.loads(content.decode("utf-8-sig"), parse_constant=_no_number)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        problem = f"byte {content[error.start]:#04x} is no UTF-8."
        raise MalformedFileError.at(path, problem, line=line) from None
    except RecursionError:
        raise MalformedFileError.at(path, "is nested too deeply; that is no export.") from None
    except ValueError as error:
        raise MalformedFileError.at(path, f"is no JSON: {error}.") from None


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no number of JSON")


def _kind(value: Any) -> str:  # noqa: ANN401 - JSON
    return _KINDS.get(type(value), "something else")


def _called(value: Any, number: int) -> str:  # noqa: ANN401 - JSON
    """A task by its id, or by its place where it has none."""
    name = value.get("id") if isinstance(value, dict) else None
    known = isinstance(name, (int, str)) and not isinstance(name, bool)
    return f"task {str(name)[:40]!s}" if known else f"task at place {number + 1}"


def _task(task: _Field) -> ReviewedTask:
    data, annotations = task.get("data"), task.get("annotations")
    version = data.get("kazu_format")
    if version.of(int) != FORMAT_VERSION:
        raise version.wrong(f"is {version.value}, should be {FORMAT_VERSION}; export the task anew")
    text = data.get(TEXT).text()
    sections, starts = _sections(data.get("sections"), text)
    return ReviewedTask(
        name=task.where,
        document=Document(data.get("doc_id").text(), sections),
        text=text,
        starts=starts,
        complete=data.get("complete").of(bool),
        shown=tuple(_shown(each, text) for each in data.get("mentions").items()),
        answers=tuple(
            _answer(each, text)
            for each in annotations.items()
            if not ((cancelled := each.find("was_cancelled")) and cancelled.of(bool))
        ),
    )


def _sections(field: _Field, text: str) -> tuple[tuple[Section, ...], tuple[int, ...]]:
    """The sections of the text; they follow each other with one character in between."""
    sections: list[Section] = []
    starts: list[int] = []
    expected = 0
    for each in field.items():
        start, end = each.get("start").of(int), each.get("end").of(int)
        if start != expected or not start <= end <= len(text):
            raise each.wrong(f"{start} to {end} does not follow the section before")
        sections.append(Section(each.get("name").text(), text[start:end]))
        starts.append(start)
        expected = end + 1
    if expected != len(text) + 1:
        raise field.wrong("the sections are not the whole text")
    return tuple(sections), tuple(starts)


def _shown(field: _Field, text: str) -> ShownRegion:
    start, end = field.get("start").of(int), field.get("end").of(int)
    if not 0 <= start < end <= len(text):
        raise field.wrong(f"{start} to {end} is no stretch of {len(text)} characters")
    concept_id = field.get("concept_id").maybe_text()
    region = Region(*_trimmed(field, text, start, end), field.get(CLASSES).text(), concept_id)
    return ShownRegion(region, field.get("name").maybe_text(), field.get("context").text())


def _answer(field: _Field, text: str) -> Answer:
    by_id: dict[str, dict[str, _Field]] = {}
    for each in field.get("result").items():
        tag = each.find("from_name")  # relations between regions have none
        if tag is None or tag.text() not in {CLASSES, CONCEPT, OTHER}:
            continue
        parts = by_id.setdefault(each.get("id").text(), {})
        if parts.setdefault(tag.text(), each) is not each:
            raise each.wrong(f"region {each.value['id']!r} has {tag.value} twice")
    offsets = utf16_offsets(text)
    regions: dict[tuple[int, int, str], Region] = {}
    for parts in by_id.values():
        if CLASSES not in parts:
            raise next(iter(parts.values())).wrong("is about a region that is not there")
        region = _region(parts, text, offsets)
        before = regions.get(region.key)
        if before and before.concept_id and before.concept_id != region.concept_id:
            # A person who marks a mention twice says once what it means.
            if region.concept_id:
                twice = f"means {region.concept_id} and, marked again, {before.concept_id}"
                raise parts[CLASSES].wrong(twice)
            region = before
        regions[region.key] = region
    said = field.find("ground_truth")
    return Answer(_annotator(field), bool(said and said.of(bool)), tuple(regions.values()))


def _annotator(field: _Field) -> str:
    """Who submitted it: Label Studio writes the number of a user, or the user."""
    by = field.find("completed_by")
    if by is None:
        return MANUAL
    if isinstance(by.value, dict):
        email = by.find("email")
        return f"{MANUAL} user {email.text() if email else by.get('id').of(int)}"
    return f"{MANUAL} user {by.of(int)}"


def _region(parts: dict[str, _Field], text: str, offsets: NDArray[np.int64]) -> Region:
    marked = parts[CLASSES]
    value = marked.get("value")
    labels = [each.text() for each in value.get("labels").items()]
    if len(labels) != 1:
        raise value.get("labels").wrong(f"has {len(labels)} classes, should have one")
    start, end = _stretch(value, text, offsets)
    return Region(*_trimmed(value, text, start, end), labels[0], _concept(parts))


def _stretch(value: _Field, text: str, offsets: NDArray[np.int64]) -> tuple[int, int]:
    """Where a region is, in code points; by its own text if that says where it is not."""
    start, end = value.get("start").of(int), value.get("end").of(int)
    own = value.find("text")
    said = None if own is None else _one_line(own.text())
    units = code_point_offset(offsets, start), code_point_offset(offsets, end)
    for first, last in ((start, end), units):
        if first is None or last is None or not 0 <= first < last <= len(text):
            continue
        if said in {None, _one_line(text[first:last])}:
            return first, last
    if not 0 <= start < end <= len(text):
        raise value.wrong(f"{start} to {end} is no stretch of {len(text)} characters")
    raise value.wrong(f"its text is {said!s:.60}, but {text[start:end]!r:.60} stands there")


def _one_line(text: str) -> str:
    """Blanks and line breaks folded; older versions write a break as a backslash and an n."""
    return " ".join(text.replace(_ESCAPED_BREAK, " ").split())


def _trimmed(field: _Field, text: str, start: int, end: int) -> tuple[int, int]:
    """Without the blanks that a person marks along with a word."""
    part = text[start:end]
    if not part.strip():
        raise field.wrong("holds nothing but blanks")
    return start + len(part) - len(part.lstrip()), end - len(part) + len(part.rstrip())


def _concept(parts: dict[str, _Field]) -> str | None:
    """What a person typed, or else the choice; none if there is neither."""
    for tag, key in ((OTHER, "text"), (CONCEPT, "choices")):
        if tag not in parts:
            continue
        field = parts[tag].get("value").get(key)
        # What is typed is a list for each submission, or a single text in older versions.
        said = [field] if tag == OTHER and isinstance(field.value, str) else list(field.items())
        written = [each for each in said if each.text().strip()]
        if len(written) > 1:
            raise field.wrong(f"has {len(written)} concepts, should have one")
        if written:
            try:
                return concept_of_choice(written[0].text())
            except ValueError as problem:
                raise written[0].wrong(str(problem)) from None
    return None
