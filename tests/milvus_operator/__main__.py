"""`python -m tests.milvus_operator --kubeconfig FILE [--namespace NAME] [--kubelet] [--image IMAGE]`."""

import argparse
import asyncio
from pathlib import Path

from semantic_router_operator.cluster.connection import Connection
from tests.milvus_operator.operator import StandIn


async def _main() -> None:
    options = argparse.ArgumentParser(prog="python -m tests.milvus_operator", description=__doc__)
    options.add_argument("--kubeconfig", type=Path, help="none: the pod's ServiceAccount, else KUBECONFIG")
    options.add_argument("--namespace", help="none: all")
    options.add_argument("--kubelet", action="store_true", help="play the kubelet: pods are ready at once")
    options.add_argument("--image", help="runs in place of Milvus' own image")
    options.add_argument("--seconds", type=float, default=0.5, help="between two looks")
    given = options.parse_args()
    connection = await Connection.open(given.kubeconfig)
    try:
        print("ready", flush=True)
        await StandIn(connection, given.namespace, given.kubelet, given.image).run(given.seconds)
    finally:
        await connection.close()


if __name__ == "__main__":
    asyncio.run(_main())
