"""The images under test, built from the project's Dockerfile, and those that stand beside them."""
