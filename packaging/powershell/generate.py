#!/usr/bin/env python3
"""Makes the module's functions and its table of commands from commands/ and the server's OpenAPI document.

    packaging/powershell/generate.py [--check]

--check   writes nothing; says which files are not as they would be made, with status 1
"""
import json
import sys
import textwrap
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
MODULE = HERE / "Freehold"
sys.path.insert(0, str(HERE))

from commands import declared_files, views  # noqa: E402

VERSION_FILE = ROOT / "Cargo.toml"
PORT = 8445
HEADER = "# {about}\n# Made by ../../generate.py from ../../commands and docs/openapi.json; not edited by hand.\n"
# Parameters whose values the server knows: parameter, functions by the end of their name, command that lists them, property.
COMPLETERS = (
    ("Name", ("Share", "ShareAccess"), "Get-FreeholdShare", "Name"),
    ("Volume", None, "Get-FreeholdStatus", "Volumes"),
    ("Name", ("User",), "Get-FreeholdUser", "Name"),
    ("User", ("UserQuota",), "Get-FreeholdUserQuota", "User"),
    ("Name", ("Group", "GroupMember"), "Get-FreeholdGroup", "Name"),
    ("Name", ("QuotaTemplate",), "Get-FreeholdQuotaTemplate", "Name"),
    ("Template", None, "Get-FreeholdQuotaTemplate", "Name"),
    ("Path", ("DfsnRoot",), "Get-FreeholdDfsnRoot", "Path"),
    ("SessionId", ("Session",), "Get-FreeholdSession", "SessionId"),
    ("FileId", ("OpenFile",), "Get-FreeholdOpenFile", "FileId"),
)


def quote(text):
    """A PowerShell string that says exactly this."""
    return "'" + str(text).replace("'", "''") + "'"


def hashtable(pairs, indent, ordered=False):
    """A hashtable with a line for each entry."""
    if not pairs:
        return "@{}"
    pad = " " * indent
    lines = "".join(f"{pad}    {quote(key)} = {literal(value, indent + 4)}\n" for key, value in pairs.items())
    return ("[ordered] " if ordered else "") + "@{\n" + lines + pad + "}"


def literal(value, indent):
    if isinstance(value, bool):
        return "$true" if value else "$false"
    if isinstance(value, dict):
        return hashtable(value, indent, ordered=True)
    if isinstance(value, (list, tuple)):
        return "@(" + ", ".join(literal(item, indent) for item in value) + ")"
    return quote(value)


class Api:
    """What the OpenAPI document says of routes and the properties of their bodies."""

    def __init__(self, document):
        self.document = document

    def operation(self, route):
        method, path = route.partition("?")[0].split(" ")

        def shape(text):
            return ["{}" if part.startswith("{") else part for part in text.split("/")]
        for known, operations in self.document["paths"].items():
            if shape(known) == shape(path) and method.lower() in operations:
                return operations[method.lower()]
        raise SystemExit(f"{route}: the OpenAPI document has no such operation")

    def resolve(self, schema):
        while "$ref" in schema:
            found = self.document
            for part in schema["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            schema = {**found, **{key: value for key, value in schema.items() if key != "$ref"}}
        for word in ("oneOf", "anyOf"):
            choices = [choice for choice in schema.get(word, ()) if choice.get("type") != "null"]
            if len(choices) == 1:
                return {**self.resolve(choices[0]), **{key: value for key, value in schema.items() if key == "description"}}
        return schema

    def body(self, operation):
        content = operation.get("requestBody", {}).get("content", {}).get("application/json")
        return self.resolve(content["schema"]) if content else {}

    def properties(self, schema):
        found = dict(schema.get("properties", {}))
        for part in schema.get("allOf", ()):
            found.update(self.properties(self.resolve(part)))
        return found


def type_of(api, schema):
    """The PowerShell type of a JSON schema, and the values of an enumeration."""
    schema = api.resolve(schema)
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next(item for item in kind if item != "null")
    values = tuple(schema.get("enum", ()))
    if not values and "oneOf" in schema and all("const" in api.resolve(item) or "enum" in api.resolve(item) for item in schema["oneOf"]):
        values = tuple(value for item in schema["oneOf"] for value in api.resolve(item).get("enum", [api.resolve(item).get("const")]))
        kind = "string"
    if kind == "array":
        inner, values = type_of(api, schema["items"])
        return inner + "[]", values
    if kind == "boolean":
        return "bool", ()
    if kind == "integer":
        return ("uint32" if schema.get("format") == "int32" or schema.get("maximum", 1 << 40) < 1 << 32 else "uint64"), ()
    if kind == "string" or values:
        return "string", tuple(value for value in values if value is not None)
    return "object", ()


def complete(api, command):
    """Types and descriptions that commands/ leaves to the OpenAPI document."""
    if not command.route:
        return command
    operation = api.operation(command.route)
    properties = {}
    if any(parameter.body for parameter in command.parameters) or command.fixed:
        for name, schema in api.properties(api.body(operation)).items():
            properties[name] = schema
            inner = api.properties(api.resolve(schema))
            properties.update({f"{name}.{part}": of for part, of in inner.items()})
    queries = {item["name"]: item for item in operation.get("parameters", ()) if item["in"] == "query"}
    for name in command.fixed:
        if name not in properties:
            raise SystemExit(f"{command.name}: the body of {command.route} has no {name}; it has {', '.join(properties)}")
    for parameter in command.parameters:
        source = None
        if parameter.body:
            source = properties.get(parameter.body)
            if source is None:
                raise SystemExit(f"{command.name} -{parameter.name}: the body of {command.route} has no {parameter.body}; it has "
                                 + ", ".join(properties))
        elif parameter.query:
            if parameter.query not in queries:
                raise SystemExit(f"{command.name} -{parameter.name}: {command.route} has no query {parameter.query}; it has "
                                 + ", ".join(queries))
            source = {**queries[parameter.query].get("schema", {}), "description": queries[parameter.query].get("description", "")}
        if source is None:
            continue
        if not parameter.help:
            parameter.help = api.resolve(source).get("description", "").strip()
        if not parameter.type:
            parameter.type, values = type_of(api, source)
            parameter.values = parameter.values or values
    for parameter in command.parameters:
        if not parameter.help or not parameter.type:
            raise SystemExit(f"{command.name} -{parameter.name}: no description or type")
    return command


def help_text(text, indent=8):
    lines = []
    for paragraph in text.split("\n\n"):
        # A line that begins with a dot would be a keyword of the help.
        wrapped = textwrap.wrap(" ".join(paragraph.split()), 132 - indent)
        lines.append("\n".join(" " * indent + line for line in wrapped))
    return "\n\n".join(lines)


def comment_help(command):
    out = ["    <#", "    .SYNOPSIS", help_text(command.synopsis, 4), "", "    .DESCRIPTION",
           help_text(command.description or command.synopsis, 4)]
    for parameter in command.parameters:
        text = parameter.help
        if not text.endswith((".", "?")):
            text += "."
        out += ["", f"    .PARAMETER {parameter.name}", help_text(text, 4)]
    out += ["", "    .PARAMETER Connection",
            help_text("A connection of Connect-FreeholdServer -PassThru, in place of the session's.", 4)]
    for example, remark in command.examples:
        out += ["", "    .EXAMPLE", "    " + example.replace("\n", "\n    ")]
        if remark:
            out += ["", help_text(remark, 4)]
    out += ["", "    .LINK", "    about_Freehold", "    #>"]
    return "\n".join(out)


def parameter_text(parameter):
    options = []
    if parameter.mandatory:
        options.append("Mandatory = $true")
    if parameter.position is not None:
        options.append(f"Position = {parameter.position}")
    if parameter.pipeline:
        options.append("ValueFromPipelineByPropertyName = $true")
    lines = [f"[Parameter({', '.join([*options, f'ParameterSetName = {quote(name)}'])})]" for name in parameter.sets]
    lines = lines or [f"[Parameter({', '.join(options)})]"]
    if parameter.aliases:
        lines.append(f"[Alias({', '.join(quote(alias) for alias in parameter.aliases)})]")
    if parameter.wildcard:
        lines.append("[SupportsWildcards()]")
    if parameter.values:
        lines.append(f"[ValidateSet({', '.join(quote(value) for value in parameter.values)})]")
    if parameter.allow_empty:
        lines.append("[AllowEmptyString()]")
    elif parameter.mandatory and parameter.type in ("string", "string[]"):
        lines.append("[ValidateNotNullOrEmpty()]")
    lines.append(f"[{parameter.type}] ${parameter.name}")
    return "\n".join("        " + line for line in lines)


def function_text(command):
    binding = []
    if command.action:
        binding += ["SupportsShouldProcess = $true", f"ConfirmImpact = {quote(command.impact)}"]
    if command.default_set:
        binding.append(f"DefaultParameterSetName = {quote(command.default_set)}")
    binding.append("PositionalBinding = $false")
    parameters = [parameter_text(parameter) for parameter in command.parameters]
    parameters.append("        [Parameter()]\n        [object] $Connection")
    output = f"    [OutputType({quote(command.output)})]\n" if command.output else ""
    forced = ""
    if any(parameter.name == "Force" for parameter in command.parameters):
        forced = ("        if ($Force -and -not $PSBoundParameters.ContainsKey('Confirm')) {\n"
                  "            $ConfirmPreference = 'None'\n        }\n")
    return (f"function {command.name} {{\n{comment_help(command)}\n    [CmdletBinding({', '.join(binding)})]\n{output}"
            f"    param(\n" + ",\n\n".join(parameters) + "\n    )\n    process {\n" + forced
            + f"        Invoke-FreeholdCommand -Name {quote(command.name)} -Parameters $PSBoundParameters -Cmdlet $PSCmdlet\n"
            + "    }\n}\n")


def entry(command):
    """A command's entry in the table; the keys are explained in Private/Invoke.ps1."""
    method, path = command.route.split(" ") if command.route else ("", "")
    convert = {item.name: item.convert for item in command.parameters if item.convert}
    found = {
        "Method": method,
        "Path": path,
        "Query": {item.name: item.query for item in command.parameters if item.query},
        "Body": {item.name: item.body for item in command.parameters if item.body},
        "Fixed": command.fixed,
        "Convert": convert,
        "OptionConvert": {item.name: item.option_convert for item in command.parameters if item.option_convert},
        "Each": command.each,
        "Volume": command.volume,
        "Target": command.target,
        "Action": command.action,
        "Then": command.then,
        "Key": command.key,
        "PassThru": command.pass_thru,
        "Before": command.before,
        "From": command.select,
        "Output": command.output,
        "Map": command.map,
        "Filter": command.filter,
        "FilterConvert": command.filter_convert,
        "Program": command.program.split(" ") if command.program else (),
        "Options": {item.name: item.option for item in command.parameters if item.option} | command.options,
        "Also": command.also.split(" ") if command.also else (),
        "AlsoOptions": command.also_options,
        "Secret": command.secret,
    }
    return {key: value for key, value in found.items() if value}


def table_text(files):
    commands = {command.name: entry(command) for file in files for command in file.commands}
    completers = []
    for parameter, nouns, source, prop in COMPLETERS:
        names = [command.name for file in files for command in file.commands
                 if any(item.name == parameter for item in command.parameters)
                 and (nouns is None or any(command.name.split("-")[1] in ("Freehold" + noun, "FSxSmb" + noun, "FSxFSRM" + noun)
                                           for noun in nouns))]
        if names and source in commands:
            completers.append({"Parameter": parameter, "Commands": names, "From": source, "Property": prop})
    out = [HEADER.format(about="What each command asks of a server. The keys are explained in Invoke.ps1."),
           f"$script:FreeholdPort = {PORT}\n",
           f"$script:FreeholdCommands = {hashtable(commands, 0)}\n",
           "$script:FreeholdCompleters = @("]
    out += [f"    {hashtable(item, 4)}" for item in completers]
    out.append(")\n")
    return "\n".join(out)


def manifest_text(files):
    version = next(line.split('"')[1] for line in VERSION_FILE.read_text().splitlines() if line.startswith("version ="))
    functions = ["Connect-FreeholdServer", "Disconnect-FreeholdServer", "Invoke-FreeholdEndpointCommand"]
    functions += [command.name for file in files for command in file.commands]
    names = "\n".join(f"        {quote(name)}" for name in sorted(functions))
    return (MODULE.parent / "manifest.psd1.in").read_text().replace("@VERSION@", version).replace("@FUNCTIONS@", names)


def outputs():
    api = Api(json.loads((ROOT / "docs" / "openapi.json").read_text()))
    files = declared_files()
    for file in files:
        file.commands = [complete(api, command) for command in file.commands]
    made = {file.path: HEADER.format(about=file.about) + "\n" + "\n".join(function_text(command) for command in file.commands)
            for file in files}
    made["Private/Commands.ps1"] = table_text(files)
    made["Freehold.psd1"] = manifest_text(files)
    made["Freehold.format.ps1xml"] = views.format_file()
    return {MODULE / path: text for path, text in made.items()}


def main():
    check = sys.argv[1:] == ["--check"]
    stale = []
    for path, text in outputs().items():
        # Windows PowerShell 5.1 takes a file without a mark for the machine's own code page.
        if not text.isascii():
            raise SystemExit(f"{path.name}: not ASCII")
        if not path.exists() or path.read_text() != text:
            stale.append(path)
            if not check:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
    for path in stale:
        print(("not up to date: " if check else "made ") + str(path.relative_to(ROOT)))
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
