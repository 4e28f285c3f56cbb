"""The PowerShell module as Python: its table of commands, carried out as Private/Invoke.ps1 does, without PowerShell.

What is tested so: the table, and that the server takes what the table says. What is not: the PowerShell that carries it out.
"""
import fnmatch
import http.client
import json
import re
import ssl
import subprocess
import urllib.parse
from pathlib import Path

import grammar

ROOT = Path(__file__).resolve().parents[2]
MODULE = ROOT / "packaging" / "powershell" / "Freehold"
UNLIMITED = (1 << 64) - 1

FIXED = {"ApplyAll": "All", "ApplyUnmodified": "Unmodified", "ApplyAllWord": "all", "ApplyUnmodifiedWord": "unmodified",
         "TrackState": "Track", "EnforceState": "Enforce"}


def public_functions():
    """Functions that users call, by name: their trees."""
    found = {}
    for folder in ("Public", "FSx"):
        for path in sorted((MODULE / folder).glob("*.ps1")):
            for name, node in grammar.functions(grammar.parse(path.read_text())).items():
                assert name not in found, name
                found[name] = node
    return found


def parameter_texts(node):
    """Parameters of a function: their declarations."""
    found = {}
    block = next(grammar.descendants(node, "param_block"))
    for item in grammar.descendants_once(block, "script_parameter"):
        variable = [child for child in item.children if child.type == "variable"][0]
        found[grammar.text_of(variable)[1:]] = grammar.text_of(item)
    return found


def parameter_types(node):
    """Parameters of a function: their types."""
    return {name: re.search(r"\[([\w.]+(?:\[\])?)\]\s*\$" + name + r"\b", text).group(1)
            for name, text in parameter_texts(node).items()}


class Refused(Exception):
    """What Send-FreeholdRequest throws: the message, and the status."""

    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


class Https:
    """A server over HTTPS, with a token."""

    program = False

    def __init__(self, host, port, token, certificate=None):
        self.address, self.token = (host, port), token
        self.tls = ssl.create_default_context(cafile=certificate)
        self.tls.check_hostname = False
        if certificate is None:
            self.tls.verify_mode = ssl.CERT_NONE
        self.sent = []

    def send(self, method, path, body):
        """The answer's text; of a listing in pages, all of them as one."""
        pages, following = [], path
        while following:
            text, following = self.page(method, following, body)
            pages.append(text)
        if len(pages) == 1:
            return pages[0]
        return json.dumps([row for page in pages for row in json.loads(page)])

    def page(self, method, path, body):
        connection = http.client.HTTPSConnection(*self.address, context=self.tls, timeout=120)
        headers = {"Accept": "application/json, application/problem+json", "Authorization": "Bearer " + self.token}
        if body:
            headers["Content-Type"] = "application/json; charset=utf-8"
        self.sent.append((method, path, body))
        connection.request(method, path, body.encode() if body else None, headers)
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        if 200 <= response.status < 300:
            link = re.search(r'<(/[^>]*)>; *rel="?next"?', response.headers.get("Link", ""))
            return text, link.group(1) if link else None
        problem = json.loads(text) if text.startswith("{") else {}
        raise Refused(response.status, problem.get("detail") or problem.get("title") or text)


class Program:
    """The local program."""

    program = True

    def __init__(self, binary, socket):
        self.binary, self.socket = str(binary), str(socket)
        self.sent = []

    def send(self, arguments, secret):
        command = [self.binary, "--socket=" + self.socket, *arguments]
        self.sent.append(arguments)
        done = subprocess.run(command, input=secret + "\n" if secret else "", text=True, capture_output=True, timeout=120)
        if done.returncode == 0:
            return done.stdout
        raise Refused(-done.returncode, done.stderr.strip().removeprefix("error: "))


class Switch:
    """A switch that was given."""


def powershell_text(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def json_value(value):
    return True if isinstance(value, Switch) else value


class Module:
    def __init__(self):
        self.table = grammar.assigned(MODULE / "Private" / "Commands.ps1", "$script:FreeholdCommands")
        self.parameters = {name: parameter_types(node) for name, node in public_functions().items()}

    def bound(self, name, given):
        """Parameters as PowerShell binds them: those that there are, one value for a list as a list of one."""
        types = self.parameters[name]
        bound = {}
        for parameter, value in given.items():
            kind = types[parameter]
            bound[parameter] = [value] if kind.endswith("[]") and not isinstance(value, list) else value
        return bound

    # --- Convert.ps1 ------------------------------------------------------------------------------------------------------

    def convert(self, value, converter, parameters, link):
        if converter == "Size":
            if isinstance(value, str):
                return value
            return "none" if value < 0 or value >= (1 << 63) - 1 else int(value)
        if converter == "VolumePath":
            return re.sub(r"^[A-Za-z]:", "", value).replace("\\", "/").strip("/")
        if converter == "Folder":
            return self.folder(value, link)
        if converter == "FolderOnVolume":
            if re.match(r"^[A-Za-z]:", value):
                return self.convert(value, "VolumePath", {}, link)
            share, _, below = value.replace("\\", "/").strip("/").partition("/")
            rows = json.loads(self.send(self.table["Get-FreeholdShare"], {}, link))
            return (next(row["Path"] for row in rows if row["Name"] == share) + "/" + below).strip("/")
        if converter == "DfsnName":
            return value.replace("/", "\\").rstrip("\\").rpartition("\\")[2]
        if converter == "DfsnType":
            return value == "DomainV2"
        if converter == "Backslash":
            return value.replace("/", "\\")
        if converter == "DfsnPath":
            return value.replace("/", "\\").removesuffix("\\*")
        if converter == "Threshold":
            return [int(item["ThresholdPercentage"]) if isinstance(item, dict) else int(item)
                    for item in (value if isinstance(value, list) else [value])]
        if converter == "Account":
            return f"{parameters['Domain']}\\{value}" if parameters.get("Domain") else value
        if converter in FIXED:
            return FIXED[converter]
        if converter == "Json":
            return json.loads(value)
        if converter == "AccessBased":
            return value == "AccessBased"
        if converter == "Lower":
            return value.lower()
        if converter == "Not":
            return not json_value(value)
        if converter not in ("", "Secret"):
            raise AssertionError("no converter " + converter)
        return json_value(value)

    def folder(self, value, link):
        drive = re.match(r"^[A-Za-z]:[\\/]?(.*)$", value)
        if drive:
            below = drive.group(1).replace("\\", "/").strip("/")
            return (self.volume(link)["Folder"].rstrip("/") + "/" + below).rstrip("/")
        if value.startswith(("/", "\\\\")) or ":" in value:
            return value
        share, _, below = value.replace("\\", "/").strip("/").partition("/")
        return f"{share}:/{below}"

    def shown(self, value, converter):
        """ConvertFrom-FreeholdValue."""
        if converter == "DrivePath":
            return "D:\\" + value.replace("/", "\\")
        if converter == "Unlimited":
            return UNLIMITED if value is None else value
        if converter == "Scope":
            return "*"
        if converter == "UserReference":
            domain, _, name = value.rpartition("\\")
            return {"Name": name, "Domain": domain}
        if converter == "DriveReference":
            return {"DeviceID": "D:"}
        if converter == "DisabledState":
            return "Disable" if value == "Off" else value
        assert not converter, converter
        return value

    # --- Invoke.ps1 -------------------------------------------------------------------------------------------------------

    def part(self, part, command, parameters, link, other=None):
        found = {}
        for parameter, name in (part or {}).items():
            if parameter in parameters:
                found[name] = self.convert(parameters[parameter], (other or {}).get(parameter) or command.get("Convert", {}).get(parameter, ""),
                                           parameters, link)
        return found

    def path_and_query(self, command, parameters, link):
        path = command["Path"]
        for name in re.findall(r"\{(\w+)\}", command["Path"]):
            value = self.part({name: "value"}, command, parameters, link).get("value", "")
            path = path.replace("{" + name + "}", urllib.parse.quote(str(value), safe="-._~"))
        pairs = []
        for name, value in self.part(command.get("Query"), command, parameters, link).items():
            for one in value if isinstance(value, list) else [value]:
                pairs.append(f"{name}={urllib.parse.quote(powershell_text(one), safe='-._~')}")
        return path + ("?" + "&".join(pairs) if pairs else "")

    def body(self, command, parameters, link):
        if "Body" not in command and "Fixed" not in command:
            return ""
        body = {}
        for name, value in (self.part(command.get("Body"), command, parameters, link) | command.get("Fixed", {})).items():
            outer, _, inner = name.partition(".")
            if inner:
                body.setdefault(outer, {})[inner] = value
            else:
                body[outer] = value
        return json.dumps(body, separators=(",", ":"), ensure_ascii=False)

    def arguments(self, command, parameters, link, program, options):
        words, operands = [], []
        other = command.get("OptionConvert")
        for word in program:
            literal, name = re.fullmatch(r"\{=(\w+)\}", word), re.fullmatch(r"\{(\w+)\}", word)
            if literal:
                operands.append(literal.group(1))
            elif name:
                if name.group(1) in parameters:
                    operands.append(str(self.part({name.group(1): "value"}, command, parameters, link, other)["value"]))
            else:
                words.append(word)
        for option, value in self.part(options, command, parameters, link, other).items():
            if option.endswith("="):
                words += [option + powershell_text(one) for one in (value if isinstance(value, list) else [value])]
            elif value:
                words.append(option)
        return words + (["--", *operands] if operands else [])

    def send(self, command, parameters, link):
        if link.program:
            if "Program" not in command:
                raise Refused(0, "The local program has no such command")
            secret = parameters.get(command.get("Secret"), "")
            if any(name in parameters for name in command.get("AlsoOptions", {})):
                link.send(self.arguments(command, parameters, link, command["Also"], command["AlsoOptions"]), "")
            return link.send(self.arguments(command, parameters, link, command["Program"], command.get("Options")), secret)
        method = command["Method"]
        return link.send(method, self.path_and_query(command, parameters, link), self.body(command, parameters, link))

    def select(self, command, parameters, text, link):
        if not text.strip():
            return []
        rows = json.loads(text)
        rows = rows if isinstance(rows, list) else [rows]
        for parameter, prop in command.get("Filter", {}).items():
            if parameter not in parameters:
                continue
            patterns = parameters[parameter]
            patterns = patterns if isinstance(patterns, list) else [patterns]
            if parameter in command.get("FilterConvert", {}):
                patterns = [self.convert(one, command["FilterConvert"][parameter], {}, link) for one in patterns]
            rows = [row for row in rows if any(matches(row[prop], pattern) for pattern in patterns)]
            for pattern in patterns:
                if not any(matches(row[prop], pattern) for row in rows) and not re.search(r"[*?\[]", str(pattern)):
                    raise Refused(404, f"Nothing has the {parameter} {pattern}")
        if "Map" not in command:
            return rows
        mapped = []
        for row in rows:
            one = {}
            for name, source in command["Map"].items():
                prop, _, converter = source.partition("|")
                if prop and prop not in row:
                    raise AssertionError(f"a row has no {prop}: {sorted(row)}")
                one[name] = self.shown(row[prop] if prop else None, converter)
            mapped.append(one)
        return mapped

    def volume(self, link, name=None):
        volumes = json.loads(self.send(self.table["Get-FreeholdStatus"], {}, link))["Volumes"]
        volumes = [row for row in volumes if name in (None, row["Name"])]
        assert len(volumes) == 1, volumes
        return volumes[0]

    def invoke(self, link, name, **parameters):
        """Runs a command; returns its objects. A switch is True."""
        command = self.table[name]
        parameters = self.bound(name, parameters)
        sets = self.found(command, parameters, link) if "From" in command else self.split(command, parameters)
        out = []
        for values in sets:
            if command.get("Volume") and not values.get("Volume"):
                values["Volume"] = self.volume(link)["Name"]
            returned = "Then" in command and (not command.get("PassThru") or values.get("PassThru"))
            if returned and command.get("Before"):
                rows = self.following(command, values, link)
                self.send(command, values, link)
                out += rows
                continue
            text = self.send(command, values, link)
            if returned:
                out += self.following(command, values, link)
            elif "Output" in command and "Then" not in command and (not command.get("PassThru") or values.get("PassThru")):
                out += self.select(command, values, text, link)
        return out

    def following(self, command, parameters, link):
        key = {name: expand(template, parameters) for name, template in command.get("Key", {}).items()}
        follow = self.table[command["Then"]]
        return self.select(follow, key, self.send(follow, key, link), link)

    @staticmethod
    def split(command, parameters):
        each = command.get("Each")
        if each not in parameters:
            return [dict(parameters)]
        values = parameters[each]
        return [{**parameters, each: value} for value in (values if isinstance(values, list) else [values])]

    def found(self, command, parameters, link):
        listing = self.table[command["From"]]
        rows = self.select(listing, parameters, self.send(listing, parameters, link), link)
        return [{**parameters, command["Each"]: row[command["Each"]]} for row in rows]


def expand(template, parameters):
    return re.sub(r"\{(\w+)\}", lambda found: str(parameters[found.group(1)]), template)


def matches(value, pattern):
    value, pattern = str(value).lower(), str(pattern).lower()
    return value == pattern or (re.search(r"[*?\[]", pattern) is not None and fnmatch.fnmatchcase(value, pattern))
