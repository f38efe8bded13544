"""Who may administer: sessions and how they end, limits on logging in, and guarded addresses."""
