"""A Dask cluster: its scheduler, its workers, and an actor on each that asks a run's rows."""

from __future__ import annotations

import pickle
import socket
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

from returns.result import Result, Success

from loki.edge.batch.worker import BatchWorker, Parcel, WorkerReport, WorkerSettings
from loki.problems import Problem, fail

CONNECT_TIMEOUT = 10  # seconds to reach the scheduler
DIRECT_TIMEOUT = 1.0  # seconds to reach a worker without the scheduler
SILENCE = 60  # seconds after which a worker that says nothing is given up


class LostWorkerError(Exception):
    """A worker went away, or cannot run our code; its text says how."""


class Cluster:
    """A scheduler, reached."""

    def __init__(self, address: str, client: Any) -> None:
        self.address, self.client = address, client

    def is_connected(self) -> bool:
        """Return whether the scheduler is connected."""
        return bool(self.client.status == "running")

    def workers(self) -> list[str]:
        """Return the addresses of the workers, none where the scheduler cannot be asked."""
        try:
            return [*self.client.scheduler_info()["workers"]]
        except (OSError, ValueError, TimeoutError):
            return []

    def start(self, worker: str, settings: WorkerSettings) -> Any:
        """Start an agent on a worker; raises LostWorkerError."""
        try:
            return self.client.submit(
                BatchWorker, settings, workers=[worker], actor=True, pure=False
            ).result(SILENCE)
        except Exception as error:
            raise LostWorkerError(describe_error(error)) from error

    def exchange(self, agent: Any, parcel: Parcel) -> WorkerReport:
        """Send an agent a parcel and return what it reports; raises LostWorkerError."""
        try:
            data = pickle.dumps(parcel, pickle.HIGHEST_PROTOCOL)
            report: WorkerReport = pickle.loads(agent.exchange_bytes(data).result(SILENCE))
        except Exception as error:
            raise LostWorkerError(describe_error(error)) from error
        return report

    def close(self) -> None:
        """Leave the cluster; its workers forget the run."""
        self.client.close(timeout=2)


def describe_error(error: Exception) -> str:
    """Return what an exception says, on one line."""
    return " ".join(str(error).split()) or type(error).__name__


def connect(address: str) -> Result[Cluster, Problem]:
    """Reach the scheduler at an address; fails with kind config or offline."""
    try:
        dask: Any = import_module("distributed")
    except ImportError:
        return fail("config", "--scheduler needs Dask: pip install '.[dask]' in loki's folder")
    silence_logging()
    try:
        client = dask.Client(address, timeout=CONNECT_TIMEOUT)
    except (OSError, ValueError) as error:
        return fail("offline", f"no Dask scheduler at {address}: {describe_error(error)}")
    cluster = Cluster(address, client)
    workers = cluster.workers()
    if not workers:
        cluster.close()
        return fail("offline", f"the scheduler at {address} has no workers: dask worker {address}")
    client.direct_to_workers = all(map(can_connect, workers))
    return Success(cluster)


def can_connect(worker: str) -> bool:
    """Return whether a worker can be reached from here; else all goes through the scheduler."""
    address = urlsplit(worker)
    try:
        place = (address.hostname or "", address.port or 0)
        socket.create_connection(place, DIRECT_TIMEOUT).close()
    except (OSError, ValueError):
        return False
    return True


def silence_logging() -> None:
    """Keep what Dask logs off stderr: a run says itself what goes wrong."""
    from logging import CRITICAL, getLogger

    for name in ("distributed", "tornado.application"):
        getLogger(name).setLevel(CRITICAL)
