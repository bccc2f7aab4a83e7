"""Files of one run, what identifies it, and the tables that runs are collected into. Knows nothing of torch."""
