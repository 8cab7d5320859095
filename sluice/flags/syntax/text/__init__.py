"""A text of code as it is read and written: lines, columns, nodes, edits."""
