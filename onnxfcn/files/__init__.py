"""Models on the disk: read, checked, changed in place, and written safely."""
