"""Bedrock's rerankers: named by their ARN, and always told how many results are due."""

from __future__ import annotations

import pytest
from support import config

from loki.records import Ask, Target
from loki.stages import resolve
from loki.wire.bedrock.rerank import draft_rerank, partition_of


def asked(model: str, top: int | None = None, region: str = "us-east-1") -> Target:
    """Return an ask about two texts."""
    listed = [{"name": "r", "real_name": model, "type": "reranker"}]
    known = config({"type": "bedrock", "region": region, "api_key": "k", "models": listed})
    ask = Ask(texts=("a", "b"), query="q", model="bedrock:r", top=top)
    return resolve(known, "reranker")(ask).unwrap()


def test_the_body_has_the_query_and_every_document() -> None:
    body = draft_rerank(asked("cohere.rerank-v3-5:0")).unwrap()
    assert body["queries"] == [{"type": "TEXT", "textQuery": {"text": "q"}}]
    texts = [each["inlineDocumentSource"]["textDocument"]["text"] for each in body["sources"]]
    assert texts == ["a", "b"]


@pytest.mark.parametrize(("top", "due"), [(None, 2), (1, 1), (9, 2)])
def test_how_many_results_are_due_is_always_said(top: int | None, due: int) -> None:
    body = draft_rerank(asked("cohere.rerank-v3-5:0", top)).unwrap()
    result = body["rerankingConfiguration"]["bedrockRerankingConfiguration"]
    assert result["numberOfResults"] == due


@pytest.mark.parametrize(
    ("model", "region", "arn"),
    [
        ("r-1", "eu-west-1", "arn:aws:bedrock:eu-west-1::foundation-model/r-1"),
        ("r-1", "us-gov-west-1", "arn:aws-us-gov:bedrock:us-gov-west-1::foundation-model/r-1"),
        ("r-1", "cn-north-1", "arn:aws-cn:bedrock:cn-north-1::foundation-model/r-1"),
        ("arn:aws:bedrock:x::y/z", "eu-west-1", "arn:aws:bedrock:x::y/z"),
    ],
)
def test_a_model_is_named_by_its_arn(model: str, region: str, arn: str) -> None:
    body = draft_rerank(asked(model, region=region)).unwrap()
    result = body["rerankingConfiguration"]["bedrockRerankingConfiguration"]
    assert result["modelConfiguration"] == {"modelArn": arn}


@pytest.mark.parametrize("region", ["us-east-1", "cnx", "eu-gov-1", ""])
def test_all_other_regions_are_of_the_one_part(region: str) -> None:
    assert partition_of(region) == "aws"
