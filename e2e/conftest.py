"""One cluster with the operator in it for the whole run; a namespace with a client a test."""

import dataclasses
import secrets
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from e2e import evidence
from e2e.clusters.cluster import Cluster, cluster, programs
from e2e.images.build import Images, build
from e2e.world import OBJECTS, OPERATOR_NAMESPACE, PATIENCE, RELEASE, ROOT, World, eventually

_REMARKS = pytest.StashKey[dict[str, None]]()
_EVIDENCE = pytest.StashKey[list[Any]]()


@pytest.fixture
def remark(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Adds a line to the end of the report: what this cluster could not show, for one."""
    remarks = request.config.stash.setdefault(_REMARKS, {})
    return lambda line: remarks.setdefault(line)


def pytest_sessionstart(session: pytest.Session) -> None:
    evidence.forget()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for line in config.stash.get(_REMARKS, {}):
        terminalreporter.write_line(line)
    for folder in config.stash.get(_EVIDENCE, []):
        for line in evidence.gist(folder):
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def progress(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Says what is being done, with the seconds since the first word, as it happens."""
    capture: Any = request.config.pluginmanager.getplugin("capturemanager")
    reporter: Any = request.config.pluginmanager.getplugin("terminalreporter")
    started = time.monotonic()

    def say(line: str) -> None:
        with capture.global_and_fixture_disabled():
            reporter.ensure_newline()
            reporter.write_line(f"[{time.monotonic() - started:4.0f} s] {line}")

    return say


@pytest.fixture(scope="session")
def _cluster(progress: Callable[[str], None]) -> Iterator[Cluster]:
    with cluster(progress) as found:
        yield found
    assert (left := found.leftovers()) == [], f"left behind by {found.name}: {', '.join(left)}"


@pytest.fixture(scope="session")
def built(progress: Callable[[str], None]) -> Iterator[Images]:
    """The images, built from the Dockerfile."""
    images = build(progress)
    yield images
    images.engine.release()


@pytest.fixture(scope="session")
def world(
    _cluster: Cluster, built: Images, progress: Callable[[str], None], pytestconfig: pytest.Config
) -> Iterator[World]:
    """The cluster with the images loaded, the model server running and the operator installed by helm."""
    progress("loading the images")
    names = {each.name: getattr(built, each.name) for each in dataclasses.fields(Images) if each.name != "engine"}
    loaded = {name: _cluster.load(tag, built.engine) for name, tag in names.items()}
    found = World(_cluster.kubeconfig, programs(progress), Images(built.engine, **loaded))
    before = found.belongings()
    progress("installing the operator")
    try:
        found.apply_file("default", OBJECTS / "model-server.yaml")
        install(found)
        found.wait("default", "deployment/vllm", "--for=condition=Available")
    except AssertionError:
        pytestconfig.stash.setdefault(_EVIDENCE, []).append(evidence.keep(found, "installation"))
        raise
    progress("testing")
    yield found
    progress("removing everything")
    _remove(found)
    left = found.belongings() - before
    assert not left, f"left behind in the cluster: {', '.join(sorted(left))}"


def _remove(world: World) -> None:
    """As the documents say: the resources, the chart, then the definitions, which stay when it goes."""
    eventually(lambda: not [each for each in world.belongings() if each.startswith("namespace/e2e-")])
    world.helm("uninstall", RELEASE, "--namespace", OPERATOR_NAMESPACE, "--wait")
    world.kubectl("delete", "-f", str(ROOT / "crds"), "--ignore-not-found", f"--timeout={PATIENCE}s")
    world.kubectl("delete", "namespace", OPERATOR_NAMESPACE, f"--timeout={PATIENCE}s")
    world.kubectl("delete", "-n", "default", "deployment/vllm", "service/vllm")


def install(world: World, *values: str) -> None:
    """Installs or upgrades the chart and waits for it."""
    world.helm(
        "upgrade", "--install", RELEASE, str(ROOT / "helm" / RELEASE), "--namespace", OPERATOR_NAMESPACE,
        "--create-namespace", "--wait", f"--timeout={PATIENCE}s", *image_settings(world.images), *values,
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
    world.make_namespace(name)
    yield name
    world.kubectl("delete", "namespace", name, "--wait=false")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Keeps what there is to know of a test that failed."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    world = getattr(item, "funcargs", {}).get("world")
    if report.when != "teardown" and report.failed and world is not None:
        item.config.stash.setdefault(_EVIDENCE, []).append(evidence.keep(world, item.name))
    if report.failed and call.excinfo is not None:
        # At once: what comes after it may take an hour.
        reporter: Any = item.config.pluginmanager.getplugin("terminalreporter")
        reporter.ensure_newline()
        reporter.write_line(f"{item.name}: {call.excinfo.exconly(tryshort=True)[:1000]}")
