"""Fields that cannot be passed over: without them the act would be another one than its user asked for.

Most fields that sluice does not know are reported and left out. Some are not to be left out: without `kubeConfig` the
objects would go to the wrong cluster, without `decryption` secrets would be replaced by their cipher text.
"""

from __future__ import annotations

from sluice.errors import InvalidError
from sluice.manifests.meta import ForeignModel


def refuse_vital(spec: ForeignModel, vital: frozenset[str]) -> None:
    """Go no further where one of these fields is set.

    Args:
        spec: of the manifest.
        vital: names of fields that sluice does not know, as the manifest writes them.

    Raises:
        InvalidError: names the fields.
    """
    named = ", ".join(f"spec.{name}" for name in sorted(vital & set(spec.model_extra or {})))
    if named:
        raise InvalidError(f"sluice cannot do {named} yet, and does nothing rather than leave it out")
