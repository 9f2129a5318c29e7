"""Alerts over the router's own metrics. Each says what is the case for a caller, and where to look first."""

from typing import Any

from semantic_router_operator.api.backup import Backup
from semantic_router_operator.api.schedule import longest_pause
from semantic_router_operator.api.semantic_router import SemanticRouter
from semantic_router_operator.render.backups import STARTING_SECONDS

Rule = dict[str, Any]


def alerts(resource: SemanticRouter) -> list[Rule]:
    """Return the rules of one resource; none about a store where the cache has none."""
    name, namespace = resource.metadata.name, resource.metadata.namespace
    where = f'job="{name}",namespace="{namespace}"'
    router = f"SemanticRouter {namespace}/{name}"

    def alert(rule: str, expression: str, lasting: str, severity: str, summary: str, description: str) -> Rule:
        return {
            "alert": rule,
            "expr": expression,
            "for": lasting,
            "labels": {"severity": severity, "semantic_router": name},
            "annotations": {"summary": f"{router}: {summary}", "description": description},
        }

    requests = f"semantic_router_requests_total{{{where}"
    attempts = f"semantic_router_upstream_attempts_total{{{where}"
    failed = f'sum(rate({requests},status=~"5.."}}[5m]))'
    hits = f'sum(increase({requests},cache="hit"}}[1h]))'
    lookups = f'sum(increase({requests},cache=~"hit|miss"}}[1h]))'
    told = f'semantic_router_operator_resource_condition{{resource_namespace="{namespace}",resource="{name}"'
    rules = [
        alert(
            "SemanticRouterNotReady",
            f'max({told},type="Ready"}}) == 0',
            "15m",
            "warning",
            "the resource is not ready",
            f"kubectl describe sr {name} -n {namespace} tells the reason. Needs the operator's metrics.",
        ),
        alert(
            "SemanticRouterDegraded",
            f'max({told},type="Degraded"}}) == 1 unless max({told},type="Ready"}}) == 0',
            "15m",
            "warning",
            "answers come, and something is amiss: Milvus, a refused configuration, or a missing kind",
            f"The condition Degraded has the reason: kubectl describe sr {name} -n {namespace}.",
        ),
        alert(
            "SemanticRouterDown",
            f"absent(up{{{where}}} == 1)",
            "5m",
            "critical",
            "no pod answers Prometheus",
            f"kubectl describe sr {name} -n {namespace} tells the reason.",
        ),
        alert(
            "SemanticRouterErrors",
            f"{failed} / sum(rate({requests}}}[5m])) > 0.05",
            "10m",
            "critical",
            "more than 5 % of the requests fail",
            "semantic_router_upstream_attempts_total by outcome tells which provider is down or refuses its key.",
        ),
        alert(
            "SemanticRouterUpstreamFailing",
            f'sum by (model) (rate({attempts},outcome!~"[23]..|400|404|422"}}[10m]))'
            f" / sum by (model) (rate({attempts}}}[10m])) > 0.5",
            "10m",
            "warning",
            "most calls to the model {{ $labels.model }} fail",
            "Fallbacks and retries may still hide it from callers.",
        ),
        alert(
            "SemanticRouterConfigRefused",
            f"min(semantic_router_config_last_reload_successful{{{where}}}) == 0",
            "5m",
            "warning",
            "pods run an older configuration than the resource's",
            "The pods' logs (config_refused) name the key; the configuration before it stays in force.",
        ),
        alert(
            "SemanticRouterCacheSlow",
            "histogram_quantile(0.99, sum by (le) (rate(semantic_cache_operation_seconds_bucket"
            f'{{{where},operation="find_similar"}}[10m]))) > 0.25',
            "15m",
            "warning",
            "99 % of the cache lookups take up to {{ $value | humanizeDuration }}",
            "Pods short of CPU, or a slow Milvus.",
        ),
        alert(
            "SemanticRouterHitRatioCollapsed",
            f"{hits} / {lookups} < 0.5 * ({hits.replace('[1h]', '[1h] offset 1d')}"
            f" / {lookups.replace('[1h]', '[1h] offset 1d')}) and {lookups} > 100",
            "30m",
            "warning",
            "less than half as many answers come from the cache as a day before",
            "Restarted pods, a changed embedder, policy or model list, or other questions than yesterday.",
        ),
    ]
    if resource.backend != "memory" and resource.spec.cache.enabled:
        rules.append(
            alert(
                "SemanticRouterWritesWaiting",
                f"sum(semantic_cache_pending_writes{{{where}}}) > 1000",
                "10m",
                "warning",
                "{{ $value }} answers wait to be written to Milvus",
                "Milvus takes writes more slowly than they come, or not at all; the condition MilvusReady says why.",
            )
        )
        rules.append(
            alert(
                "SemanticRouterStoreUnavailable",
                f"min(semantic_cache_store_available{{{where}}}) == 0",
                "5m",
                "warning",
                "Milvus is not reached, so questions go to the models",
                "Requests are answered. The conditions MilvusReady and CacheReady tell why Milvus is left alone.",
            )
        )
    if resource.spec.backup is not None and resource.spec.cache.enabled:
        rules += [alert(*each) for each in _backups(resource.spec.backup, namespace, name)]
    return rules


def _backups(backup: Backup, namespace: str, name: str) -> list[tuple[str, str, str, str, str, str]]:
    """The alerts about backups, over what the operator has counted. Those of a schedule that rests tell no age."""
    of = f'{{resource_namespace="{namespace}",resource="{name}"}}'
    counted = "semantic_router_operator_backup"
    where = (
        f"kubectl describe sr {name} -n {namespace} (condition BackupHealthy) says why. Needs the operator's metrics."
    )
    found = [
        (
            "SemanticRouterBackupFailing",
            f"max({counted}_failures{of}) > 0",
            "5m",
            "warning",
            "the last {{ $value }} backups have failed",
            where,
        )
    ]
    if not backup.suspend:
        oldest = int(longest_pause(backup.schedule).total_seconds()) + backup.deadline_seconds + STARTING_SECONDS
        found.append(
            (
                "SemanticRouterBackupTooOld",
                f"time() - max({counted}_last_success_timestamp_seconds{of}) > {oldest}",
                "15m",
                "critical",
                "the newest good backup is {{ $value | humanizeDuration }} old",
                where,
            )
        )
    if backup.verify == "weekly":
        found.append(
            (
                "SemanticRouterBackupUnverified",
                f"max({counted}_verify_failures{of}) > 0",
                "5m",
                "critical",
                "a backup did not come back on trial",
                where,
            )
        )
    return found
