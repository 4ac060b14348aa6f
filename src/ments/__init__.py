"""ments: a self-hosted, media-first community platform."""

__version__ = "0.1.0"
