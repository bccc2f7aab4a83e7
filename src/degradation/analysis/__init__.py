"""Statistics over records. Reads tables only; knows nothing of torch."""
