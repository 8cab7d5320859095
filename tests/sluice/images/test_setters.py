"""Setters: the marked value changes, and nothing else does."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sluice.errors import InvalidError
from sluice.images.reference import ImageRef
from sluice.images.setters import ObjectName, write_images

DIGEST = "sha256:" + "ab" * 32
NEW = ImageRef(name="registry.example/team/shop", tag="1.10.0", digest=DIGEST)
WANTED = {"team:shop": NEW}
MARK = '# {"$imagepolicy": "team:shop"}'
ODD = (
    *("553640e6", "1e3", "0893456", "0o17", "017", "0x1F", "0b11", "y", "N", "on", "No", "NULL", "true", "1_000"),
    *("1.5", "12", "2024-01-02", "2024-01-02T10", "_", "1.0e5", "12e03", "1.2.", "0.1"),
)
"""Tags that some reader of YAML takes for what is no text."""


def test_the_whole_image_is_pinned_by_its_digest() -> None:
    """What was pushed is what runs: tag for people, digest for machines."""
    edited = write_images(f"image: registry.example/team/shop:1.9.0 {MARK}\n", WANTED)
    assert edited.text == f"image: registry.example/team/shop:1.10.0@{DIGEST} {MARK}\n"
    (change,) = edited.changes
    assert (change.setter, change.old, change.new, change.line) == (
        "team:shop",
        "registry.example/team/shop:1.9.0",
        str(NEW),
        1,
    )


@pytest.mark.parametrize(
    ("part", "value"), [("name", NEW.name), ("tag", "1.10.0"), ("digest", DIGEST)], ids=["name", "tag", "digest"]
)
def test_a_part_of_the_image_is_written_alone(part: str, value: str) -> None:
    """Helm values keep name, tag and digest apart."""
    edited = write_images(f'a: old # {{"$imagepolicy": "team:shop:{part}"}}\nb: old\n', WANTED)
    assert yaml.safe_load(edited.text) == {"a": value, "b": "old"}


def test_a_digest_that_nobody_asked_for_is_not_erased() -> None:
    """With digestReflectionPolicy Never there is no digest to write, so what is there stays."""
    text = f'digest: {DIGEST} # {{"$imagepolicy": "team:shop:digest"}}\n'
    assert write_images(text, {"team:shop": ImageRef(name="shop", tag="2")}).text == text


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("tag: 1.9", 'tag: "1.10"'),
        ("tag: '1.9'", "tag: '1.10'"),
        ('tag: "1.9"', 'tag: "1.10"'),
        ("{tag: 1.9", '{tag: "1.10"'),
        ("tag: &v 1.9", 'tag: &v "1.10"'),
        ("- 1.9", '- "1.10"'),
        ("tag: !!str 1.9", 'tag: !!str "1.10"'),
    ],
    ids=["plain", "single", "double", "flow", "anchor", "list", "tagged"],
)
def test_a_tag_that_looks_like_a_number_stays_a_text(before: str, after: str) -> None:
    """`1.10` unquoted would be the number 1.1; quotes that are there stay as they are."""
    mark = '# {"$imagepolicy": "team:shop:tag"}'
    end = "\n, x: 1}\n" if before.startswith("{") else "\n"
    image = {"team:shop": ImageRef(name="shop", tag="1.10")}
    assert write_images(f"{before} {mark}{end}", image).text == f"{after} {mark}{end}"


@pytest.mark.parametrize("tag", ODD)
@pytest.mark.parametrize("before", ["abc1234", "553640e6"])
def test_what_some_reader_of_yaml_takes_for_no_text_is_quoted(tag: str, before: str) -> None:
    """kustomize reads YAML 1.2, others YAML 1.1: one short SHA in ninety is a number for one."""
    mark = '# {"$imagepolicy": "team:shop:tag"}'
    edited = write_images(f"newTag: {before} {mark}\n", {"team:shop": ImageRef(name="shop", tag=tag)})
    assert edited.text == f'newTag: "{tag}" {mark}\n'
    assert write_images(edited.text, {"team:shop": ImageRef(name="shop", tag=tag)}).changes == ()


@pytest.mark.parametrize("tag", ["1.2.3", "1.2.3-rc.1", "v1", "main-553640e6", "abc1234", "1.2.3.4", "latest", "nope"])
def test_what_every_reader_takes_for_a_text_stays_plain(tag: str) -> None:
    """Quotes that nobody needs would be noise in each diff."""
    mark = '# {"$imagepolicy": "team:shop:tag"}'
    edited = write_images(f"newTag: x {mark}\n", {"team:shop": ImageRef(name="shop", tag=tag)})
    assert edited.text == f"newTag: {tag} {mark}\n"


def test_a_mark_may_stand_behind_a_comma() -> None:
    """JSON is YAML, and people put marks into it."""
    text = f'{{\r\n  "image": "old", {MARK}\r\n  "other": ["a", "old" , {MARK}\r\n  "b"]\r\n}}\r\n'
    assert write_images(text, WANTED).text == text.replace('"old"', f'"{NEW}"')


def test_all_marks_in_all_documents_are_found_with_their_lines() -> None:
    """A file may hold several objects; each change says where it was."""
    text = f"# head\na: x {MARK}\n---\nb:\n  - image: y {MARK}\n...\n---\nc: z {MARK}\n"
    edited = write_images(text, WANTED)
    assert [change.line for change in edited.changes] == [2, 5, 8]
    assert {change.object for change in edited.changes} == {ObjectName()}
    assert edited.text.count(str(NEW)) == 3


@pytest.mark.parametrize(
    "text",
    [
        'image: old # {"$imagepolicy": "team:other"}\n',
        'image: old # {"$imagepolicy": "team:shop:nonsense"}\n',
        'image: old # {"$imagepolicy": 3}\n',
        'image: old # {"$imagepolicy": "team:shop"\n',
        'image: # {"$imagepolicy": "team:shop"}\n',
        '# {"$imagepolicy": "team:shop"}\nimage: old\n',
        'image: \'old # {"$imagepolicy": "team:shop"}\'\n',
        f"image: {NEW} {MARK}\n",
        'text: |\n  image: old # {"$imagepolicy": "team:shop"}\n',
        'text: |\n  old\n# {"$imagepolicy": "team:shop"}\nmore: 1\n',
        "",
    ],
    ids=[
        "another",
        "unknown-part",
        "no-text",
        "no-json",
        "no-value",
        "own-line",
        "quoted",
        "right",
        "in-block",
        "after-block",
        "empty",
    ],
)
def test_what_is_not_marked_as_ours_is_left_alone(text: str) -> None:
    """Not one byte changes."""
    edited = write_images(text, WANTED)
    assert edited.text == text
    assert edited.changes == ()


def test_a_marked_block_of_text_is_refused_by_its_line() -> None:
    """An image on several lines is somebody's mistake; guessing would break the file."""
    with pytest.raises(InvalidError, match=r"line 2.*team:shop"):
        write_images('a: 1\nimage: > # {"$imagepolicy": "team:shop"}\n  old\n', WANTED)


def test_a_file_that_is_no_yaml_is_refused_only_if_it_is_marked() -> None:
    """Templates without marks are none of our business."""
    broken = 'a: {{ .Values.x }}\nb: "no end\n'
    assert write_images(broken, WANTED).text == broken
    with pytest.raises(InvalidError, match="not a YAML file"):
        write_images(f"image: old {MARK}\n{broken}", WANTED)


LINE_ENDS = st.sampled_from(["\n", "\r\n"])
WORDS = st.text(st.characters(categories=("L", "N"), include_characters=" .é😀"), max_size=12)
OTHER_LINES = st.one_of(
    WORDS.map(lambda text: f"# {text}"),
    WORDS.map(lambda text: f"key:   '{text}'   # {text}"),
    WORDS.map(lambda text: f'quoted: "{text}"'),
    st.sampled_from(
        ["", "   ", "---", "n: 0o17", "e: !!str 1", "l: [ a,b ,  c ]", "o: {a: 1}", "deep:\n   - x\n   -   y"]
    ),
)
OLD = st.sampled_from(["old", "'old'", '"old"', "shop:1.0.0@sha256:00", "&a old", "''"])


@given(
    st.lists(OTHER_LINES, max_size=8), st.lists(OTHER_LINES, max_size=8), OLD, LINE_ENDS, st.booleans(), st.booleans()
)
def test_every_byte_that_is_not_marked_stays(
    before: list[str], after: list[str], old: str, end: str, bom: bool, last_end: bool
) -> None:
    """Comments, quotes, line ends, spaces, odd but valid YAML: one line differs, and it differs in the value only."""
    head = ("\ufeff" if bom else "") + "".join(line.replace("\n", end) + end for line in ["a: 1", *before])
    tail = end + end.join(line.replace("\n", end) for line in after) + (end if last_end else "")
    edited = write_images(f"{head}image:  {old}  {MARK}{tail}", WANTED)
    assert edited.text.startswith(head + "image:  ")
    assert edited.text.endswith(f"  {MARK}{tail}")
    middle = edited.text[len(head + "image:  ") : -len(f"  {MARK}{tail}")]
    assert yaml.safe_load(middle) == str(NEW)
    assert middle[0] == (old[0] if old[0] in "'\"&" else str(NEW)[0])


@given(st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,20}", fullmatch=True), st.sampled_from(["x", "'x'", '"x"']))
def test_any_tag_reads_back_as_the_same_text(tag: str, old: str) -> None:
    """`null`, `1e3`, `0x1F`, `12_000`, `yes`: a tag is never read as anything else, and a second edit changes nothing."""
    images = {"team:shop": ImageRef(name="shop", tag=tag)}
    edited = write_images(f'tag: {old} # {{"$imagepolicy": "team:shop:tag"}}\n', images)
    assert yaml.safe_load(edited.text) == {"tag": tag}
    assert write_images(edited.text, images).changes == ()


def test_a_change_says_which_object_it_is_in() -> None:
    """Each document of a file is one; what it does not say of itself is empty."""
    text = (
        f"kind: A\nmetadata:\n  name: one\n  namespace: team\nimage: x {MARK}\n---\n"
        f"apiVersion: v1\nspec: {{image: [x, y {MARK}\n]}}\nkind: B\n---\n- x {MARK}\n"
    )
    assert [change.object for change in write_images(text, WANTED).changes] == [
        ObjectName(kind="A", name="one", namespace="team"),
        ObjectName(api_version="v1", kind="B"),
        ObjectName(),
    ]
