#!/usr/bin/env python3
"""Makes the JSON Schemas of what `freehold ... -o json` prints, from the components of ../openapi.json.

    docs/schemas/generate.py [--check]

--check   writes nothing; says which files are not as they would be made, with status 1
"""
import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
DIALECT = "https://json-schema.org/draft/2020-12/schema"
# Command: the component that a row is. A name in brackets: the document is a list of them.
LISTINGS = {
    "status": "StatusRow",
    "user list": "[UserRow]",
    "group list": "[GroupRow]",
    "share list": "[ShareRow]",
    "share access": "[ShareAccessRow]",
    "server show": "ServerConfigurationRow",
    "session list": "[SessionRow]",
    "openfile list": "[OpenFileRow]",
    "token list": "[TokenRow]",
    "token add": "NewTokenRow",
    "domain status": "DomainStatusRow",
    "domain test": "[CheckRow]",
    "domain lookup": "[AccountRow]",
    "domain groups": "[MembershipRow]",
    "alias list": "[AliasRow]",
    "acl show": "[AclRow]",
    "acl jobs": "[AclJobRow]",
    "explain": "Explanation",
    "export": "Declaration",
    "dfs namespace list": "[DfsNamespaceRow]",
    "dfs folder list": "[DfsFolderRow]",
    "dfs target list": "[DfsTargetRow]",
    "dfs target test": "[DfsTestRow]",
    "dfs site list": "[DfsSiteRow]",
    "dfs resolve": "DfsResolution",
    "quota settings": "[QuotaSettingsRow]",
    "quota list": "[UserQuotaRow]",
    "quota group list": "[GroupQuotaRow]",
    "quota folder list": "[FolderQuotaRow]",
    "quota template list": "[QuotaTemplateRow]",
    "quota auto list": "[AutoQuotaRow]",
    "quota report": "[ReportRow]",
    "quota forecast": "[ForecastRow]",
    "quota notify show": "NotificationRow",
    "quota recount": "RecountRow",
}


def rewritten(value):
    """References into the components become references into the schema itself."""
    if isinstance(value, dict):
        return {key: item.replace("#/components/schemas/", "#/$defs/") if key == "$ref" else rewritten(item)
                for key, item in value.items()}
    if isinstance(value, list):
        return [rewritten(item) for item in value]
    return value


def referenced(value):
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"].rsplit("/", 1)[1]
        for item in value.values():
            yield from referenced(item)
    elif isinstance(value, list):
        for item in value:
            yield from referenced(item)


def schema(command, row, components):
    name = row.strip("[]")
    needed, open_names = {}, [name]
    while open_names:
        one = open_names.pop()
        if one not in needed:
            needed[one] = components[one]
            open_names += referenced(components[one])
    reference = {"$ref": f"#/$defs/{name}"}
    what = {"type": "array", "items": reference} if row.startswith("[") else reference
    return {"$schema": DIALECT, "$id": f"urn:freehold:schema:{command.replace(' ', '-')}", "title": f"freehold {command} -o json",
            "description": components[name].get("description", ""), **what,
            "$defs": {key: rewritten(needed[key]) for key in sorted(needed)}}


def outputs():
    """What each file is to say."""
    components = json.loads((HERE.parent / "openapi.json").read_text())["components"]["schemas"]
    return {HERE / (command.replace(" ", "-") + ".json"): json.dumps(schema(command, row, components), indent=2) + "\n"
            for command, row in LISTINGS.items()}


def main():
    check = sys.argv[1:] == ["--check"]
    made = outputs()
    stale = [path for path, text in made.items() if not path.exists() or path.read_text() != text]
    surplus = [path for path in HERE.glob("*.json") if path not in made]
    if not check:
        for path in stale:
            path.write_text(made[path])
        for path in surplus:
            path.unlink()
    for path in stale + surplus:
        print(("not up to date: " if check else "made anew: ") + path.name)
    return 1 if check and stale + surplus else 0


if __name__ == "__main__":
    sys.exit(main())
