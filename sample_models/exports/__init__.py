"""Small classifiers as other frameworks export them, and the answers of those frameworks."""
