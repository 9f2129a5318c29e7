"""Whether the bucket keeps old versions of objects and copies them elsewhere, judged by its own words. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

State = Literal["on", "off", "unknown"]


@dataclass(frozen=True, slots=True)
class Protection:
    """Unknown is what the credentials may not see. `targets`: the buckets to which the prefix's objects are copied."""

    versioning: State
    replication: State
    targets: tuple[str, ...] = ()

    def told(self) -> dict[str, Any]:
        return {"versioning": self.versioning, "replication": self.replication, "targets": list(self.targets)}

    def missing(self, bucket: str) -> list[str]:
        """Return a sentence for each thing that is not as it should be, with what to do."""
        sentences = []
        if self.versioning == "off":
            sentences.append(
                f"Versioning of bucket {bucket} is off: what is overwritten or deleted there is gone "
                f"(`mc version enable ALIAS/{bucket}`)."
            )
        if self.replication == "off":
            sentences.append(
                f"Bucket {bucket} is not replicated below the backups' prefix: the backups are in one place only "
                f"(`mc replicate add ALIAS/{bucket} --remote-bucket …`)."
            )
        if "unknown" in (self.versioning, self.replication):
            sentences.append(
                f"Whether bucket {bucket} is versioned and replicated cannot be seen: the credentials have no right to "
                "s3:GetBucketVersioning and s3:GetReplicationConfiguration, or the store does not know them."
            )
        return sentences


def judge(versioning: Mapping[str, Any] | None, replication: Mapping[str, Any] | None, prefix: str) -> Protection:
    """Return what answers of GetBucketVersioning and GetBucketReplication mean; None: no such configuration."""
    versioned: State = "on" if (versioning or {}).get("Status") == "Enabled" else "off"
    rules = ((replication or {}).get("ReplicationConfiguration") or {}).get("Rules") or ()
    targets = [
        str(rule.get("Destination", {}).get("Bucket", "")).rpartition(":")[2]
        for rule in rules
        if rule.get("Status") == "Enabled" and f"{prefix}/".startswith(_start(rule))
    ]
    return Protection(versioned, "on" if targets else "off", tuple(targets))


def _start(rule: Mapping[str, Any]) -> str:
    """The prefix of the objects that a replication rule is about."""
    found = rule.get("Filter") or {}
    return str(found.get("Prefix") or (found.get("And") or {}).get("Prefix") or rule.get("Prefix") or "")
