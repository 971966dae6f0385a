"""What changed on the ground: against the reference of a track, along a history, and between two looks."""
