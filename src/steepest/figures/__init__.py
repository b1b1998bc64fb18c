"""Pictures of paths and of comparisons, all in one style; nothing here touches a user's Matplotlib settings."""
