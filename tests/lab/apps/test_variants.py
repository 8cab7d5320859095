"""The image variants: each name stands for one behaviour, and an unknown name stands for none."""

import pytest

from lab.apps import variants


@pytest.mark.parametrize(
    ("variant", "behaviour"),
    [
        ("good", {}),
        ("fail:50", {"FAIL_PERCENT": "50"}),
        ("fail:0.5", {"FAIL_PERCENT": "0.5"}),
        ("flag:50", {"FLAG_FAIL_PERCENT": "50"}),
        ("slow:800", {"DELAY_MS": "800"}),
        ("never-ready", {"READY": "never"}),
        ("crash", {"CRASH_AFTER_MS": "500"}),
        ("crash:50", {"CRASH_AFTER_MS": "50"}),
    ],
)
def test_a_variant_is_its_environment(variant: str, behaviour: dict[str, str]) -> None:
    """A variant bakes its behaviour, and the tag as its version, into the image."""
    assert variants.environment("1.2.3", variant) == {"VERSION": "1.2.3", **behaviour}


@pytest.mark.parametrize(
    "variant", ["", "bad", "fail", "fail:", "fail:many", "fail:-1", "good:1", "never-ready:2", "slow:1:2"]
)
def test_an_unknown_variant_is_refused(variant: str) -> None:
    """A slip in a variant's name never passes for a good image."""
    with pytest.raises(ValueError, match="no variant"):
        variants.environment("1.2.3", variant)


def test_a_variant_is_pushed_under_its_tag(monkeypatch: pytest.MonkeyPatch) -> None:
    """The image named by registry, name and tag starts the program with the variant's environment."""
    pushed = []
    monkeypatch.setattr(variants, "build_program", lambda source, name: source / name)
    monkeypatch.setattr(variants, "push_image", lambda *image: pushed.append(image) or "sha256:1")

    digest = variants.push_variant("127.0.0.1:1", "shop", "1.2.0", "fail:50")

    environment = {"VERSION": "1.2.0", "FAIL_PERCENT": "50"}
    assert digest == "sha256:1"
    assert pushed == [("127.0.0.1:1", "shop", "1.2.0", {"shop": variants.SHOP / "shop"}, ["/shop"], environment)]
