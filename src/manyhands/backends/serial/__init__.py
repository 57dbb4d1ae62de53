"""Backend `serial`: one process, no engine."""
