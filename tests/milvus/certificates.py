"""Certificates for TLS tests, made by the openssl command."""

import subprocess
from pathlib import Path

# The name in the server's certificate; the tests connect to 127.0.0.1, so it has to be given as server_name.
SERVER_NAME = "milvus.test"


def make_certificates(folder: Path, server_name: str = SERVER_NAME) -> None:
    """Make ca.crt, and server and client certificates that it signed, each NAME.crt with NAME.key; and another
    authority's stranger.crt, which signed nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    for authority in ("ca", "stranger"):
        _openssl(
            folder, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={authority}",
            "-keyout", f"{authority}.key", "-out", f"{authority}.crt",
        )  # fmt: skip
    for name in ("server", "client"):
        common_name = server_name if name == "server" else "router"
        (folder / f"{name}.ext").write_text(f"subjectAltName=DNS:{common_name}\n")
        _openssl(
            folder, "req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={common_name[:64]}",
            "-keyout", f"{name}.key", "-out", f"{name}.csr",
        )  # fmt: skip
        _openssl(
            folder, "x509", "-req", "-days", "2", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key",
            "-CAcreateserial", "-extfile", f"{name}.ext", "-out", f"{name}.crt",
        )  # fmt: skip


def _openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)
