"""The local stack: `ments up` starts every part of the architecture on one machine, without containers."""
