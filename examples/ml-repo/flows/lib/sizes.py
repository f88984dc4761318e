"""Sizes that several flows share."""

GIB = 1024  # megabytes, as Metaflow counts memory

SMALL_MEMORY = 8 * GIB
LARGE_MEMORY = 60 * GIB
