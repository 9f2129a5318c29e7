"""The dashboard: a page without a build step and without anything from another host."""
