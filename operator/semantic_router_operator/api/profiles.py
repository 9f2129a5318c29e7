"""Presets by profile: what a spec says that leaves a field open. Pure data and a merge.

A preset never switches on a section of its own; it fills fields, so that nothing appears in a cluster that the
resource does not name.
"""

from typing import Any


def _sized(replicas: int, cpu: str, memory: str, memory_limit: str) -> dict[str, Any]:
    # A CPU limit would slow every answer down once it is reached; memory is bounded, since it cannot be taken back.
    resources = {"requests": {"cpu": cpu, "memory": memory}, "limits": {"memory": memory_limit}}
    return {"router": {"replicas": replicas, "resources": resources}}


PRESETS: dict[str, dict[str, Any]] = {
    "development": _sized(1, "100m", "512Mi", "1Gi"),
    "staging": _sized(2, "250m", "768Mi", "1Gi"),
    "production": _sized(3, "1", "1Gi", "2Gi"),
}

# What a managed Milvus gets, where the resource has one.
MANAGED_PRESETS: dict[str, dict[str, Any]] = {
    "development": {"resources": {"requests": {"cpu": "250m", "memory": "1Gi"}}},
    "staging": {
        "deletionPolicy": "Retain",
        "storage": {"size": "50Gi"},
        "resources": {"requests": {"cpu": "500m", "memory": "2Gi"}},
    },
    "production": {
        "mode": "cluster",
        "deletionPolicy": "Retain",
        "storage": {"size": "100Gi"},
        "resources": {"requests": {"cpu": "500m", "memory": "1Gi"}},
        "components": {
            "proxy": {"replicas": 2},
            "queryNode": {"replicas": 2, "resources": {"requests": {"cpu": "1", "memory": "4Gi"}}},
        },
    },
}

# What backups are made of, where the resource has some; of `spec.backup.preset`, else of the profile.
BACKUP_PRESETS: dict[str, dict[str, Any]] = {
    "development": {"schedule": "0 2 * * 0", "retention": 2},
    "staging": {"schedule": "0 2 * * *", "retention": 7, "snapshots": {"enabled": True}},
    "production": {"schedule": "0 */6 * * *", "retention": 14, "replication": "verify"},
}


def with_preset(spec: dict[str, Any]) -> dict[str, Any]:
    """Return the spec with the fields that its profile fills and it does not set itself."""
    profile = str(spec.get("profile", "development"))
    merged = _merge({**_preset(profile, spec.get("milvus")), **_backup_preset(spec, profile)}, spec)
    router, own, milvus = merged.get("router"), spec.get("router") or {}, spec.get("milvus")
    if not isinstance(router, dict) or not isinstance(own, dict):
        return merged  # validation names what is wrong
    if _is_on(router.get("autoscaling")) and "replicas" not in own:
        # Replicas belong to the autoscaler; a preset must not bring them back.
        router.pop("replicas", None)
    elif isinstance(milvus, dict) and "embedded" in milvus and "replicas" not in own:
        router["replicas"] = 1
    return merged


def _preset(profile: str, milvus: object) -> dict[str, Any]:
    preset = PRESETS.get(profile, {})
    managed = milvus.get("managed") if isinstance(milvus, dict) else None
    if not isinstance(managed, dict):
        return preset
    filled = MANAGED_PRESETS.get(profile, {})
    if managed.get("mode", filled.get("mode")) != "cluster":
        filled = {key: value for key, value in filled.items() if key != "components"}
    return {**preset, "milvus": {"managed": filled}}


def _backup_preset(spec: dict[str, Any], profile: str) -> dict[str, Any]:
    backup, milvus = spec.get("backup"), spec.get("milvus")
    if not isinstance(backup, dict):
        return {}
    filled = BACKUP_PRESETS.get(str(backup.get("preset") or profile), {})
    cache = spec.get("cache")
    in_memory = isinstance(cache, dict) and cache.get("backend") == "memory"
    if in_memory or not (isinstance(milvus, dict) and "managed" in milvus):
        # Volumes that the operator does not know are not its to cut.
        filled = {key: value for key, value in filled.items() if key != "snapshots"}
    return {"backup": filled}


def _is_on(section: object) -> bool:
    return isinstance(section, dict) and section.get("enabled", True) is True


def _merge(preset: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """Merge maps; what is there already wins, and a list or a scalar is never mixed."""
    result = dict(own)
    for key, value in preset.items():
        if key not in result or result[key] is None:
            result[key] = _merge(value, {}) if isinstance(value, dict) else value
        elif isinstance(value, dict) and isinstance(result[key], dict):
            result[key] = _merge(value, result[key])
    return result
