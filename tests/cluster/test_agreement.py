"""The definition's rules on a real API server, and the model, judge the same wrong resources."""

import yaml
from tests.cluster.conftest import Kubectl
from tests.unit.api.wrong import REFUSED_BY_BOTH, REFUSED_BY_THE_MODEL, Json, resource


def _named(cases: list[tuple[Json, str]], namespace: str) -> dict[str, tuple[Json, str]]:
    named = {}
    for number, (spec, said) in enumerate(cases):
        raw = resource(f"case-{number:02}", spec)
        raw["metadata"] = {"name": raw["metadata"]["name"], "namespace": namespace}
        named[raw["metadata"]["name"]] = (raw, said)
    return named


def test_each_rule_refuses_in_its_own_words(kubectl: Kubectl) -> None:
    cases = _named(REFUSED_BY_BOTH, kubectl.namespace)
    text = yaml.safe_dump_all([raw for raw, _ in cases.values()])
    done = kubectl.run("create", "--dry-run=server", "-f", "-", stdin=text)
    told = dict.fromkeys(cases, "")
    for line in done.stderr.splitlines():
        name = next((each for each in cases if f'"{each}"' in line), None)
        if name is not None:
            told[name] += line
            latest = name
        else:
            told[latest] += line
    assert {name: told[name] for name, (_, said) in cases.items() if said not in told[name]} == {}
    etcd = resource("my-etcd", {"milvus.managed": {}})
    etcd["metadata"] = {"name": "my-etcd"}
    assert "must not have etcd in its name" in kubectl.run("create", "--dry-run=server", "-f", "-", stdin=etcd).stderr


def test_what_only_the_model_refuses_is_taken_by_the_definition(kubectl: Kubectl) -> None:
    cases = _named(REFUSED_BY_THE_MODEL, kubectl.namespace)
    text = yaml.safe_dump_all([raw for raw, _ in cases.values()])
    told = kubectl("create", "--dry-run=server", "-f", "-", stdin=text)
    assert told.count("created (server dry run)") == len(cases)


def test_a_restore_names_exactly_one_backup(kubectl: Kubectl) -> None:
    """As the model has it in tests/unit/api/test_backups_and_restores.py."""
    head = {"apiVersion": "semanticrouter.dev/v1alpha1", "kind": "SemanticCacheRestore"}
    for number, choice in enumerate(({}, {"latest": False}, {"name": "a", "latest": True}, {"before": "yesterday"})):
        spec = {"routerRef": {"name": "web"}, "backup": choice}
        raw = {**head, "metadata": {"name": f"case-{number}"}, "spec": spec}
        assert kubectl.run("create", "--dry-run=server", "-f", "-", stdin=raw).returncode != 0, choice
    raw["spec"]["backup"] = {"before": "2026-11-21T02:00:00Z"}  # type: ignore[index]
    assert "created" in kubectl("create", "--dry-run=server", "-f", "-", stdin=raw)
