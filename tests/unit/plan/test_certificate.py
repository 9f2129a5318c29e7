"""The webhook's own certificate: made, kept, renewed; checked by OpenSSL as the API server's library checks it."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from semantic_router_operator.plan.certificate import bundle, names_of, renewed, secret_data, served_from

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
NAMES = ["semantic-router-operator-webhook.semantic-router-system.svc"]


def _data(names: list[str] = NAMES, now: datetime = NOW) -> dict[str, str]:
    return secret_data(renewed({}, names, now))


def test_it_is_kept_while_two_thirds_of_its_life_last() -> None:
    data = _data()
    served = served_from(data, NAMES, NOW + timedelta(days=200))
    assert served is not None
    assert secret_data(served) == data
    assert served_from(data, NAMES, NOW + timedelta(days=250)) is None


def test_a_renewal_keeps_the_authority_until_that_ends() -> None:
    data, later = _data(), NOW + timedelta(days=250)
    after = secret_data(renewed(data, NAMES, later))
    assert after["ca.crt"] == data["ca.crt"]
    assert after["tls.crt"] != data["tls.crt"]
    assert served_from(after, NAMES, later) is not None
    much_later = NOW + timedelta(days=3500)
    assert secret_data(renewed(data, NAMES, much_later))["ca.crt"] != data["ca.crt"]


@pytest.mark.parametrize("key", ["ca.crt", "ca.key", "tls.crt", "tls.key"])
def test_what_is_broken_or_belongs_to_others_is_made_anew(key: str) -> None:
    data, others = _data(), _data()
    assert served_from({name: value for name, value in data.items() if name != key}, NAMES, NOW) is None
    assert served_from({**data, key: "eA=="}, NAMES, NOW) is None
    assert served_from({**data, key: others[key]}, NAMES, NOW) is None
    assert served_from(secret_data(renewed({**data, key: "eA=="}, NAMES, NOW)), NAMES, NOW) is not None


def test_another_address_needs_another_certificate() -> None:
    assert served_from(_data(), ["127.0.0.1"], NOW) is None
    assert served_from(_data(["127.0.0.1", *NAMES]), ["127.0.0.1"], NOW) is not None


def test_a_client_that_trusts_the_authority_trusts_the_server(tmp_path: Path) -> None:
    served = renewed({}, ["127.0.0.1", *NAMES], datetime.now(UTC))
    for name, content in (("tls.crt", served.server.certificate), ("tls.key", served.server.key)):
        (tmp_path / name).write_bytes(content)
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(tmp_path / "tls.crt", tmp_path / "tls.key")
    client = ssl.create_default_context(cadata=served.authority.certificate.decode())
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    one = client.wrap_bio(to_client, to_server, server_hostname=NAMES[0])
    other = server.wrap_bio(to_server, to_client, server_side=True)
    done = set()
    while len(done) < 2:
        for side in (one, other):
            try:
                side.do_handshake()
                done.add(side)
            except ssl.SSLWantReadError:
                continue
    assert one.getpeercert()
    assert (
        not x509.load_pem_x509_certificate(served.server.certificate)
        .extensions.get_extension_for_class(x509.BasicConstraints)
        .value.ca
    )


def test_names_follow_from_the_configuration_and_the_bundle_is_applied_where_it_differs() -> None:
    service = {"service": {"name": "w", "namespace": "n", "path": "/validate"}}
    configuration: dict[str, Any] = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "c"},
        "webhooks": [
            {"name": "a.b.c", "clientConfig": service},
            {"name": "d.e.f", "clientConfig": {"url": "https://h:8/x"}},
        ],
    }
    assert names_of(configuration) == ["h", "w.n.svc"]
    change = bundle(configuration, b"PEM")
    assert change is not None
    assert change["webhooks"] == [
        {"name": "a.b.c", "clientConfig": {"caBundle": "UEVN"}},
        {"name": "d.e.f", "clientConfig": {"caBundle": "UEVN"}},
    ]
    for webhook in configuration["webhooks"]:
        webhook["clientConfig"] = {**webhook["clientConfig"], "caBundle": "UEVN"}
    assert bundle(configuration, b"PEM") is None
