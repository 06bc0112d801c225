"""Many rows at once: threads, their rate, where rows come from and go to."""
