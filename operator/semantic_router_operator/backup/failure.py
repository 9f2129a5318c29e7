"""Why a verb has failed: one word for programs, and a sentence for a person that holds no secret."""

from typing import Literal

Reason = Literal[
    "ConfigInvalid",
    # On the way to the object store, and in it.
    "AddressUnknown",
    "Unreachable",
    "NoAnswer",
    "CertificateRefused",
    "CertificateUnusable",
    "TLSNotSpoken",
    "CredentialsMissing",
    "CredentialsRefused",
    "AccessDenied",
    "BucketMissing",
    "QuotaExceeded",
    "StorageFailing",
    "StorageChanged",
    # The work folder of the pod.
    "DiskFull",
    "WorkDirUnusable",
    # What is backed up.
    "ArchiveMissing",
    "ArchiveDamaged",
    "BackupEmpty",
    "BackupNameBlocked",
    "NameInvalid",
    # What is looked for, checked or restored.
    "BackupMissing",
    "BackupUnfinished",
    "BackupDamaged",
    "CatalogueUnusable",
    "EngineMismatch",
    "RowsMissing",
    # milvus-backup and Milvus.
    "ExecutableMissing",
    "MilvusBackupFailed",
    "MilvusBackupPanicked",
    "MilvusStorageRefused",
    "WrongMilvusStorage",
    "TooSlow",
    "MilvusFailing",
    "CollectionMissing",
    "CollectionInUse",
    "VersionTooOld",
    # Of a run that was told to end.
    "Killed",
    "Failed",
]


class BackupError(Exception):
    """A verb cannot go on. `passing`: the same may go well in a while, without anybody doing anything."""

    def __init__(self, reason: Reason, message: str, *, passing: bool = False) -> None:
        super().__init__(message)
        self.reason: Reason = reason
        self.message = message
        self.passing = passing


class CacheEmptyError(BackupError):
    """What is to be saved holds no rows, by its own count. `what` is said in the sentence."""

    def __init__(self, what: str) -> None:
        text = f"{what} holds no rows: an empty backup would in the end take the place of the full ones"
        super().__init__("BackupEmpty", f"{text}, so none was made.")
