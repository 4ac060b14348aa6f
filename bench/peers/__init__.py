"""Programs that ours are measured beside."""
