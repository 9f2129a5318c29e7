"""The Milvus client's file (`backend_config_path`), in both forms of the seeds.

The long form has `connection`, `collection`, `search` and `development`; the short one is a single `milvus:` map.
Both become one `MilvusConfig`.
"""

from typing import Any, Literal

from pydantic import Field, SecretStr, model_validator

from semantic_router_proxy.config.section import Section

IndexType = Literal["HNSW", "FLAT", "IVF_FLAT", "IVF_SQ8", "IVF_PQ", "SCANN", "DISKANN", "AUTOINDEX"]
MetricType = Literal["IP", "COSINE", "L2"]
ConsistencyLevel = Literal["Strong", "Bounded", "Session", "Eventually"]

# What each index takes when it is built; Milvus itself takes a wrong name in silence.
INDEX_PARAMS: dict[str, frozenset[str]] = {
    "HNSW": frozenset({"M", "efConstruction"}),
    "FLAT": frozenset(),
    "IVF_FLAT": frozenset({"nlist"}),
    "IVF_SQ8": frozenset({"nlist"}),
    "IVF_PQ": frozenset({"nlist", "m", "nbits"}),
    "SCANN": frozenset({"nlist", "with_raw_data"}),
    "DISKANN": frozenset(),
    "AUTOINDEX": frozenset(),
}
_DEFAULT_PARAMS = {
    "HNSW": {"M": 16, "efConstruction": 64},
    "IVF_FLAT": {"nlist": 128},
    "IVF_SQ8": {"nlist": 128},
    "IVF_PQ": {"nlist": 128, "m": 8, "nbits": 8},
    "SCANN": {"nlist": 128},
}

# What a search takes for each index, and with what it begins; Milvus itself passes over a wrong name in silence.
SEARCH_PARAMS: dict[str, dict[str, int]] = {
    "HNSW": {"ef": 64},
    "FLAT": {},
    "IVF_FLAT": {"nprobe": 16},
    "IVF_SQ8": {"nprobe": 16},
    "IVF_PQ": {"nprobe": 16},
    "SCANN": {"nprobe": 16, "reorder_k": 100},
    "DISKANN": {"search_list": 100},
    "AUTOINDEX": {},
}
_KNOWN_SEARCH_PARAMS = frozenset(name for params in SEARCH_PARAMS.values() for name in params)

# Milvus Lite takes the other names and then fails in the background.
LITE_INDEX_TYPES = frozenset({"HNSW", "FLAT", "IVF_FLAT", "AUTOINDEX"})

# The property of a collection that says whose vectors it holds; routers write and compare it, a restore brings it back.
EMBEDDER_PROPERTY = "semantic_router.embedder"

# Sections of vLLM Semantic Router's milvus.yaml that this router has no use for.
FOREIGN_SECTIONS = frozenset({"performance", "data_management"})


class AuthConfig(Section):
    enabled: bool = False
    username: str = ""
    password: SecretStr = SecretStr("")
    token: SecretStr = Field(SecretStr(""), description="In place of user name and password.")

    @model_validator(mode="after")
    def _credentials_are_there(self) -> "AuthConfig":
        if self.enabled and not self.token.get_secret_value():
            if not self.username:
                raise ValueError("auth is enabled, but username is empty (is MILVUS_USERNAME set?)")
            if not self.password.get_secret_value():
                raise ValueError("auth is enabled, but password is empty (is MILVUS_PASSWORD set?)")
        return self


class TlsConfig(Section):
    """One-way TLS needs `ca_file`; mutual TLS needs `cert_file` and `key_file` beside it."""

    enabled: bool = False
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    server_name: str = Field("", description="Name in the server's certificate, where it is not the host's.")

    @model_validator(mode="after")
    def _files_come_in_pairs(self) -> "TlsConfig":
        if bool(self.cert_file) != bool(self.key_file):
            raise ValueError("cert_file and key_file belong together")
        return self


class ConnectionConfig(Section):
    host: str = "localhost"
    port: int = Field(19530, ge=1, le=65535)
    uri: str = Field("", description="In place of host and port; a path ending in .db is an embedded Milvus Lite.")
    database: str = "default"
    timeout: float = Field(30.0, gt=0, description="Of one call, in seconds.")
    auth: AuthConfig = AuthConfig()
    tls: TlsConfig = TlsConfig()

    @property
    def embedded(self) -> bool:
        """Whether the address is a file that Milvus Lite opens inside the router."""
        return self.uri.endswith(".db")


class VectorFieldConfig(Section):
    name: str = Field("embedding", pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,254}$")
    dimension: int | None = Field(None, ge=1, le=32768, description="The embedder's wins; another is only a warning.")
    metric_type: MetricType = "IP"


class IndexConfig(Section):
    type: IndexType = "HNSW"
    params: dict[str, int] = Field(default_factory=dict, description="None: the index type's usual ones.")

    @model_validator(mode="before")
    @classmethod
    def _usual_params(cls, data: Any) -> Any:
        if not isinstance(data, dict) or data.get("params"):
            return data
        return data | {"params": dict(_DEFAULT_PARAMS.get(str(data.get("type", "HNSW")), {}))}

    @model_validator(mode="after")
    def _params_fit_the_type(self) -> "IndexConfig":
        known = INDEX_PARAMS[self.type]
        for name in self.params:
            if name not in known:
                allowed = ", ".join(sorted(known)) or "none"
                raise ValueError(f"params.{name} is not a parameter of index type {self.type}; it takes {allowed}")
        return self


class CollectionConfig(Section):
    name: str = Field("semantic_cache", pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,254}$")
    description: str = "Semantic cache"
    vector_field: VectorFieldConfig = VectorFieldConfig()
    index: IndexConfig = IndexConfig()
    partition_key: bool = Field(True, description="Milvus keeps entries of one cache partition together.")


class SearchConfig(Section):
    params: dict[str, int] = Field(default_factory=dict, description="None: the index type's usual ones.")
    topk: int = Field(10, ge=1, le=1000, description="Most similar entries of a partition that a lookup looks at.")
    timeout: float = Field(
        2.0,
        gt=0,
        description="Seconds that a request waits for a lookup, which is a miss then; writes: connection.timeout.",
    )
    consistency_level: ConsistencyLevel = "Session"

    @model_validator(mode="after")
    def _params_are_known(self) -> "SearchConfig":
        for name, value in self.params.items():
            if name not in _KNOWN_SEARCH_PARAMS:
                known = ", ".join(sorted(_KNOWN_SEARCH_PARAMS))
                raise ValueError(f"params.{name} is not a parameter of a search; there are {known}")
            if value < 1:
                raise ValueError(f"params.{name} must be at least 1, but is {value}")
        return self


class LoggingConfig(Section):
    level: Literal["debug", "info", "warning", "warn", "error"] | None = Field(
        None, description="Of the messages of pymilvus itself; none: silent, since its errors are reported here."
    )
    enable_query_log: bool = Field(False, description="Log each request to Milvus and how long it took, at level info.")


class DevelopmentConfig(Section):
    drop_collection_on_startup: bool = False
    auto_create_collection: bool = True
    verbose_errors: bool = False


class MilvusConfig(Section):
    """The Milvus client's file in its long form."""

    connection: ConnectionConfig = ConnectionConfig()
    collection: CollectionConfig = CollectionConfig()
    search: SearchConfig = SearchConfig()
    logging: LoggingConfig = LoggingConfig()
    development: DevelopmentConfig = DevelopmentConfig()

    @model_validator(mode="after")
    def _milvus_lite_has_the_index(self) -> "MilvusConfig":
        if self.connection.embedded and self.collection.index.type not in LITE_INDEX_TYPES:
            raise ValueError(
                f"collection.index.type {self.collection.index.type} is not supported by Milvus Lite "
                f"({self.connection.uri}); it has {', '.join(sorted(LITE_INDEX_TYPES))}"
            )
        return self

    @property
    def search_params(self) -> dict[str, int]:
        """What a search is given: the index type's usual parameters, and the configured ones that it takes."""
        usual = SEARCH_PARAMS[self.collection.index.type]
        return usual | {name: value for name, value in self.search.params.items() if name in usual}

    def keys_without_effect(self) -> dict[str, str]:
        """Return the keys that were given and do nothing here, with the reason of each."""
        found = {}
        index = self.collection.index.type
        for name in self.search.params.keys() - SEARCH_PARAMS[index].keys():
            found[f"search.params.{name}"] = f"with index type {index}"
        connection = self.connection
        if connection.uri:
            given = connection.model_fields_set
            found |= {f"connection.{name}": "beside connection.uri" for name in ("host", "port") if name in given}
        if connection.embedded:
            lite = "with Milvus Lite"
            found |= {f"connection.{name}": lite for name in ("auth", "tls") if getattr(connection, name).enabled}
            found |= {"connection.database": lite} if connection.database != "default" else {}
            if self.search.consistency_level not in ("Strong", SearchConfig().consistency_level):
                found["search.consistency_level"] = f"{lite}, which always is strongly consistent"
        return found


SHORT_FORM_KEYS = {
    "address": "connection.host and connection.port",
    "collection_name": "collection.name",
    "dimension": "collection.vector_field.dimension",
    "index_type": "collection.index.type",
    "metric_type": "collection.vector_field.metric_type",
    "params": "collection.index.params",
    "database": "connection.database",
    "username": "connection.auth.username",
    "password": "connection.auth.password",
    "timeout": "connection.timeout",
}


def long_form(short: dict[str, Any]) -> dict[str, Any]:
    """Turn the map under `milvus:` (seed 001's form) into the long form.

    Raises ValueError where `address` is not host:port or a key is not in SHORT_FORM_KEYS.
    """
    unknown = sorted(set(short) - set(SHORT_FORM_KEYS))
    if unknown:
        raise ValueError(f"unknown key milvus.{unknown[0]}; known are {', '.join(sorted(SHORT_FORM_KEYS))}")
    connection: dict[str, Any] = {key: short[key] for key in ("database", "timeout") if key in short}
    if "address" in short:
        host, separator, port = str(short["address"]).rpartition(":")
        if not separator or not port.isdigit():
            raise ValueError(f"milvus.address must be host:port, but is {short['address']!r}")
        connection |= {"host": host.strip("[]"), "port": int(port)}
    if short.get("username"):
        connection["auth"] = {"enabled": True, "username": short["username"], "password": short.get("password", "")}
    vector_field = {key: short[key] for key in ("dimension", "metric_type") if key in short}
    index = {target: short[key] for key, target in (("index_type", "type"), ("params", "params")) if key in short}
    collection: dict[str, Any] = {"vector_field": vector_field, "index": index}
    if "collection_name" in short:
        collection["name"] = short["collection_name"]
    return {"connection": connection, "collection": collection}
