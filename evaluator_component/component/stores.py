"""Opens ML Metadata stores, from whatever names them.

A store is named by one of:
    - a path of a SQLite file, or `sqlite:///path`;
    - `postgresql://user:password@host:port/database`, `mysql://user:password@host:port/database`;
    - `grpc://host:port`, such as Kubeflow's metadata service;
    - a connection config of MLMD, a store that is open already, or a TFX pipeline.
"""

from __future__ import annotations

import os
import time
from typing import Any
from urllib.parse import unquote, urlsplit

from evaluator_component.errors import InputError, did_you_mean

__all__ = ["connection_config", "open_store"]

SCHEMES = ("sqlite", "postgresql", "mysql", "grpc")
#: Tables are made at the first connection; two processes that do so at once disturb each other.
ATTEMPTS = 5


def open_store(store: Any, *, read_only: bool = True) -> Any:
    """Returns an open `MetadataStore`.

    Args:
        store: see the module's docstring.
        read_only: refuse a SQLite file that does not exist, instead of making it.

    Raises:
        InputError: the name cannot be read, or there is no such file or server.
    """
    from ml_metadata.metadata_store.metadata_store import MetadataStore

    if isinstance(store, MetadataStore):
        return store
    config = connection_config(store, read_only=read_only)
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return MetadataStore(config)
        except Exception as error:
            if attempt == ATTEMPTS:
                raise InputError(f"cannot open the metadata store {store!r}: {error}") from error
            time.sleep(0.2 * attempt)
    raise AssertionError("unreachable")


def connection_config(store: Any, *, read_only: bool = True) -> Any:
    """Returns the connection config of MLMD that a name stands for.

    Example:
        >>> connection_config("grpc://metadata:8080").port
        8080
    """
    if hasattr(store, "metadata_connection_config"):
        store = store.metadata_connection_config
    if hasattr(store, "SerializeToString"):
        return store
    if not isinstance(store, str | os.PathLike):
        raise InputError(f"cannot open a metadata store from {type(store).__name__}")
    name = os.fspath(store)
    if "://" not in name:
        return _sqlite(name, read_only)
    url = urlsplit(name)
    if url.scheme == "sqlite":
        return _sqlite(name.removeprefix("sqlite://").replace("//", "/"), read_only)
    if url.scheme not in SCHEMES:
        raise InputError(
            f"metadata store {name!r}: unknown scheme {url.scheme!r} "
            f"{did_you_mean(url.scheme, SCHEMES)}"
        )
    return _server(url)


def _sqlite(path: str, read_only: bool) -> Any:
    from ml_metadata.proto import metadata_store_pb2 as messages

    if read_only and not os.path.isfile(path):
        folder = os.path.dirname(path) or "."
        names = os.listdir(folder) if os.path.isdir(folder) else []
        hint = did_you_mean(os.path.basename(path), names)
        raise InputError(f"there is no metadata store {path!r} {hint}")
    config = messages.ConnectionConfig()
    config.sqlite.filename_uri = path
    config.sqlite.connection_mode = (
        messages.SqliteMetadataSourceConfig.READWRITE
        if read_only
        else messages.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
    )
    return config


def _server(url: Any) -> Any:
    from ml_metadata.proto import metadata_store_pb2 as messages

    if url.scheme == "grpc":
        return messages.MetadataStoreClientConfig(host=url.hostname, port=url.port or 8080)
    config = messages.ConnectionConfig()
    user, password = unquote(url.username or ""), unquote(url.password or "")
    database = url.path.lstrip("/")
    if url.scheme == "postgresql":
        target = config.postgresql
        target.host, target.port = url.hostname or "localhost", str(url.port or 5432)
        target.user, target.password, target.dbname = user, password, database
    else:
        source = config.mysql
        source.host, source.port = url.hostname or "localhost", url.port or 3306
        source.user, source.password, source.database = user, password, database
    return config
