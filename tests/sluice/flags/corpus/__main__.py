"""Write what is expected of each case of the languages that are named."""

from __future__ import annotations

import sys

from sluice.flags.languages.table import LANGUAGES
from tests.sluice.flags.corpus import cases, written

for language in sys.argv[1:]:
    for one in cases(language):
        one.file.write_text(written(one, LANGUAGES[language]))
