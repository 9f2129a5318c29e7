"""The examples, applied as they are, answer a real client."""

import time

import yaml
from tests.cluster.plugin import reasons

from e2e.world import PATIENCE, ROOT, World, eventually

QUESTION = "How do I reset my account password?"
PARAPHRASE = "How can I reset the password of my account?"
LOOK_ALIKE = "How do I delete my account password?"


def apply_example(world: World, namespace: str, name: str) -> float:
    """Applies it and waits until it is ready and the doctor finds nothing; returns the seconds that it took."""
    started = time.monotonic()
    world.kubectl("apply", "-n", namespace, "-f", str(ROOT / "examples" / f"{name}.yaml"))
    world.wait(namespace, "semanticrouter/semantic-router", "--for=condition=Ready")
    seconds = time.monotonic() - started
    assert reasons(world.kubeconfig, namespace) == set()
    return seconds


def test_quickstart(world: World, namespace: str) -> None:
    apply_example(world, namespace, "quickstart")
    first, again, other_words, look_alike = world.ask(
        namespace, "semantic-router", QUESTION, QUESTION, PARAPHRASE, LOOK_ALIKE
    )
    assert (first["cache"], first["model"]) == ("miss", "small")
    assert (again["cache"], again["tier"]) == ("hit", "exact")
    assert (other_words["cache"], other_words["tier"]) == ("hit", "semantic")
    assert other_words["text"] == again["text"] == first["text"]
    assert look_alike["cache"] == "miss"
    assert look_alike["text"] != first["text"]


def test_memory(world: World, namespace: str) -> None:
    apply_example(world, namespace, "memory")
    first, again = world.ask(namespace, "semantic-router", QUESTION, QUESTION)
    assert [first["cache"], again["cache"]] == ["miss", "hit"]


def test_what_is_deleted_leaves_nothing(world: World, namespace: str) -> None:
    before = world.everything(namespace)
    apply_example(world, namespace, "memory")
    assert world.everything(namespace) > before
    world.kubectl("delete", "-n", namespace, "semanticrouter", "semantic-router", f"--timeout={PATIENCE}s")
    eventually(lambda: world.everything(namespace) <= before)


def test_the_quickstart_is_what_the_readme_applies() -> None:
    text = (ROOT / "README.md").read_text()
    assert "examples/quickstart.yaml" in text
    assert yaml.safe_load((ROOT / "examples" / "quickstart.yaml").read_text())["kind"] == "SemanticRouter"
