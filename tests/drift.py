"""Generated files are what the code makes now: `python -m tests.drift` checks, `--write` writes them anew."""

import copy
import sys
from pathlib import Path

import yaml

from semantic_router_operator.api.crd import definitions
from semantic_router_operator.cli import to_yaml
from semantic_router_operator.render.rbac import Rule, certificate_rules, lease_rules, rules, webhook_rules
from tests.reference import pages
from tests.troubleshooting import troubleshooting

OPERATOR = "semantic-router-operator"
CHART = f"helm/{OPERATOR}"
# In the chart Lease, webhook and certificate have the release's name.
_NAME = "RELEASE-NAME"
ROOT = Path(__file__).parents[1]


def generated() -> dict[str, str]:
    """Return every generated file's text by its path from the project's root."""
    return {
        **_crds(),
        f"{CHART}/templates/_rules.tpl": _defined("rules", rules())
        + _defined("leaseRules", lease_rules(_NAME))
        + _defined("webhookRules", webhook_rules(_NAME))
        + _defined("certificateRules", certificate_rules(_NAME)),
        "manifests/operator/lease-role.yaml": _role("Role", f"{OPERATOR}-lease", lease_rules(OPERATOR)),
        "manifests/default/role.yaml": _role("ClusterRole", OPERATOR, rules()),
        "manifests/webhook/role.yaml": _role("ClusterRole", f"{OPERATOR}-webhook", webhook_rules(OPERATOR))
        + "---\n"
        + _role("Role", f"{OPERATOR}-webhook", certificate_rules(OPERATOR)),
        "manifests/namespaced/role.yaml": _role("Role", OPERATOR, rules()),
        **pages(),
        "docs/troubleshooting.md": troubleshooting(),
    }


def _crds() -> dict[str, str]:
    files: dict[str, str] = {}
    for name, crd in definitions().items():
        kept = copy.deepcopy(crd)
        # Helm would remove the definition, and with it every resource, together with the chart.
        kept["metadata"].setdefault("annotations", {})["helm.sh/resource-policy"] = "keep"
        files[f"crds/{name}.yaml"] = to_yaml([crd])
        # kustomize reads nothing outside its folder.
        files[f"manifests/crds/{name}.yaml"] = to_yaml([crd])
        files[f"{CHART}/files/{name}.yaml"] = to_yaml([kept])
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [f"{name}.yaml" for name in definitions()],
    }
    files["manifests/crds/kustomization.yaml"] = to_yaml([kustomization])
    return files


def _role(kind: str, name: str, content: list[Rule]) -> str:
    metadata = {"name": name, "labels": {"app.kubernetes.io/name": OPERATOR}}
    return to_yaml(
        [{"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": metadata, "rules": content}]
    )


def _defined(name: str, content: list[Rule]) -> str:
    """A Helm template that holds the rules; written here, included in templates/rbac.yaml."""
    text = yaml.safe_dump(content, sort_keys=False).replace(_NAME, f'{{{{ include "{OPERATOR}.name" . }}}}')
    return f'{{{{- define "{OPERATOR}.{name}" -}}}}\n{text}{{{{- end }}}}\n'


def stale() -> list[str]:
    """Return the generated files that are missing or differ."""
    files = generated()
    kept = {
        name for name in files if (ROOT / name).is_file() and (ROOT / name).read_text(encoding="utf-8") == files[name]
    }
    return sorted(set(files) - kept)


def main() -> int:
    """Return the exit status."""
    if "--write" in sys.argv[1:]:
        for name, text in generated().items():
            (ROOT / name).parent.mkdir(parents=True, exist_ok=True)
            (ROOT / name).write_text(text, encoding="utf-8")
        return 0
    for name in stale():
        print(f"{name} is not what the code makes: run `make generate` and commit the difference", file=sys.stderr)
    return 1 if stale() else 0


if __name__ == "__main__":
    sys.exit(main())
