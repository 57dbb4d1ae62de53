"""Backend `ray`: Ray Train, and joblib on Ray's actors."""
