"""What the world has of a plan: the registry, the engine, the commit, the journal."""
