"""Scripts that run inside the sandbox on members' files. They import nothing of ments and print one JSON line."""
