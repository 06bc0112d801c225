"""What a call of loki-batch is about, put together before anything is sent."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from loki.batch.output_format import Format, choose_format
from loki.batch.rows import RowDefaults
from loki.cli.batch.row_line import name_kept_field
from loki.cli.console import Console
from loki.edge.batch.calls_under_way import CallsUnderWay
from loki.edge.batch.input import Source
from loki.edge.batch.rate_limiter import Pacers
from loki.pipeline import Env
from loki.record import record

if TYPE_CHECKING:
    from loki.edge.batch.dask_cluster import Cluster


@record
class BatchContext:
    """What a call of the command is about."""

    console: Console
    flags: Namespace
    env: Env
    defaults: RowDefaults
    inputs: Source
    paces: Pacers
    calls: CallsUnderWay
    cluster: Cluster | None

    @property
    def output_format(self) -> Format:
        """How the output is written."""
        columns = self.inputs.columns or self.inputs.first_fields  # the input's id is ours too
        names = [name if name == "id" else name_kept_field(name) for name in columns]
        return choose_format(self.flags.output, names)
