"""Reranking on AWS Bedrock (agent runtime, Rerank): query and documents -> body -> scores."""

from __future__ import annotations

from returns.result import Result, Success

from loki.json_text import JsonObject
from loki.problems import Problem, fail
from loki.records import Target
from loki.wire.openai.rerank import wanted_count
from loki.wire.protocol import without_none


def draft_rerank(target: Target) -> Result[JsonObject, Problem]:
    """Return the body of a reranking, which always says how many results are due."""
    ask = target.ask
    return model_arn(target).map(
        lambda arn: {
            "queries": [{"type": "TEXT", "textQuery": {"text": ask.query}}],
            "sources": [
                {
                    "type": "INLINE",
                    "inlineDocumentSource": {"type": "TEXT", "textDocument": {"text": text}},
                }
                for text in ask.texts
            ],
            "rerankingConfiguration": {
                "type": "BEDROCK_RERANKING_MODEL",
                "bedrockRerankingConfiguration": without_none(
                    {
                        "numberOfResults": wanted_count(ask) or len(ask.texts) or None,
                        "modelConfiguration": {"modelArn": arn},
                    }
                ),
            },
        }
    )


def model_arn(target: Target) -> Result[str, Problem]:
    """Return the model's ARN, which has the region in it."""
    name = target.model.real_name
    if name.startswith("arn:"):
        return Success(name)
    region = target.client.settings.get("region")
    if region is None or region.source != "literal":
        return fail("config", "needs a region, such as us-east-1, to name a reranker by its ARN")
    return Success(
        f"arn:{partition_of(region.value)}:bedrock:{region.value}::foundation-model/{name}"
    )


def partition_of(region: str) -> str:
    """Return the AWS partition of a region.

    >>> partition_of("eu-central-1"), partition_of("us-gov-west-1")
    ('aws', 'aws-us-gov')
    """
    return next((name for start, name in PARTITIONS if region.startswith(start)), "aws")


PARTITIONS = (("us-gov-", "aws-us-gov"), ("cn-", "aws-cn"))
