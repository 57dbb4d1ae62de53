"""The published comparisons: one TOML file each (plan, published figures, flaws), what they mean, and how a budget scales them."""
