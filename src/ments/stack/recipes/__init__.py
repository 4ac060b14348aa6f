"""One recipe a part: its configuration, its command line, and the probe that says it works."""
