"""Wrong resources: one for each rule across fields, and those that only the model refuses.

The unit tests give them to the model, tests/cluster gives the same ones to a real API server.
"""

import copy
from typing import Any

Json = dict[str, Any]

PROVIDERS = [{"name": "vllm", "baseURL": "http://vllm.default.svc:8000/v1"}]
S3 = {"endpoint": "https://s3.example.test", "bucket": "backups", "credentialsSecretRef": {"name": "s3"}}
KEYWORD = {"name": "k", "keywords": ["a"]}
DECISION: Json = {
    "name": "d",
    "rules": {"conditions": [{"type": "keyword", "name": "k"}]},
    "modelRefs": [{"model": "small"}],
}


def resource(name: str, spec: Json) -> Json:
    """A small resource; `spec` says what is different, by dotted paths."""
    whole: Json = {"providers": PROVIDERS, "models": [{"name": "small", "provider": "vllm"}]}
    for path, value in spec.items():
        place = whole
        *way, last = path.split(".")
        for step in way:
            place = place.setdefault(step, {})
        place[last] = copy.deepcopy(value)
    head = {"apiVersion": "semanticrouter.dev/v1alpha1", "kind": "SemanticRouter"}
    return {**head, "metadata": {"name": name, "namespace": "a", "uid": "u", "generation": 1}, "spec": whole}


def _decision(**changed: Any) -> Json:
    return {"routing.signals.keywords": [KEYWORD], "routing.decisions": [{**DECISION, **changed}]}


# What is wrong, and what the definition's rule says about it. Several cases may be about one rule.
REFUSED_BY_BOTH: list[tuple[Json, str]] = [
    ({"models": [{"name": "m", "provider": "gone"}]}, "every model's provider must be one of spec.providers"),
    ({"routing.defaultModel": "gone"}, "routing.defaultModel must be one of spec.models"),
    ({"routing.escalation": {"model": "gone"}}, "routing.escalation.model must be one of spec.models"),
    ({"models": [], "routing.escalation": {"model": "gone"}}, "routing.escalation.model must be one of spec.models"),
    (
        {"cache.verifyThreshold": 0.7, "cache.verifier": {"model": "gone"}},
        "cache.verifier.model must be one of spec.models",
    ),
    (_decision(modelRefs=[{"model": "gone"}]), "every decision's modelRefs must name models of spec.models"),
    (
        {"models": [{"name": "m", "provider": "vllm", "fallbacks": ["m"]}]},
        "a model's fallbacks must be other models of spec.models",
    ),
    ({"cache.backend": "milvus"}, "cache.backend milvus or hybrid needs spec.milvus"),
    ({"milvus.embedded": {}, "router.replicas": 2}, "milvus.embedded serves one pod: set router.replicas to 1"),
    ({"milvus.embedded": {}, "router.autoscaling": {}}, "milvus.embedded serves one pod: remove router.autoscaling"),
    ({"router.replicas": 2, "router.autoscaling": {}}, "replicas belong to the HorizontalPodAutoscaler"),
    ({"router.autoscaling": {"minReplicas": 3, "maxReplicas": 2}}, "must not exceed maxReplicas"),
    ({"router.autoscaling": {"minReplicas": 11}}, "must not exceed maxReplicas"),
    ({"router.autoscaling": {"maxReplicas": 1}}, "must not exceed maxReplicas"),
    (
        {"router.podDisruptionBudget": {"minAvailable": 1, "maxUnavailable": 1}},
        "set minAvailable or maxUnavailable, not both",
    ),
    (
        _decision(rules={"conditions": [{"type": "language", "name": "k"}]}),
        "every condition of a decision must name a signal of its type",
    ),
    (
        _decision(rules={"groups": [{"conditions": [{"type": "keyword", "name": "gone"}]}]}),
        "every condition of a decision must name a signal of its type",
    ),
    (_decision(rules={}), "rules need conditions or groups"),
    (_decision(rules={"conditions": [], "groups": []}), "rules need conditions or groups"),
    (_decision(chooseBy="cost"), "a decision with chooseBy cost needs the pricing of all its models"),
    ({"routing.signals.keywords": [{"name": "k"}]}, "a keyword signal needs keywords or patterns"),
    ({"routing.signals.keywords": [{"name": "k", "keywords": []}]}, "a keyword signal needs keywords or patterns"),
    ({"routing.signals.complexity": [{"name": "c", "hard": ["Prove it."]}]}, "hard and easy belong together"),
    (
        {"routing.signals.complexity": [{"name": "c", "hard": ["Prove it."], "easy": []}]},
        "hard and easy belong together",
    ),
    (
        {"routing.signals.domains": [{"name": "d", "mmluCategories": ["law"], "examples": ["Who is liable?"]}]},
        "examples belong to a domain without mmluCategories",
    ),
    ({"routing.signals.domains": [{"name": "cooking"}]}, "a domain whose name is no MMLU category needs"),
    (
        {"cache.verifyThreshold": 0.9, "cache.verifier": {"model": "small"}},
        "verifyThreshold must be below similarityThreshold",
    ),
    ({"cache.verifyThreshold": 0.7}, "a verifyThreshold (of cache, one of its categories, or a decision's cache)"),
    ({"cache.verifier": {"model": "small"}}, "a verifyThreshold (of cache, one of its categories, or a decision's"),
    (_decision(cache={"verifyThreshold": 0.7}), "a verifyThreshold (of cache, one of its categories, or a decision's"),
    ({"cache.embedding": {"backend": "openai"}}, "backend openai needs baseURL, and no other backend has one"),
    ({"cache.embedding": {"baseURL": "http://tei/v1"}}, "backend openai needs baseURL, and no other backend has one"),
    (
        {"cache.embedding": {"backend": "openai", "baseURL": "http://t/v1", "files": {"claimName": "a"}}},
        "backend openai runs its model elsewhere; remove files",
    ),
    ({"cache.embedding": {"files": {"storage": {}}}}, "files.storage is for backend sentence-transformers"),
    (
        {"cache.embedding": {"backend": "sentence-transformers", "files": {"claimName": "a", "storage": {}}}},
        "set exactly one of claimName and storage",
    ),
    ({"cache.embedding": {"files": {}}}, "set exactly one of claimName and storage"),
    (
        {"cache.embedding": {"backend": "sentence-transformers", "files": {"path": "m", "storage": {}}}},
        "path is a folder of claimName; remove it",
    ),
    ({"milvus": {}}, "set exactly one of managed, external and embedded"),
    ({"backup": {}, "milvus.external": {"address": "h:1"}}, "backup.s3 is needed: only a managed Milvus in use"),
    ({"backup": {}, "cache.backend": "memory", "milvus.managed": {}}, "backup.s3 is needed: only a managed Milvus"),
    (
        {"backup": {"s3": S3, "engine": "milvus-backup"}, "milvus.external": {"address": "h:1"}},
        "backup.engine milvus-backup is for a managed Milvus in use",
    ),
    (
        {"backup": {"s3": S3, "snapshots": {"enabled": True}}, "milvus.external": {"address": "h:1"}},
        "backup.snapshots are of the volumes of a managed Milvus",
    ),
    ({"backup": {"s3": S3}}, "backup of a cache in memory or in Milvus Lite reads it from the pods"),
    ({"backup": {"s3": S3}, "milvus.embedded": {}}, "backup of a cache in memory or in Milvus Lite reads it from"),
    ({"backup": {"verifySchedule": "0 1 * * 1"}, "milvus.managed": {}}, "backup.verifySchedule belongs to verify"),
    ({"milvus": {"embedded": {}, "external": {"address": "h:1"}}}, "set exactly one of managed, external and embedded"),
    (
        {"milvus": {"embedded": {}, "collection": {"indexType": "DISKANN"}}},
        "milvus.embedded is Milvus Lite, which has the index types",
    ),
    ({"milvus.managed": {"messageStream": "pulsar"}}, "messageStream pulsar serves mode cluster only"),
    (
        {"milvus.managed": {"messageStream": "rocksmq"}, "profile": "production"},
        "messageStream pulsar serves mode cluster only",
    ),
    (
        {"milvus.managed": {"mode": "cluster", "messageStream": "rocksmq"}},
        "messageStream pulsar serves mode cluster only",
    ),
    (
        {"milvus.managed": {"components": {"proxy": {"replicas": 2}}}},
        "milvus.managed.components belong to mode cluster",
    ),
    (
        {"milvus.managed": {"mode": "cluster", "version": "v2.6.4", "components": {"indexNode": {}}}},
        "components.indexNode is no part of Milvus 2.6 and later",
    ),
    (
        {"milvus.managed": {"mode": "cluster", "version": "2.5.14", "components": {"streamingNode": {}}}},
        "components.streamingNode comes with Milvus 2.6",
    ),
    (
        {"milvus.managed": {"version": "2.5.14", "messageStream": "woodpecker"}},
        "messageStream woodpecker comes with Milvus 2.6",
    ),
    ({"milvus.managed": {"tls": {}}}, "set exactly one of secretRef and issuerRef"),
    (
        {"cache.backend": "hybrid", "milvus.external": {"address": "milvus:19530", "metrics": {"matchLabels": {}}}},
        "name at least one label",
    ),
]

# Too long to compute, or too long a list, for a rule of the definition: the webhook says it at once, or the status.
REFUSED_BY_THE_MODEL: list[tuple[Json, str]] = [
    (
        {"routing.signals.keywords": [{"name": "k", "keywords": ["${PROVIDER_VLLM_API_KEY}"]}]},
        "spec.routing.signals.keywords[0].keywords[0]: must not hold ${NAME}",
    ),
    ({"routing.signals.keywords": [{"name": "k", "patterns": ["(unclosed"]}]}, "spec.routing.signals.keywords[0]"),
    ({"routing.signals.language": [{"name": "klingon"}]}, "the language 'klingon' is not told apart"),
    ({"milvus": {"external": {"address": "h:1"}, "collection": {"indexParams": {"nlist": 8}}}}, "nlist"),
    ({"milvus.managed": {}, "backup": {"schedule": "0 24 * * *"}}, "spec.backup.schedule: is no schedule"),
    ({"milvus.managed": {}, "backup": {"timeZone": "Europe/Atlantis"}}, "spec.backup.timeZone: is not in the time"),
    (
        {
            **_decision(chooseBy="cost", modelRefs=[{"model": "small"}, {"model": "large"}]),
            "models": [
                {"name": name, "provider": "vllm", "pricing": {**price, "promptPer1m": 1, "completionPer1m": 1}}
                for name, price in (("small", {"currency": "EUR"}), ("large", {}))
            ],
        },
        "needs prices in one currency",
    ),
]
