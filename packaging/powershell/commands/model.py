"""What a command of the module is, before it becomes PowerShell.

A command names a route of the server's OpenAPI document; generate.py takes the types and descriptions of parameters from there. `FSx`
commands have parameters of their own, with the names and types of Amazon FSx for Windows File Server.
"""
from dataclasses import dataclass, field

REMOVAL = "High"
CHANGE = "Medium"


@dataclass
class P:
    """A parameter. `body`, `query`: where its value goes; `option`: the local program's (one that ends in = takes the value)."""
    name: str
    help: str = ""              # what the OpenAPI document says, where it is empty
    type: str = ""              # likewise
    body: str = ""
    query: str = ""
    option: str = ""
    convert: str = ""
    option_convert: str = ""    # for the option alone, in place of `convert`
    position: int | None = None
    mandatory: bool = False
    pipeline: bool = False
    wildcard: bool = False
    values: tuple = ()
    aliases: tuple = ()
    allow_empty: bool = False
    sets: tuple = ()            # parameter sets


@dataclass
class C:
    """A command."""
    name: str
    synopsis: str
    route: str = ""             # "GET /v1/shares"
    parameters: list = field(default_factory=list)
    examples: list = field(default_factory=list)
    description: str = ""
    program: str = ""           # arguments of the local program, separated by spaces; {=word} is an operand as it is
    options: dict = field(default_factory=dict)     # options of it that no parameter here names: parameter = option
    also: str = ""              # arguments of a run before it, where one of `also_options` is given
    also_options: dict = field(default_factory=dict)
    fixed: dict = field(default_factory=dict)
    output: str = ""
    map: dict = field(default_factory=dict)
    filter: dict = field(default_factory=dict)
    filter_convert: dict = field(default_factory=dict)
    each: str = ""
    volume: bool = False
    target: str = ""
    action: str = ""
    impact: str = ""
    then: str = ""
    key: dict = field(default_factory=dict)
    pass_thru: bool = False
    before: bool = False        # what is returned is asked for before the change
    select: str = ""            # command that lists what is changed, by `each`
    default_set: str = ""
    secret: str = ""
    links: tuple = ()


@dataclass
class File:
    """Commands of one file."""
    path: str
    about: str
    commands: list
