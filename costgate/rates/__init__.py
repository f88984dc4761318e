"""Rate cards: what a node-hour costs, and what a step is charged of it."""
