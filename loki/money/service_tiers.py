"""Changes of a body -> the tiers of service that they ask for, in the words of answers."""

from __future__ import annotations

from loki.json_text import JsonObject, values_at

#: Names of tiers, as answers and patches have them; the usual one has none. Others go by their own.
TIERS = {
    "auto": "",
    "default": "",
    "standard": "",
    "standard_only": "",
    "on_demand": "",
    "unspecified": "",
    "traffic_type_unspecified": "",
    "on_demand_flex": "flex",
    "on_demand_priority": "priority",
    "batches": "batch",
    "service_tier_unspecified": "",
    "service_tier_standard": "",
    "service_tier_flex": "flex",
    "service_tier_priority": "priority",
}

#: Where bodies ask for a tier.
TIER_PATHS = (
    *(["service_tier"], ["serviceTier"], ["serviceTier", "type"]),
    ["performanceConfig", "latency"],
)
#: Where Anthropic's ask for what makes a call dearer: its answers have both as one tier.
SPEED_PATHS = (["speed"],)
PLACE_PATHS = (["inference_geo"],)


def tier_name(tier: str | None) -> str:
    """Return the name of a tier as prices have it, empty for the usual one.

    >>> tier_name("ON_DEMAND_FLEX"), tier_name("gold"), tier_name("auto"), tier_name(None)
    ('flex', 'gold', '', '')
    """
    name = (tier or "").lower()
    return TIERS.get(name, name)


def service_tiers(changes: JsonObject | None) -> set[str | None]:
    """Return the usual tier of service (None), which may answer too, and those asked for.

    >>> sorted(filter(None, service_tiers({"speed": "fast", "inference_geo": "us"})))
    ['fast-us']
    >>> sorted(filter(None, service_tiers({"service_tier": "flex"})))
    ['flex']
    """
    if not changes:
        return {None}
    speeds = [name for name in values_at(changes, SPEED_PATHS) if isinstance(name, str)]
    places = [name for name in values_at(changes, PLACE_PATHS) if name == "us"]
    dearer = "-".join(filter(tier_name, [*speeds, *places]))
    names = [name for name in values_at(changes, TIER_PATHS) if isinstance(name, str)]
    return {None, *(tier_name(name) or None for name in [*names, dearer])}
