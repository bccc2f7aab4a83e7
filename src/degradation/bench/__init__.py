"""Benches: what the engines gain over loops as they are usually written, and how far they are from the floor."""
