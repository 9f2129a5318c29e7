"""The certificate of the validating webhook, where cert-manager makes none: an authority of its own, and what it signs.

Both stand in one Secret, from which every replica of the operator serves. A certificate is renewed when a third of its
life is left; the authority outlives many of them, so that the caBundle of the webhook stays.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Json = dict[str, Any]
_AUTHORITY_LIFE = timedelta(days=3650)
_LIFE = timedelta(days=365)
_RENEWED_BEFORE = _LIFE / 3
# Clocks of two machines differ.
_SLACK = timedelta(hours=1)


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, as PEM."""

    certificate: bytes
    key: bytes


@dataclass(frozen=True)
class Served:
    """What the webhook serves, and the authority that the API server checks it by."""

    authority: Pair
    server: Pair


def names_of(configuration: Mapping[str, Any]) -> list[str]:
    """Return the host names by which the API server calls the webhooks of a ValidatingWebhookConfiguration."""
    names = []
    for webhook in configuration.get("webhooks") or ():
        client = webhook.get("clientConfig") or {}
        service = client.get("service")
        if service:
            names.append(f"{service['name']}.{service['namespace']}.svc")
        elif client.get("url"):
            names.append(str(urlsplit(client["url"]).hostname))
    return sorted(set(names))


def served_from(data: Mapping[str, str], names: list[str], now: datetime) -> Served | None:
    """Return what a Secret's data (base64) holds; None where it is broken, soon ends, or is for other names."""
    try:
        values = {key: base64.b64decode(data[key]) for key in ("ca.crt", "ca.key", "tls.crt", "tls.key")}
        authority = x509.load_pem_x509_certificate(values["ca.crt"])
        server = x509.load_pem_x509_certificate(values["tls.crt"])
        server.verify_directly_issued_by(authority)
        alternatives = server.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        covered = {str(each.value) for each in alternatives}
        for certificate, key in ((server, values["tls.key"]), (authority, values["ca.key"])):
            if serialization.load_pem_private_key(key, None).public_key() != certificate.public_key():
                return None
    except Exception:  # noqa: BLE001 - whatever a Secret may hold, it is replaced
        return None
    ends = min(server.not_valid_after_utc, authority.not_valid_after_utc)
    if now >= ends - _RENEWED_BEFORE or not covered.issuperset(names):
        return None
    return Served(Pair(values["ca.crt"], values["ca.key"]), Pair(values["tls.crt"], values["tls.key"]))


def renewed(data: Mapping[str, str], names: list[str], now: datetime) -> Served:
    """Return a new certificate for `names`, of the authority in `data` where that lives long enough."""
    authority = _authority_in(data, now) or _new_authority(now)
    return Served(authority, _signed(authority, names, now))


def secret_data(served: Served) -> dict[str, str]:
    """Return the data of the Secret (base64)."""
    values = {
        "ca.crt": served.authority.certificate,
        "ca.key": served.authority.key,
        "tls.crt": served.server.certificate,
        "tls.key": served.server.key,
    }
    return {key: base64.b64encode(value).decode() for key, value in values.items()}


def bundle(configuration: Mapping[str, Any], authority: bytes) -> Json | None:
    """Return what to apply so that every webhook is checked by the authority; None where each is."""
    wanted = base64.b64encode(authority).decode()
    webhooks = configuration.get("webhooks") or []
    if all((each.get("clientConfig") or {}).get("caBundle") == wanted for each in webhooks):
        return None
    return {
        "apiVersion": configuration["apiVersion"],
        "kind": configuration["kind"],
        "metadata": {"name": configuration["metadata"]["name"]},
        "webhooks": [{"name": each["name"], "clientConfig": {"caBundle": wanted}} for each in webhooks],
    }


def _authority_in(data: Mapping[str, str], now: datetime) -> Pair | None:
    try:
        pair = Pair(base64.b64decode(data["ca.crt"]), base64.b64decode(data["ca.key"]))
        certificate = x509.load_pem_x509_certificate(pair.certificate)
        key = serialization.load_pem_private_key(pair.key, None)
    except Exception:  # noqa: BLE001 - whatever a Secret may hold, it is replaced
        return None
    lives = certificate.not_valid_after_utc >= now + _LIFE
    return pair if lives and key.public_key() == certificate.public_key() else None


def _new_authority(now: datetime) -> Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "semantic-router-operator webhook authority")])
    usage = x509.KeyUsage(
        key_cert_sign=True, crl_sign=True, digital_signature=False, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    certificate = (
        _builder(name, name, key, now, _AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .sign(key, hashes.SHA256())
    )
    return _pem(certificate, key)


def _signed(authority: Pair, names: list[str], now: datetime) -> Pair:
    issuer = x509.load_pem_x509_certificate(authority.certificate)
    issuer_key = serialization.load_pem_private_key(authority.key, None)
    if not isinstance(issuer_key, ec.EllipticCurvePrivateKey):
        raise TypeError("the authority's key is not one of ours")
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "semantic-router-operator webhook")])
    certificate = (
        _builder(subject, issuer.subject, key, now, _LIFE)
        .add_extension(x509.SubjectAlternativeName([_alternative(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
        .sign(issuer_key, hashes.SHA256())
    )
    return _pem(certificate, key)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime, life: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SLACK)
        .not_valid_after(now + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pem(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Pair:
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return Pair(certificate.public_bytes(serialization.Encoding.PEM), secret)
