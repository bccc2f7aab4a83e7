"""What the entry points in experiments/ do, one file a verb. They import torch after all checks."""
