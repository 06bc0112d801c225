"""The providers, one row each: where they live, what they speak, how they know us."""
