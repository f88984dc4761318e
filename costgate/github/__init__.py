"""GitHub: what its records say, and what costgate writes there."""
