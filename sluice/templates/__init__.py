"""Go's text/template, as Flux's users write it: commit messages, substitutions, payloads."""
