"""What makes objects of a source's files, one file for each program."""
