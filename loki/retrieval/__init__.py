"""Texts with their vectors, kept in a store: what a store holds, and what makes a vector (pure)."""
