"""Named plans with a published table to hold them against, one TOML file each."""
