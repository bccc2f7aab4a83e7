"""Two folders of tables set against each other: which records differ beyond seed noise. Knows nothing of torch."""
