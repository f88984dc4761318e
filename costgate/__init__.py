"""costgate: the cost gate for Metaflow."""

__version__ = "0.1.0"
