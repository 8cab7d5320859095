"""Where measures come from: one file a provider, all of them under one contract."""
