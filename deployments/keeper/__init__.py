"""The keeper: what Canaries bring forth is put right when somebody changes or deletes it."""
