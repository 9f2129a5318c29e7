"""Makes the users of a managed Milvus: root with a password of ours, and one for the router that may do its work only.

Every function may be repeated at any time, and a kill between two of its steps is mended by the next call.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from semantic_router_operator.plan.credentials import Login, is_router_user
from semantic_router_operator.probes.milvus import MilvusError, Target, connect

if TYPE_CHECKING:
    from pymilvus import MilvusClient

ROOT = "root"
# What every Milvus begins with that was not told another one at its first start.
_KNOWN_ROOT_PASSWORD = "Milvus"  # noqa: S105 - known to everybody, and therefore replaced
ROLE = "semantic_router"
# What the router and its commands (reembed, import, tune) do, by Milvus' names:
# https://milvus.io/docs/grant_privileges.md. Its collections come and go under numbered names, so rights are not given
# for a collection by name.
_GLOBAL = ("CreateCollection", "DropCollection", "DescribeCollection", "ShowCollections", "RenameCollection")
_ALIASES = ("CreateAlias", "DropAlias", "DescribeAlias", "ListAliases")
_COLLECTION = (
    "CreateIndex", "DropIndex", "IndexDetail", "Load", "GetLoadState", "GetLoadingProgress", "Insert", "Delete",
    "Upsert", "Search", "Query", "GetStatistics", "Flush", "GetFlushState",
)  # fmt: skip
# Setting the properties of a collection, by which a router knows whose vectors it holds; newer than 2.3, where that is
# part of CreateCollection.
_NEWER = ("AlterCollection",)
_PRIVILEGE_UNKNOWN = "not found"


def provide_users(target: Target, root_password: str, login: Login) -> None:
    """See to it that root has this password and the router's user exists, can log in, and has its role.

    Blocks. Raises MilvusError: CredentialsRefused where root's password is neither ours nor the well-known one.
    """
    root = replace(target, username=ROOT, password=root_password)
    _take_root(target, root_password)
    with connect(root) as client:
        _provide_role(client, target.seconds)
        _provide_user(client, target, login)


def drop_other_users(target: Target, root_password: str, login: Login) -> list[str]:
    """Remove the users of earlier rotations; return their names. Blocks. Raises MilvusError."""
    with connect(replace(target, username=ROOT, password=root_password)) as client:
        names = client.list_users(timeout=target.seconds)
        others = [name for name in names if is_router_user(name) and name != login.username]
        for name in others:
            client.drop_user(name, timeout=target.seconds)
    return others


def _take_root(target: Target, password: str) -> None:
    try:
        with connect(replace(target, username=ROOT, password=password)):
            return
    except MilvusError as error:
        if error.reason != "CredentialsRefused":
            raise
    try:
        with connect(replace(target, username=ROOT, password=_KNOWN_ROOT_PASSWORD)) as client:
            client.update_password(ROOT, _KNOWN_ROOT_PASSWORD, password, timeout=target.seconds)
    except MilvusError as error:
        if error.reason == "CredentialsRefused":
            text = (
                f"Milvus at {target.address} refuses the password of root that is in our Secret. If that Secret was "
                "made anew, put the old one back from a backup."
            )
            raise MilvusError("CredentialsRefused", text) from None
        raise


def _provide_role(client: "MilvusClient", seconds: float) -> None:
    if ROLE not in client.list_roles(timeout=seconds):
        client.create_role(ROLE, timeout=seconds)
    described = client.describe_role(ROLE, timeout=seconds)
    has = {(each["object_type"], each["privilege"]) for each in described.get("privileges") or ()}
    wanted = [("Global", name) for name in (*_GLOBAL, *_ALIASES, *_NEWER)]
    wanted += [("Collection", name) for name in (*_COLLECTION, *_ALIASES, *_NEWER)]
    for kind, name in wanted:
        if (kind, name) not in has:
            _grant(client, kind, name, seconds)


def _grant(client: "MilvusClient", kind: str, privilege: str, seconds: float) -> None:
    """A privilege that this version of Milvus does not have is none that it would ask for."""
    from pymilvus import MilvusException

    try:
        client.grant_privilege(ROLE, kind, privilege, "*", timeout=seconds)
    except MilvusException as error:
        if _PRIVILEGE_UNKNOWN not in str(error.message):
            raise


def _provide_user(client: "MilvusClient", target: Target, login: Login) -> None:
    if login.username in client.list_users(timeout=target.seconds) and not _lets_in(target, login):
        client.drop_user(login.username, timeout=target.seconds)
    if login.username not in client.list_users(timeout=target.seconds):
        client.create_user(login.username, login.password, timeout=target.seconds)
    roles = client.describe_user(login.username, timeout=target.seconds).get("roles") or ()
    if ROLE not in roles:
        client.grant_role(login.username, ROLE, timeout=target.seconds)


def _lets_in(target: Target, login: Login) -> bool:
    try:
        with connect(replace(target, username=login.username, password=login.password)):
            return True
    except MilvusError as error:
        # Let in, and not allowed to look around, for lack of the role that it is given next.
        return error.reason == "RightMissing"
