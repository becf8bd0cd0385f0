"""Sample classifiers: scripts that build them, and the small models that they build."""
