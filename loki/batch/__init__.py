"""Many rows, pure: what a row asks, which were asked before, how fast to go."""
