"""The one place where the version of the router, the operator, the images and the chart stands."""

__version__ = "0.1.0"
