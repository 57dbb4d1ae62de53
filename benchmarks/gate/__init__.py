"""How often is a threshold of pytest-benchmark wrong? `rates.py` by stored launches, `live.py` by runs of the suite itself."""
