"""Public sets as they are distributed, each read by a module of its own."""
