"""Flows out of a snapshot: parsed and resolved, never executed."""
