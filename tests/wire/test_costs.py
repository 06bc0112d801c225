"""What every recorded call cost, worked out by hand from its own numbers and the prices of its day.

A row: the model; US dollars a million tokens (KINDS names them); and the sum.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any, NamedTuple

import pytest
from support import (
    ROOT,
    body_of,
    client_of,
    config,
    cut,
    recordings,
    request,
    response,
    stream_pieces,
)

from loki.config.catalogue import build_catalogued, parse_section
from loki.messages import Message
from loki.money.prices import cost
from loki.records import Ask, Draft, Model, Request
from loki.replies import Reply
from loki.stages import resolve
from loki.stages.account import account
from loki.stages.parse import collect, parse
from loki.usage import Usage

SHIPPED = (ROOT / "loki" / "data" / "models.json").read_text("utf-8")


class Row(NamedTuple):
    """A call: what was asked, what its tokens cost then, and what that comes to."""

    model: str
    prices: str
    sum: str  # tokens*price + …; "" where nobody can know


HAIKU_3, HAIKU_45, SONNET = "0.25 1.25", "1 5 0.10 1.25", "3 15 0.30 3.75"
GPT_5, GPT_4O, MINI, NANO = "1.25 10 0.125", "2.50 10 1.25", "0.15 0.60 0.075", "0.05 0.40 0.005"
FLASH_2, FLASH_25, FLASH_3, FLASH_35 = "0.10 0.40", "0.30 2.50 0.03", "0.50 3 0.05", "1.50 9 0.15"
PRO_25, NOVA_2, COMMAND_A, COMMAND_R = "1.25 10 0.125", "0.33 2.75", "2.50 10", "0.15 0.60"
DEEPSEEK, GROK_4, GROK_CODE = "0.28 0.42 0.028", "0.20 0.50 0.05", "0.20 1.50 0.02"

ROWS = {
    # Anthropic counts what its cache gave or took beside the input
    "anthropic-chat-stream-cached-1": Row(
        "claude-3-5-sonnet-20240620", SONNET, "4*3 + 1167*0.30 + 256*15"
    ),
    "anthropic-chat-stream-cachewrite-1": Row(
        "claude-3-5-sonnet-20240620", SONNET, "4*3 + 1165*3.75 + 201*15"
    ),
    "anthropic-chat-stream-plain-1": Row("claude-3-haiku-20240307", HAIKU_3, "19*0.25 + 5*1.25"),
    "anthropic-chat-stream-structured-1": Row("claude-sonnet-4-6", SONNET, "17*3 + 12*15"),
    "anthropic-chat-stream-thinking-1": Row("claude-3-7-sonnet-20250219", SONNET, "52*3 + 216*15"),
    "anthropic-chat-stream-tools-1": Row("claude-sonnet-4-20250514", SONNET, "502*3 + 137*15"),
    "anthropic-chat-stream-tools-2": Row("claude-haiku-4-5-20251001", HAIKU_45, "815*1 + 41*5"),
    "anthropic-chat-stream-vision-1": Row("claude-3-5-sonnet-20240620", SONNET, "78*3 + 296*15"),
    # the last counts of a stream hold, and a search of the web is ten dollars a thousand
    "anthropic-chat-stream-web_search_tool_result-1": Row(
        "claude-sonnet-4-5", f"{SONNET} - - 0.01", "11665*3 + 186*15 + 1*10000"
    ),
    "anthropic-chat-unary-plain-2": Row("claude-3-haiku-20240307", HAIKU_3, "14*0.25 + 6*1.25"),
    "anthropic-chat-unary-plain-3": Row("claude-sonnet-5", "2 10", "23*2 + 7*10"),
    "anthropic-chat-unary-structured-1": Row("claude-sonnet-4-6", SONNET, "210*3 + 12*15"),
    "anthropic-chat-unary-thinking-2": Row("claude-opus-4-6", "5 25", "31*5 + 30*25"),
    "anthropic-chat-unary-toolresult-1": Row("claude-sonnet-5", "2 10", "549*2 + 12*10"),
    "anthropic-chat-unary-tools-1": Row("claude-haiku-4-5-20251001", HAIKU_45, "596*1 + 75*5"),
    "anthropic-chat-unary-tools-2": Row("claude-3-5-haiku-20241022", "0.80 4", "357*0.80 + 59*4"),
    "anthropic-chat-unary-tools-3": Row("claude-sonnet-5", "2 10", "512*2 + 26*10"),
    # Azure; its xAI model tells more cached tokens than prompt, which no price fits
    "azure-openai-chat-stream-plain-1": Row("gpt-5-nano", NANO, "50*0.05 + 4350*0.40"),
    "azure-openai-chat-stream-plain-2": Row("o4-mini", "1.10 4.40", "19*1.10 + 149*4.40"),
    "azure-openai-chat-stream-toolresult-1": Row("o4-mini", "1.10 4.40", "92*1.10 + 56*4.40"),
    "azure-openai-chat-unary-plain-1": Row("gpt-4o", GPT_4O, "14*2.50 + 9*10"),
    "azure-openai-chat-unary-plain-2": Row("openllmetry-testing", GPT_4O, "15*2.50 + 24*10"),
    "azure-openai-chat-unary-structured-1": Row("grok-4-1-fast-non-reasoning", GROK_4, ""),
    "azure-openai-chat-unary-tools-1": Row(
        "grok-4-1-fast-non-reasoning", GROK_4, "60*0.20 + 159*0.05 + 45*0.50"
    ),
    "azure-openai-chat-unary-vision-1": Row(
        "grok-4-1-fast-non-reasoning", GROK_4, "103*0.20 + 162*0.05 + 52*0.50"
    ),
    "azure-openai-responses-stream-tools-1": Row("o4-mini", "1.10 4.40", "60*1.10 + 219*4.40"),
    "azure-openai-responses-unary-plain-1": Row("gpt-5.4", "2.50 15", "18*2.50 + 5*15"),
    # Bedrock; a tenth more within the United States
    "bedrock-converse-stream-citations-1": Row(
        "us.anthropic.claude-haiku-4-5-20251001-v1:0", "1.10 5.50", "670*1.10 + 28*5.50"
    ),
    "bedrock-converse-stream-filtered-1": Row(
        "amazon.titan-text-express-v1", "0.20 0.60", "28*0.20 + 22*0.60"
    ),
    "bedrock-converse-stream-plain-1": Row(
        "us.amazon.nova-2-lite-v1:0", NOVA_2, "53*0.33 + 21*2.75"
    ),
    "bedrock-converse-stream-plain-2": Row("anthropic.claude-v2", "8 24", "37*8 + 8*24"),
    "bedrock-converse-stream-structured-1": Row(
        "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "3.30 16.50", "210*3.30 + 18*16.50"
    ),
    "bedrock-converse-stream-tools-1": Row(
        "us.amazon.nova-2-lite-v1:0", NOVA_2, "1002*0.33 + 59*2.75"
    ),
    "bedrock-converse-stream-tools-2": Row(
        "us.amazon.nova-2-lite-v1:0", NOVA_2, "1133*0.33 + 42*2.75"
    ),
    "bedrock-converse-unary-length-1": Row(
        "amazon.nova-micro-v1:0", "0.035 0.14", "7*0.035 + 64*0.14"
    ),
    "bedrock-converse-unary-plain-1": Row("qwen.qwen3-32b-v1:0", "0.15 0.60", "19*0.15 + 2*0.60"),
    "bedrock-converse-unary-thinking-1": Row(
        "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "3.30 16.50", "43*3.30 + 459*16.50"
    ),
    "bedrock-converse-unary-toolresult-1": Row(
        "us.amazon.nova-2-lite-v1:0", NOVA_2, "996*0.33 + 16*2.75"
    ),
    "bedrock-converse-unary-toolresult-2": Row(
        "us.amazon.nova-2-lite-v1:0", NOVA_2, "1382*0.33 + 90*2.75"
    ),
    "bedrock-converse-unary-tools-1": Row(
        "amazon.nova-micro-v1:0", "0.035 0.14", "415*0.035 + 190*0.14"
    ),
    "bedrock-converse-unary-tools-3": Row(
        "us.anthropic.claude-sonnet-5", "2.20 11", "446*2.20 + 55*11"
    ),
    "cerebras-chat-unary-plain-1": Row("llama-3.3-70b", "0.85 1.20", "43*0.85 + 9*1.20"),
    "cerebras-chat-unary-tools-1": Row("qwen-3-coder-480b", "2 2", "364*2 + 33*2"),
    # Cohere bills fewer tokens than the model saw
    "cohere-chat-stream-plain-1": Row("command-a-03-2025", COMMAND_A, "7*2.50 + 21*10"),
    "cohere-chat-stream-plain-2": Row("command-r-08-2024", COMMAND_R, "12*0.15 + 36*0.60"),
    "cohere-chat-stream-toolresult-1": Row("command-a-03-2025", COMMAND_A, "47*2.50 + 8*10"),
    "cohere-chat-stream-toolresult-2": Row("command-a-03-2025", COMMAND_A, "217*2.50 + 21*10"),
    "cohere-chat-stream-tools-1": Row("command-r", COMMAND_R, "62*0.15 + 28*0.60"),
    "cohere-chat-stream-tools-3": Row("command-r", COMMAND_R, "23*0.15 + 41*0.60"),
    "cohere-chat-unary-length-1": Row("command-a-03-2025", COMMAND_A, "11*2.50 + 4*10"),
    "cohere-chat-unary-structured-1": Row("command-r", COMMAND_R, "15*0.15 + 17*0.60"),
    "cohere-chat-unary-thinking-1": Row(
        "command-a-reasoning-08-2025", COMMAND_A, "431*2.50 + 661*10"
    ),
    "cohere-chat-unary-tools-1": Row("command-r", COMMAND_R, "62*0.15 + 28*0.60"),
    "cohere-chat-unary-tools-3": Row("command-a-03-2025", COMMAND_A, "60*2.50 + 27*10"),
    "cohere-chat-unary-vision-1": Row("command-a-vision-07-2025", COMMAND_A, "262*2.50 + 59*10"),
    "deepseek-chat-stream-plain-1": Row("deepseek-chat", DEEPSEEK, "32*0.28 + 324*0.42"),
    "deepseek-chat-stream-plain-2": Row("deepseek-chat", DEEPSEEK, "11*0.28 + 8*0.42"),
    "deepseek-chat-stream-tools-1": Row(
        "deepseek-chat", DEEPSEEK, "112*0.28 + 384*0.028 + 31*0.42"
    ),
    "deepseek-chat-unary-plain-1": Row("deepseek-chat", DEEPSEEK, "12*0.28 + 1*0.42"),
    "deepseek-chat-unary-plain-2": Row("deepseek-chat", DEEPSEEK, "11*0.28 + 8*0.42"),
    "deepseek-chat-unary-structured-1": Row("deepseek-chat", DEEPSEEK, "44*0.28 + 9*0.42"),
    "deepseek-chat-unary-toolresult-1": Row(
        "deepseek-reasoner", DEEPSEEK, "80*0.28 + 896*0.028 + 61*0.42"
    ),
    "deepseek-responses-stream-tools-1": Row(
        "deepseek-v4-flash", "0.30 1.20 0.006", "110*0.30 + 256*0.006 + 59*1.20"
    ),
    "deepseek-responses-unary-tools-1": Row(
        "deepseek-v4-flash", "0.30 1.20 0.006", "110*0.30 + 256*0.006 + 63*1.20"
    ),
    # Gemini counts thoughts beside the candidates, and bills both as output
    "gemini-chat-stream-filtered-1": Row("gemini-2.0-flash", FLASH_2, "9*0.10 + 261*0.40"),
    "gemini-chat-stream-non-ascii-1": Row(
        "gemini-2.5-flash", FLASH_25, "11*0.30 + 2*2.50 + 21*2.50"
    ),
    "gemini-chat-stream-plain-1": Row("gemini-2.0-flash-001", FLASH_2, "7*0.10 + 8*0.40"),
    "gemini-chat-stream-structured-1": Row(
        "gemini-flash-latest", "0.75 3.75", "11*0.75 + 14*3.75 + 381*3.75"
    ),
    "gemini-chat-stream-tools-1": Row("gemini-2.5-flash", FLASH_25, "121*0.30 + 36*2.50 + 38*2.50"),
    "gemini-chat-stream-tools-2": Row("gemini-2.5-flash", FLASH_25, "238*0.30 + 29*2.50"),
    "gemini-chat-unary-cached-1": Row(
        "gemini-3.5-flash", FLASH_35, "249*1.50 + 92*0.15 + 10*9 + 499*9"
    ),
    "gemini-chat-unary-filtered-1": Row("gemini-2.0-flash", FLASH_2, "7*0.10 + 20*0.40"),
    "gemini-chat-unary-length-1": Row("gemini-2.0-flash", FLASH_2, "30*0.10 + 50*0.40"),
    "gemini-chat-unary-plain-1": Row("gemini-2.0-flash", FLASH_2, "7*0.10 + 22*0.40"),
    "gemini-chat-unary-plain-2": Row("gemini-2.0-flash-001", FLASH_2, "2*0.10 + 11*0.40"),
    "gemini-chat-unary-tools-3": Row("gemini-3.5-flash", FLASH_35, "67*1.50 + 10*9 + 155*9"),
    "gemini-chat-unary-tools-4": Row("gemini-2.5-flash", FLASH_25, "101*0.30 + 10*2.50"),
    "gemini-chat-unary-vision-1": Row("gemini-3.5-flash", FLASH_35, "1102*1.50 + 163*9 + 841*9"),
    "groq-chat-stream-plain-2": Row("llama3-8b-8192", "0.05 0.08", "12*0.05 + 26*0.08"),
    "groq-chat-stream-tools-2": Row("openai/gpt-oss-120b", "0.15 0.60", "304*0.15 + 49*0.60"),
    "groq-chat-unary-plain-1": Row("llama3-8b-8192", "0.05 0.08", "18*0.05 + 34*0.08"),
    "groq-chat-unary-plain-2": Row("llama3-8b-8192", "0.05 0.08", "18*0.05 + 26*0.08"),
    "groq-chat-unary-toolresult-2": Row("moonshotai/kimi-k2-instruct-0905", "1 3", "143*1 + 13*3"),
    "groq-chat-unary-toolresult-3": Row(
        "meta-llama/llama-4-maverick-17b-128e-instruct", "0.20 0.60", "1198*0.20 + 60*0.60"
    ),
    "groq-chat-unary-tools-2": Row("moonshotai/kimi-k2-instruct-0905", "1 3", "93*1 + 32*3"),
    "heroku-chat-unary-plain-1": Row("claude-3-7-sonnet", SONNET, "14*3 + 51*15"),
    "huggingface-chat-stream-plain-1": Row(
        "meta-llama/llama-3.1-8b-instruct", "0.02 0.05", "40*0.02 + 2*0.05"
    ),
    "huggingface-chat-unary-tools-1": Row("m", "0.60 0.60", "608*0.60 + 30*0.60"),
    "huggingface-chat-unary-vision-1": Row(
        "Qwen/Qwen2.5-VL-72B-Instruct", "0.25 0.75", "269*0.25 + 27*0.75"
    ),
    "llama-cpp-chat-stream-plain-1": Row("gpt-3.5-turbo", "0 0", "10*0 + 50*0"),
    "llama-cpp-chat-unary-tools-1": Row("openai/gpt-oss-20b", "0 0", "139*0 + 51*0"),
    "mistral-chat-stream-plain-2": Row(
        "mistral-small-latest", "0.15 0.60 0.015", "22*0.15 + 8*0.60"
    ),
    "mistral-chat-stream-thinking-1": Row("magistral-medium-latest", "2 5", "10*2 + 232*5"),
    "mistral-chat-stream-toolresult-1": Row(
        "mistral-small-latest", "0.15 0.60 0.015", "32*0.15 + 320*0.015 + 42*0.60"
    ),
    "mistral-chat-stream-tools-2": Row(
        "mistral-small-latest", "0.15 0.60 0.015", "43*0.15 + 128*0.015 + 14*0.60"
    ),
    "mistral-chat-unary-cached-1": Row(
        "mistral-tiny", "0.25 0.25 0.025", "10*0.25 + 10*0.025 + 18*0.25"
    ),
    "mistral-chat-unary-plain-1": Row("mistral-tiny", "0.25 0.25", "11*0.25 + 67*0.25"),
    "mistral-chat-unary-plain-2": Row("mistral-tiny", "0.25 0.25", "11*0.25 + 53*0.25"),
    "mistral-chat-unary-structured-1": Row(
        "mistral-small-latest", "0.15 0.60 0.015", "24*0.15 + 7*0.60"
    ),
    "mistral-chat-unary-toolresult-1": Row("mistral-large-latest", "2 6", "100*2 + 29*6"),
    "mistral-chat-unary-tools-2": Row("pixtral-12b-latest", "0.15 0.15", "65*0.15 + 16*0.15"),
    "ollama-chat-unary-structured-1": Row("qwen3:0.6b", "0 0", "136*0 + 15*0"),
    # OpenAI: cached is a part of the prompt, thoughts are a part of the completion
    "openai-chat-stream-ngt1-1": Row("gpt-4o-mini", MINI, "26*0.15 + 104*0.60"),
    "openai-chat-stream-plain-1": Row("gpt-5", GPT_5, "19*1.25 + 75*10"),
    "openai-chat-stream-structured-1": Row("gpt-5", GPT_5, "95*1.25 + 281*10"),
    "openai-chat-stream-toolresult-1": Row("gpt-4o-mini", MINI, "83*0.15 + 9*0.60"),
    "openai-chat-stream-tools-2": Row("gpt-4o", GPT_4O, "398*2.50 + 10*10"),
    "openai-chat-stream-vision-1": Row("gpt-5", GPT_5, "232*1.25 + 96*10"),
    "openai-chat-unary-cached-1": Row(
        "gpt-4.1-nano", "0.10 0.40 0.025", "56*0.10 + 1024*0.025 + 7*0.40"
    ),
    "openai-chat-unary-plain-1": Row(
        "gpt-audio-mini", "0.60 2.40 - - 10", "16*0.60 + 43*10 + 123*2.40"
    ),
    "openai-chat-unary-plain-2": Row("gpt-4o-mini", MINI, "10*0.15 + 12*0.60"),
    # a model that searches the web with every call: 25 dollars a thousand
    "openai-chat-unary-plain-3": Row(
        "gpt-4o-mini-search-preview", "0.15 0.60 - - - 0.025", "13*0.15 + 197*0.60 + 1*25000"
    ),
    "openai-chat-unary-toolresult-1": Row("gpt-4o", GPT_4O, "92*2.50 + 15*10"),
    "openai-chat-unary-vision-1": Row("gpt-4-vision-preview", "10 30", "438*10 + 16*30"),
    "openai-chat-unary-vision-2": Row("gpt-4o-mini", MINI, "8513*0.15 + 16*0.60"),
    "openai-responses-stream-plain-1": Row("gpt-5.5", "5 30 0.50", "11*5 + 5*30"),
    "openai-responses-stream-thinking-1": Row("gpt-5", GPT_5, "19*1.25 + 118*10"),
    "openai-responses-stream-tools-2": Row("gpt-4o", GPT_4O, "72*2.50 + 14*10"),
    "openai-responses-unary-plain-1": Row("gpt-4.1-nano", "0.10 0.40", "18*0.10 + 2*0.40"),
    "openai-responses-unary-thinking-1": Row("gpt-5-nano", NANO, "11*0.05 + 327*0.40"),
    "openai-responses-unary-tools-1": Row("gpt-5.5", "5 30 0.50", "58*5 + 23*30"),
    # OpenRouter, which tells the sum too
    "openrouter-chat-stream-plain-2": Row("anthropic/claude-haiku-4.5", HAIKU_45, "15*1 + 9*5"),
    "openrouter-chat-stream-tools-1": Row("openai/gpt-5.4-nano", "0.20 1.25", "109*0.20 + 54*1.25"),
    "openrouter-chat-stream-tools-2": Row("anthropic/claude-haiku-4.5", HAIKU_45, "791*1 + 41*5"),
    "openrouter-chat-unary-cached-1": Row(
        "anthropic/claude-sonnet-4.6", SONNET, "3*3 + 2240*0.30 + 329*3.75 + 100*15"
    ),
    "openrouter-chat-unary-plain-1": Row("openai/gpt-4o-mini", MINI, "20*0.15 + 1*0.60"),
    "openrouter-chat-unary-tools-1": Row("openai/gpt-5.4-nano", "0.20 1.25", "113*0.20 + 54*1.25"),
    "openrouter-chat-unary-tools-3": Row("google/gemini-2.5-flash", FLASH_25, "480*0.30 + 33*2.50"),
    "openrouter-chat-unary-tools-4": Row("google/gemini-2.5-flash", FLASH_25, "27*0.30 + 3*2.50"),
    "openrouter-chat-unary-vision-1": Row("anthropic/claude-haiku-4.5", HAIKU_45, "81*1 + 173*5"),
    "openrouter-responses-stream-thinking-1": Row(
        "openai/gpt-oss-20b", "0.05 0.20", "78*0.05 + 37*0.20"
    ),
    "openrouter-responses-unary-plain-1": Row(
        "openai/gpt-5.6-sol", "5 30 0.50", "8*5 + 4012*0.50 + 5*30"
    ),
    # Perplexity asks a fee for each call by how much it read; its own sum, to a hundredth of a cent
    "perplexity-chat-stream-plain-1": Row("sonar", "1 1", "1*5010"),
    "perplexity-chat-unary-plain-1": Row("sonar", "1 1", "1*5020"),
    "together-chat-stream-plain-1": Row(
        "meta-llama/Llama-3.3-70B-Instruct-Turbo", "0.88 0.88", "41*0.88 + 15*0.88"
    ),
    "together-chat-unary-plain-1": Row(
        "mistralai/Mixtral-8x7B-Instruct-v0.1", "0.60 0.60", "18*0.60 + 35*0.60"
    ),
    # routers that count thoughts beside the output, as their own sums show
    "vercel-gateway-chat-stream-toolresult-1": Row(
        "google/gemini-3-pro-preview", "2 12", "40*2 + 14*12 + 43*12"
    ),
    "vercel-gateway-chat-stream-tools-1": Row(
        "google/gemini-2.5-flash", FLASH_25, "28*0.30 + 5*2.50 + 48*2.50"
    ),
    "vercel-gateway-chat-unary-plain-1": Row(
        "google/gemini-2.5-flash", FLASH_25, "9*0.30 + 2*2.50 + 25*2.50"
    ),
    "vercel-gateway-chat-unary-tools-1": Row(
        "google/gemini-3-pro-preview", "2 12", "28*2 + 9*12 + 69*12"
    ),
    "vertex-chat-stream-filtered-1": Row("gemini-2.0-flash", FLASH_2, "10*0.10 + 66*0.40"),
    "vertex-chat-stream-grounding-1": Row("gemini-2.5-flash", FLASH_25, "57*0.30 + 48*2.50"),
    "vertex-chat-stream-plain-1": Row("gemini-2.0-flash", FLASH_2, "6*0.10 + 4*0.40"),
    "vertex-chat-stream-structured-1": Row("gemini-2.5-pro", PRO_25, "19*1.25 + 28*10 + 57*10"),
    "vertex-chat-stream-toolresult-1": Row("gemini-2.5-flash", FLASH_25, "89*0.30 + 12*2.50"),
    "vertex-chat-stream-tools-2": Row("gemini-2.5-flash", FLASH_25, "70*0.30 + 17*2.50 + 43*2.50"),
    "vertex-chat-unary-cached-1": Row(
        "gemini-2.5-flash", FLASH_25, "770*0.30 + 11243*0.03 + 15*2.50 + 73*2.50"
    ),
    "vertex-chat-unary-structured-1": Row("gemini-2.5-pro", PRO_25, "19*1.25 + 28*10 + 132*10"),
    "vertex-chat-unary-thinking-1": Row("gemini-3-flash-preview", FLASH_3, "21*0.50 + 8*3 + 28*3"),
    # it searched the web, which is free so and so often a day
    "vertex-chat-unary-thoughts-1": Row("gemini-2.5-flash", FLASH_25, ""),
    "vertex-chat-unary-tools-1": Row("gemini-2.5-flash", FLASH_25, "43*0.30 + 9*2.50 + 44*2.50"),
    "vertex-chat-unary-tools-2": Row("gemini-3-flash-preview", FLASH_3, "102*0.50 + 7*3 + 108*3"),
    "vertex-chat-unary-tools-3": Row("gemini-2.5-flash", FLASH_25, "26*0.30 + 3*2.50 + 38*2.50"),
    "vertex-claude-chat-stream-plain-1": Row("claude-3-7-sonnet@20250219", SONNET, "16*3 + 16*15"),
    "vertex-claude-chat-stream-tools-1": Row("claude-3-7-sonnet@20250219", SONNET, "453*3 + 67*15"),
    "vertex-claude-chat-unary-plain-1": Row("claude-3-7-sonnet@20250219", SONNET, "16*3 + 16*15"),
    "vertex-claude-chat-unary-toolresult-1": Row(
        "claude-3-7-sonnet@20250219", SONNET, "476*3 + 77*15"
    ),
    # xAI counts thoughts beside the output of a chat, but within that of a response
    "xai-chat-stream-thinking-1": Row(
        "grok-code-fast-1", GROK_CODE, "21*0.20 + 192*0.02 + 2*1.50 + 198*1.50"
    ),
    "xai-chat-unary-tools-1": Row(
        "grok-code-fast-1", GROK_CODE, "198*0.20 + 192*0.02 + 26*1.50 + 97*1.50"
    ),
    "xai-responses-stream-tools-1": Row(
        "grok-4.3", "1.25 2.50 0.20", "161*1.25 + 128*0.20 + 171*2.50"
    ),
    "xai-responses-unary-tools-1": Row(
        "grok-4.3", "1.25 2.50 0.20", "20*1.25 + 320*0.20 + 108*2.50"
    ),
}

#: Streams that broke off, with errors in them: there is no answer to price.
BROKEN = {"groq-chat-stream-thinking-1", "openrouter-chat-stream-thinking-1"}

KINDS = ("input", "output", "cache_read", "cache_write", "audio_input", "request", "search")

SOUND = [each for each in recordings() if each.id not in BROKEN]


def worked_out(sum_: str) -> Decimal | None:
    """US dollars of a sum: ``tokens*price + …``, the prices for a million."""
    if not sum_:
        return None
    terms = (term.split("*") for term in sum_.split("+"))
    return sum((int(n) * Decimal(price.strip()) for n, price in terms), Decimal(0)) / 1_000_000


def reply_to(recording: Any, row: Row) -> Reply:
    """A recorded answer, read and priced by us, with the row's prices in the configuration."""
    told_prices = zip(KINDS, row.prices.split(), strict=False)
    prices = {f"{kind}_price": price for kind, price in told_prices if price != "-"}
    client = client_of(recording)
    base: dict[str, Any] = next(iter(client.get("models", [])), {})
    listed = {**client, "models": [{**base, "name": "m", "real_name": row.model, **prices}]}
    asked = request_to(listed, recording["stream"])
    if recording["stream"]:
        reply = collect(stream_pieces(asked, cut(body_of(recording), 700))).unwrap()
    else:
        reply = parse(response(asked, 200, body_of(recording))).unwrap()
    return account(reply)


def request_to(client: dict[str, Any], stream: bool) -> Request:
    """Some request to the model ``m`` of a client."""
    name = client.get("name", client["type"])
    ask = Ask((Message("user", "Hi"),), model=f"{name}:m", stream=stream)
    target = resolve(config(client))(ask).unwrap()
    return replace(request(client, stream), draft=Draft(target, "https://a.example/", {}, {}))


@pytest.mark.parametrize("recording", SOUND)
def test_every_recorded_call_costs_what_was_worked_out_by_hand(recording: Any) -> None:
    row = ROWS[recording["id"]]
    assert reply_to(recording, row).cost == worked_out(row.sum)


@pytest.mark.parametrize("recording", SOUND)
def test_a_cost_that_the_answer_names_is_the_one_worked_out(recording: Any) -> None:
    row = ROWS[recording["id"]]
    usage = reply_to(recording, row).usage
    if usage.told_cost is None:
        return
    told_by = {"openrouter", "vercel-gateway", "xai", "perplexity"}
    assert recording["provider"] in told_by
    assert usage.told_cost == worked_out(row.sum)


def test_enough_recorded_answers_name_their_cost() -> None:
    """Else the test before this one would say nothing."""
    result = [reply_to(each, ROWS[each["id"]]).usage.told_cost for each in present(SOUND)]
    assert sum(cost is not None for cost in result) >= 20


def present(params: list[Any]) -> list[Any]:
    """Return the recordings of some parameters; skip the test where there are none."""
    found = [each.values[0] for each in params if each.values[0] is not None]
    if not found:
        pytest.skip("no recorded exchanges")
    return found


#: Where the catalogue's prices are not those of the recording's day any more.
CHANGED = {
    "openrouter-responses-stream-thinking-1": "another host serves it, for less",
    "openrouter-responses-unary-plain-1": "4, 20 and 0.40 dollars now",
    "mistral-chat-stream-thinking-1": "it was 2 and 5 dollars",
    "mistral-chat-unary-toolresult-1": "it was 2 and 6 dollars",
}

SECTIONS = {"anthropic": "claude", "vertex": "vertexai", "vertex-claude": "vertexai"}


@cache
def catalogued(name: str) -> tuple[Model, ...]:
    return build_catalogued(parse_section(SHIPPED, name), name)


def section_of(recording: Any) -> str:
    """The catalogue's name for a recording's provider."""
    provider: str = recording["provider"]
    return SECTIONS.get(provider, provider)


def catalogue_cost(recording: Any, row: Row) -> tuple[Usage, Decimal | None]:
    """What a call costs by the shipped catalogue alone, None if it does not have the model."""
    found = {each.name: each for each in catalogued(section_of(recording))}.get(row.model)
    usage = replace(reply_to(recording, row).usage, told_cost=None)
    return usage, None if found is None else cost(usage, found.price)


def test_the_catalogue_prices_recorded_calls_alike() -> None:
    alike = 0
    for each in SOUND:
        recording: Any = each.values[0]
        if recording is None:
            pytest.skip("no recorded exchanges")
        row = ROWS[recording["id"]]
        found = catalogue_cost(recording, row)[1]
        if found is None or recording["id"] in CHANGED:
            continue
        assert found == worked_out(row.sum), recording["id"]
        alike += 1
    assert alike >= 60


# ---- against another program's prices ----------------------------------------------------------

#: genai-prices' names for our sections.
PROVIDERS = {
    **{name: name for name in ("openai", "anthropic", "cohere", "deepseek", "groq", "mistral")},
    "azure-openai": "azure",
    "bedrock": "aws",
    "gemini": "google",
    "openrouter": "openrouter",
    "perplexity": "perplexity",
    "vertex": "google",
    "xai": "x-ai",
}

#: Why it comes to another figure, by model or recording.
OTHERWISE = {
    "deepseek-chat": "the name stands for a newer and dearer model now",
    "deepseek-reasoner": "the name stands for a newer and dearer model now",
    "mistral-chat-unary-cached-1": "it has no price for what is cached there",
    "gpt-audio-mini": "it is not told here what was sound",
    "gpt-4o-mini-search-preview": "it leaves out the fee for the search",
    "openai/gpt-oss-20b": CHANGED["openrouter-responses-stream-thinking-1"],
    "openai/gpt-5.6-sol": CHANGED["openrouter-responses-unary-plain-1"],
    "sonar": "it takes the dearest of three fees, whatever was asked for",
}


def by_genai_prices(recording: Any, row: Row, usage: Usage) -> Decimal | None:
    """What genai-prices makes of a call, None where it does not know the model by that name."""
    genai_prices = pytest.importorskip("genai_prices")
    provider = PROVIDERS.get(recording["provider"])
    if provider is None:
        return None
    whole = usage.billed_input is None
    counts = genai_prices.Usage(
        input_tokens=usage.input if whole else usage.billed_input,
        output_tokens=usage.output if whole else usage.billed_output,
        cache_read_tokens=usage.cache_read if whole else None,
        cache_write_tokens=usage.cache_write,
        web_searches=usage.searches,
    )
    busy = datetime(2026, 11, 20, 8, tzinfo=UTC)  # an hour at which DeepSeek is not cheaper
    try:
        found = genai_prices.calc_price(
            counts, row.model, provider_id=provider, genai_request_timestamp=busy
        )
    except LookupError:
        return None
    return Decimal(found.total_price)


@pytest.mark.parametrize("recording", SOUND)
def test_another_program_comes_to_the_same_figure(recording: Any) -> None:
    row = ROWS[recording["id"]]
    found = by_genai_prices(recording, row, reply_to(recording, row).usage) if row.sum else None
    if found is not None:
        explained = row.model in OTHERWISE or recording["id"] in OTHERWISE
        assert (found == worked_out(row.sum)) is not explained


def test_another_program_knows_enough_of_the_recorded_calls() -> None:
    """Else the test before this one would say nothing."""
    rows = [(each, ROWS[each["id"]]) for each in present(SOUND)]
    found = [by_genai_prices(each, row, reply_to(each, row).usage) for each, row in rows if row.sum]
    assert sum(cost is not None for cost in found) >= 120
