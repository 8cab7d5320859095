"""Faults of input read as our own sentences: nothing of the library that found them."""

from __future__ import annotations

import pytest
from pydantic import BaseModel, ValidationError, field_validator, model_validator

from sluice.errors import InvalidError
from sluice.faults import MOST, faults
from sluice.manifests.flagger.canary import Canary
from tests.samples import canary_manifest


class Thing(BaseModel):
    """A model with a check of each kind."""

    size: int
    many: tuple[int, ...] = ()

    @field_validator("size")
    @classmethod
    def _small(cls, value: int) -> int:
        if value > 9:
            raise ValueError("is 9 at most")
        return value

    @model_validator(mode="after")
    def _not_empty(self) -> Thing:
        if not self.size:
            raise ValueError("has no size")
        return self


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "size: Field required"),
        ({"size": 10}, "size: is 9 at most"),
        ({"size": 0}, "has no size"),
        ({"size": 10, "many": ["x"]}, "size: is 9 at most; many.0: Input should be a valid integer, "),
        ({"size": 1, "many": ["x"] * (MOST + 2)}, "; and 2 more"),
    ],
)
def test_faults_are_fields_and_sentences(given: dict[str, object], said: str) -> None:
    """A fault of the whole has no empty path before it."""
    with pytest.raises(ValidationError) as caught:
        Thing.model_validate(given)
    text = faults(caught.value)
    assert said in text
    assert text.startswith(said) or said.startswith("; and")
    assert "Value error" not in text


def test_a_manifest_that_is_wrong_as_a_whole_is_said_plainly() -> None:
    """The message reads `Canary test/shop is not valid: spec…`, as docs/troubleshooting.md quotes it."""
    long = canary_manifest({"service": {"port": 80, "name": "s" * 60}})
    with pytest.raises(InvalidError, match=r"^Canary [-a-z]+/shop is not valid: spec\.service\.name is 's+', 60 char"):
        Canary.parse(long)
    with pytest.raises(InvalidError, match=r"is not valid: spec\.analysis: set stepWeight or stepWeights"):
        Canary.parse(canary_manifest({"analysis": {"stepWeight": 0, "stepWeights": [], "metrics": []}}))
    with pytest.raises(InvalidError, match=r"^Canary default/\? is not valid: metadata: "):
        Canary.parse({**canary_manifest(), "metadata": "shop"})
