"""Where the truth comes from: recordings of the original, and a live Julia."""
