"""Speed over commits, for asv. It imports every module here, so a module only defines classes when it is imported."""
