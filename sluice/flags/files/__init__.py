"""Files of flags in git, as Flipt and flagd have them: read without running anything, edited byte by byte."""
