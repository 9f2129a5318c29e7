"""The custom resources as pydantic models: the one source of the CRDs, of defaults and of validation. Pure."""

GROUP = "semanticrouter.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
