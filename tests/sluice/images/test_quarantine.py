"""Versions that stay out: as text, and which image is one of them."""

from __future__ import annotations

import pytest

from sluice.images.quarantine import HEAD, KeptOut, edited, keeping_out, read, reference, released, together, written
from sluice.images.reference import ImageRef

A, B = "sha256:" + "a" * 64, "sha256:" + "b" * 64
NAME = "registry.example:5000/team/shop"
BAD = KeptOut(
    image=ImageRef(name=NAME, tag="1.2.0", digest=A),
    back_to=ImageRef(name=NAME, tag="1.1.0", digest=B),
    why="test/shop: success 60 %",
)
WITHOUT = KeptOut(image=ImageRef(name=NAME, tag="1.3.0"))


def test_what_is_written_is_read_back() -> None:
    """In an annotation and in a file, with what runs instead and why; notes of people do no harm."""
    text = written([BAD, WITHOUT])
    assert text == f"{NAME}:1.2.0@{A} -> {NAME}:1.1.0@{B}  # test/shop: success 60 %\n{NAME}:1.3.0\n"
    assert read(text) == [BAD, WITHOUT]
    assert read(f"# a note\n\nwhat: is this\r\n{text}no-tag\n -> \n") == [BAD, WITHOUT]
    assert read(str(KeptOut(image=BAD.image, why="two\nlines # more"))) == [
        KeptOut(image=BAD.image, why="two lines # more")
    ]


@pytest.mark.parametrize(
    ("image", "out"),
    [
        (ImageRef(name=NAME, tag="1.2.0", digest=A), True),
        (ImageRef(name=NAME, tag="1.2.0"), True),
        (ImageRef(name=NAME, tag="again", digest=A), True),
        (ImageRef(name=NAME, tag="1.2.0", digest=B), False),
        (ImageRef(name=NAME, tag="1.1.0"), False),
        (ImageRef(name="other/shop", tag="1.2.0", digest=A), False),
    ],
    ids=["both", "tag alone", "digest by another tag", "the tag moved", "another", "another repository"],
)
def test_a_version_is_known_by_its_digest(image: ImageRef, out: bool) -> None:
    """A tag that moves to another digest is another version; the same digest under another tag is not."""
    assert (keeping_out([WITHOUT, BAD], image) is BAD) is out


def test_a_file_grows_by_a_line_and_keeps_what_people_wrote() -> None:
    """Nothing is written twice; what a person lets in goes, with its line and no other."""
    first = edited("", [BAD], [])
    assert first == HEAD + written([BAD])
    assert edited(first, [BAD], []) == first
    noted = first + "# ours: ask Ann"
    assert edited(noted, [WITHOUT], []) == f"{noted}\n{WITHOUT}\n"
    assert edited(f"{noted}\n{WITHOUT}\n", [BAD, WITHOUT], [BAD]) == f"{HEAD}# ours: ask Ann\n{WITHOUT}\n"
    assert edited("", [], []) == ""


@pytest.mark.parametrize(
    ("wish", "gone"), [("1.2.0", True), (A, True), ("*", True), ("1.1.0, 1.2.0", True), ("", False)]
)
def test_a_person_lets_a_version_in_by_its_tag_or_digest(wish: str, gone: bool) -> None:
    """One annotation, as short as people say it."""
    assert released(BAD, wish) is gone
    assert not released(WITHOUT, "1.2.0")


def test_each_version_is_kept_once() -> None:
    """The cluster's and git's lists are one."""
    assert together([BAD], [WITHOUT, BAD]) == [BAD, WITHOUT]


def test_an_image_of_a_pod_is_read() -> None:
    """With port, tag and digest."""
    assert reference(f"{NAME}:1.2.0@{A}") == BAD.image
    assert reference("shop:1") == ImageRef(name="shop", tag="1")
    assert reference("registry:5000/shop") is None
