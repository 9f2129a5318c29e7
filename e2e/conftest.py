"""One cluster with the operator in it for the whole run; a namespace with a client a test."""

import dataclasses
import secrets
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from e2e.clusters.cluster import Cluster, cluster, programs
from e2e.images.build import Images, build
from e2e.world import OBJECTS, OPERATOR_NAMESPACE, RELEASE, ROOT, World

KEPT = ROOT / "e2e" / "out"
_REMARKS = pytest.StashKey[dict[str, None]]()


@pytest.fixture
def remark(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Adds a line to the end of the report: what this cluster could not show, for one."""
    remarks = request.config.stash.setdefault(_REMARKS, {})
    return lambda line: remarks.setdefault(line)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for line in config.stash.get(_REMARKS, {}):
        terminalreporter.write_line(line)


def _report(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


@pytest.fixture(scope="session")
def _cluster() -> Iterator[Cluster]:
    with cluster(_report) as found:
        yield found


@pytest.fixture(scope="session")
def built() -> Images:
    """The images, built from the Dockerfile."""
    return build(_report)


@pytest.fixture(scope="session")
def world(_cluster: Cluster, built: Images) -> World:
    """The cluster with the images loaded, the model server running and the operator installed by helm."""
    _report("loading the images")
    names = {each.name: getattr(built, each.name) for each in dataclasses.fields(Images) if each.name != "engine"}
    loaded = {name: _cluster.load(tag, built.engine) for name, tag in names.items()}
    found = World(_cluster.kubeconfig, programs(_report), Images(built.engine, **loaded))
    found.apply_file("default", OBJECTS / "model-server.yaml")
    install(found)
    found.wait("default", "deployment/vllm", "--for=condition=Available")
    return found


def install(world: World, *values: str) -> None:
    """Installs or upgrades the chart and waits for it."""
    world.helm(
        "upgrade", "--install", RELEASE, str(ROOT / "helm" / RELEASE), "--namespace", OPERATOR_NAMESPACE,
        "--create-namespace", "--wait", "--timeout=180s", *image_settings(world.images), *values,
    )  # fmt: skip


def image_settings(images: Images) -> list[str]:
    """Helm's options for the images under test."""
    settings = []
    for key, image in (("image", images.operator), ("routerImage", images.router)):
        repository, _, tag = image.rpartition(":")
        settings += ["--set", f"{key}.repository={repository},{key}.tag={tag}"]
    return settings


@pytest.fixture
def namespace(world: World) -> Iterator[str]:
    """A namespace that enforces the restricted pod security standard, with the client in it."""
    name = f"e2e-{secrets.token_hex(3)}"
    world.kubectl("create", "namespace", name)
    world.kubectl("label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted")
    world.apply_file(name, OBJECTS / "client.yaml")
    world.wait(name, "pod/client", "--for=condition=Ready")
    yield name
    world.kubectl("delete", "namespace", name, "--wait=false")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Keeps Events, pods and logs of a test that failed in e2e/out."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    funcargs = getattr(item, "funcargs", {})
    if report.when != "call" or not report.failed or "world" not in funcargs:
        return
    world: World = funcargs["world"]
    folder = KEPT / item.name.replace("/", "_")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for namespace in {funcargs.get("namespace", "default"), OPERATOR_NAMESPACE}:
        _keep(world, namespace, folder)


def _keep(world: World, namespace: str, folder: Path) -> None:
    def write(name: str, *arguments: str) -> None:
        (folder / f"{namespace}-{name}").write_text(world.kubectl("-n", namespace, *arguments, check=False))

    write("events.txt", "get", "events", "--sort-by=.lastTimestamp")
    write("objects.yaml", "get", "all,configmaps,semanticrouters", "-o", "yaml")
    for pod in world.get("pods", "-n", namespace).get("items", []):
        name = pod["metadata"]["name"]
        write(f"{name}.log", "logs", name, "--all-containers", "--tail=500")
