"""Nothing secret leaves the cluster in a bundle."""

import io
import tarfile
from pathlib import Path

import pytest
from tests.unit.doctor.surveys import ROUTER, having, healthy, pod

from semantic_router_operator.commands.bundle import contents, write
from semantic_router_operator.doctor.redaction import HIDDEN, redacted, redacted_text

CANARY = "canary-7f3a9b1c5d"


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: Bearer {CANARY}",
        f'{{"api_key": "{CANARY}"}}',
        f"connecting to http://root:{CANARY}@milvus:19530",
        f"password={CANARY}",
        f"key sk-{CANARY}",
        f"-----BEGIN EC PRIVATE KEY-----\n{CANARY}\n-----END EC PRIVATE KEY-----",
    ],
)
def test_a_secret_in_a_log_is_removed(text: str) -> None:
    assert CANARY not in redacted_text(text)
    assert HIDDEN in redacted_text(text)


def test_words_about_secrets_stay() -> None:
    text = "the password of the user router was refused; 3 tokens left"
    assert redacted_text(text) == text


def test_objects_lose_values_and_keep_references() -> None:
    raw = {
        "metadata": {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": CANARY}, "name": "x"},
        "spec": {
            "password": CANARY,
            "credentialsSecretRef": {"name": "milvus-auth"},
            "secretName": "milvus-auth",
            "env": [{"name": "OPENAI_API_KEY", "value": CANARY}, {"name": "LOG_LEVEL", "value": "debug"}],
        },
    }
    told = redacted(raw)
    assert CANARY not in str(told)
    assert told["spec"]["credentialsSecretRef"] == {"name": "milvus-auth"}
    assert told["spec"]["secretName"] == "milvus-auth"
    assert told["spec"]["env"][1] == {"name": "LOG_LEVEL", "value": "debug"}


def test_a_bundle_holds_the_report_and_no_secret(tmp_path: Path) -> None:
    leaky = pod("web-2", ROUTER)
    leaky["spec"] = {"containers": [{"name": "router", "env": [{"name": "TOKEN", "value": CANARY}]}]}
    place = tmp_path / "b.tar.gz"
    write(contents(having(healthy(), "Pod", leaky, also=True)), place)
    with tarfile.open(place) as archive:
        texts = {}
        for entry in archive:
            file = archive.extractfile(entry)
            assert isinstance(file, io.BufferedReader | tarfile.ExFileObject)
            texts[entry.name] = file.read().decode()
    assert "nothing found" in texts["doctor.txt"]
    assert {"semanticrouter.yaml", "secrets.yaml", "objects/pod/web-2.yaml"} <= texts.keys()
    assert CANARY not in "".join(texts.values())
    assert list(tmp_path.iterdir()) == [place]
