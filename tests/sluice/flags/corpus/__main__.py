"""How much is removed whole, by language; with names of languages: write what is expected of each of their cases."""

from __future__ import annotations

import sys

from sluice.flags.languages.table import LANGUAGES
from tests.sluice.flags.corpus import cases, written
from tests.sluice.flags.corpus.shares import shares

for language in sys.argv[1:]:
    for one in cases(language):
        one.file.write_text(written(one, LANGUAGES[language]))
if not sys.argv[1:]:
    print("\n".join(str(share) for share in shares()))
