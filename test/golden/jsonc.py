"""JSON with comments and trailing commas, as devcontainer.json is written."""

import json
import re

STRING_OR_COMMENT = re.compile(r'("(?:\\.|[^"\\])*")|//[^\n\r]*|/\*.*?\*/', re.DOTALL)
STRING_OR_LAST_COMMA = re.compile(r'("(?:\\.|[^"\\])*")|,(?=\s*[\]}])')


def loads(text):
    for pattern in (STRING_OR_COMMENT, STRING_OR_LAST_COMMA):
        text = pattern.sub(lambda found: found[1] or "", text.removeprefix("\ufeff"))
    return json.loads(text)


def policies(document):
    """What of a devcontainer.json, or of a file that is a policy itself, is a policy."""
    if "customizations" not in document:
        return [document] if {"allow", "deny", "mode", "refusal", "upstreams"} & set(document) else []
    policy = document["customizations"].get("egressd", [])
    return policy if isinstance(policy, list) else [policy]
