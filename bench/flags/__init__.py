"""How long an audit of flags takes: over synthetic repositories, in real git."""
