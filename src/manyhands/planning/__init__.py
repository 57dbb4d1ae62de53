"""From what a user asks for to the runs to make: a `Request`, its cells, its places, and the plan of a study."""
