"""The node's certificate authority, certificates and kubeconfigs: elliptic keys, valid for a few days."""

import base64
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from e2e.clusters.node.settings import API_SERVICE, NAME, NODE_ADDRESS

_DAYS = "7"


@dataclass(frozen=True)
class Identity:
    """A certificate's file name, subject and the names and addresses that it is good for."""

    name: str
    subject: str
    names: str = ""
    authority: str = "ca"


SERVERS = (
    Identity(
        "apiserver",
        "/CN=kube-apiserver",
        "DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local,DNS:kubernetes.default,DNS:kubernetes,"
        f"DNS:localhost,IP:{API_SERVICE},IP:{NODE_ADDRESS},IP:127.0.0.1",
    ),
    Identity("kubelet-server", f"/CN={NAME}", f"DNS:{NAME},IP:{NODE_ADDRESS},IP:127.0.0.1"),
)
CLIENTS = (
    Identity("apiserver-kubelet", "/O=system:masters/CN=kube-apiserver-kubelet-client"),
    Identity("front-proxy", "/CN=front-proxy-client", authority="front-proxy-ca"),
)
USERS = (
    Identity("admin", "/O=system:masters/CN=kubernetes-admin"),
    Identity("kubelet", f"/O=system:nodes/CN=system:node:{NAME}"),
    Identity("controller-manager", "/CN=system:kube-controller-manager"),
    Identity("scheduler", "/CN=system:kube-scheduler"),
    Identity("proxy", "/CN=system:kube-proxy"),
    Identity("policies", "/CN=system:kube-router"),
)


def make(folder: Path, admin_kubeconfig: Path) -> None:
    """Makes everything anew in `folder`; USERS get a kubeconfig each, the administrator's goes where it is wanted."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    for authority in ("ca", "front-proxy-ca"):
        _key(folder, authority)
        subject = ["-subj", f"/CN={authority}", "-days", _DAYS]
        _openssl(folder, "req", "-x509", "-new", "-key", f"{authority}.key", *subject, "-out", f"{authority}.crt")
    _key(folder, "service-accounts")
    _openssl(folder, "ec", "-in", "service-accounts.key", "-pubout", "-out", "service-accounts.pub")
    for identity in (*SERVERS, *CLIENTS, *USERS):
        _certificate(folder, identity)
    for identity in USERS:
        target = admin_kubeconfig if identity.name == "admin" else folder / f"{identity.name}.kubeconfig"
        _kubeconfig(folder, identity.name, target)


def _certificate(folder: Path, identity: Identity) -> None:
    name, authority = identity.name, identity.authority
    _key(folder, name)
    _openssl(folder, "req", "-new", "-key", f"{name}.key", "-subj", identity.subject, "-out", f"{name}.csr")
    extensions = "extendedKeyUsage=serverAuth,clientAuth\n"
    if identity.names:
        extensions += f"subjectAltName={identity.names}\n"
    (folder / f"{name}.ext").write_text(extensions)
    _openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-CA", f"{authority}.crt", "-CAkey", f"{authority}.key",
             "-CAcreateserial", "-days", _DAYS, "-extfile", f"{name}.ext", "-out", f"{name}.crt")  # fmt: skip


def _kubeconfig(folder: Path, user: str, target: Path) -> None:
    def data(file: str) -> str:
        return base64.b64encode((folder / file).read_bytes()).decode()

    server = {"server": f"https://{NODE_ADDRESS}:6443", "certificate-authority-data": data("ca.crt")}
    shown = {"client-certificate-data": data(f"{user}.crt"), "client-key-data": data(f"{user}.key")}
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": NAME, "cluster": server}],
        "users": [{"name": user, "user": shown}],
        "contexts": [{"name": NAME, "context": {"cluster": NAME, "user": user}}],
        "current-context": NAME,
    }
    target.touch(mode=0o600)
    target.write_text(json.dumps(content))


def _key(folder: Path, name: str) -> None:
    _openssl(folder, "ecparam", "-genkey", "-name", "prime256v1", "-noout", "-out", f"{name}.key")


def _openssl(folder: Path, *arguments: str) -> None:
    done = subprocess.run(["openssl", *arguments], cwd=folder, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"openssl {arguments[0]} failed: {done.stderr.strip()[-500:]}")
