"""What all verbs need: the configuration, the store, and what they have been given by the environment."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from semantic_router_operator.backup.config import BackupConfig
from semantic_router_operator.runner.catalogue_store import CatalogueStore
from semantic_router_operator.runner.object_store import ObjectStore


@dataclass(frozen=True, slots=True)
class Context:
    config: BackupConfig
    environment: Mapping[str, str]
    backups: CatalogueStore
    # How often this very process has begun, this time included.
    attempt: int = 1

    @property
    def work_dir(self) -> Path:
        return Path(self.config.work_dir)


def open_context(config: BackupConfig, environment: Mapping[str, str], attempt: int = 1) -> Context:
    """Raises BackupError, also where the bucket is not reached."""
    access, secret = environment.get("AWS_ACCESS_KEY_ID", ""), environment.get("AWS_SECRET_ACCESS_KEY", "")
    store = ObjectStore(config.storage, access, secret)
    store.check()
    return Context(config, environment, CatalogueStore(store, config.prefix), attempt)
