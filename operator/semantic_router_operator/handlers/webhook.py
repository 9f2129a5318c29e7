"""The validating webhook's server, and its certificate, kept true while the operator runs, leading or not."""

import asyncio
import ssl
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog
from aiohttp import web

from semantic_router_operator.cluster.errors import ApiError
from semantic_router_operator.cluster.objects import Objects
from semantic_router_operator.handlers.admission import review
from semantic_router_operator.handlers.conversion import convert_review
from semantic_router_operator.handlers.metrics import ADMISSIONS
from semantic_router_operator.plan.certificate import Served, bundle, names_of, renewed, secret_data, served_from
from semantic_router_operator.plan.key import ObjectKey

Json = dict[str, Any]
CHECK_SECONDS = 15.0
# etcd takes objects of 1.5 MB, and a review holds the old one beside the new one.
LARGEST_REVIEW = 8 * 1024 * 1024

log = structlog.get_logger()


class Webhook:
    """Answers on a TLS port. `configuration` names the ValidatingWebhookConfiguration that leads here.

    The certificate is read from `folder` (tls.crt, tls.key), where somebody else, cert-manager say, puts it and looks
    after the caBundle as well; without one it is our own, in the Secret CONFIGURATION-webhook-tls of `namespace`.
    """

    def __init__(self, objects: Objects, namespace: str, configuration: str, folder: Path | None) -> None:
        self._objects = objects
        self._folder = folder
        self._configuration = ObjectKey(
            "admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "", configuration
        )
        self._secret = ObjectKey("v1", "Secret", namespace, secret_name(configuration))
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._loaded: tuple[bytes, bytes] | None = None

    async def serve(self, host: str, port: int) -> web.AppRunner:
        """Starts the port; `cleanup()` of the result stops it. Raises OSError when it is taken."""
        application = web.Application(client_max_size=LARGEST_REVIEW)
        application.add_routes([web.post("/validate", _validate), web.post("/convert", _convert)])
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, host, port, ssl_context=self._context).start()
        return runner

    async def run(self) -> None:
        """Keeps certificate and caBundle true until cancelled."""
        while True:
            try:
                if self._folder is not None:
                    self._load((self._folder / "tls.crt").read_bytes(), (self._folder / "tls.key").read_bytes())
                else:
                    await self._keep()
            except Exception as error:  # noqa: BLE001 - it is tried again, and the operator goes on
                log.warning("webhook_certificate", reason=f"{type(error).__name__}: {error}")
            await asyncio.sleep(CHECK_SECONDS if self._loaded else 1.0)

    async def _keep(self) -> None:
        configuration = await self._objects.get(self._configuration)
        if configuration is None:
            log.warning("webhook_not_registered", missing=str(self._configuration))
            return
        served = await self._served(names_of(configuration))
        if served is None:
            return  # another replica was faster; its certificate is read the next time
        self._load(served.server.certificate, served.server.key)
        change = bundle(configuration, served.authority.certificate)
        if change is not None:
            await self._objects.apply(change)
            log.info("webhook_registered", configuration=self._configuration.name)

    async def _served(self, names: list[str]) -> Served | None:
        now = datetime.now(UTC)
        existing = await self._objects.get(self._secret)
        data: Mapping[str, str] = (existing or {}).get("data") or {}
        served = served_from(data, names, now)
        if served is not None:
            return served
        made = renewed(data, names, now)
        if existing is None:
            secret = {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": self._secret.name, "namespace": self._secret.namespace},
                "type": "kubernetes.io/tls",
                "data": secret_data(made),
            }
            return made if await self._objects.create(secret) else None
        version = {"resourceVersion": existing["metadata"]["resourceVersion"]}
        try:
            await self._objects.merge(self._secret, {"metadata": version, "data": secret_data(made)})
        except ApiError as error:
            if not error.conflict:
                raise
            return None
        return made

    def _load(self, certificate: bytes, key: bytes) -> None:
        """Serves new connections with it. Raises OSError (ssl.SSLError) for what is no pair."""
        if self._loaded == (certificate, key):
            return
        with tempfile.TemporaryDirectory() as folder:
            # The standard library takes files only.
            files = Path(folder, "tls.crt"), Path(folder, "tls.key")
            for file, content in zip(files, (certificate, key), strict=True):
                file.touch(mode=0o600)
                file.write_bytes(content)
            self._context.load_cert_chain(*files)
        self._loaded = (certificate, key)
        log.info("webhook_certificate_loaded")


def secret_name(configuration: str) -> str:
    """Return the name of the Secret with our own certificate."""
    return f"{configuration}-webhook-tls"


async def _validate(request: web.Request) -> web.Response:
    try:
        answer = review(await request.json())
    except ValueError as error:
        return web.json_response({"message": str(error)}, status=400)
    ADMISSIONS.labels("allowed" if answer["response"]["allowed"] else "refused").inc()
    return web.json_response(answer)


async def _convert(request: web.Request) -> web.Response:
    try:
        return web.json_response(convert_review(await request.json()))
    except ValueError as error:
        return web.json_response({"message": str(error)}, status=400)
