"""Shares and who may connect to them."""
from dataclasses import replace

from .model import C, CHANGE, File, P, REMOVAL

NAME = P("Name", "Name of the share.", "string", position=0, mandatory=True, pipeline=True)
NAMES = P("Name", "Names of shares.", "string[]", position=0, mandatory=True, pipeline=True)
FIND = P("Name", "Names of shares, with wildcards. All shares where it is left out.", "string[]", position=0, pipeline=True,
         wildcard=True)
ACCOUNT = P("AccountName", "Accounts or groups, of the server or of its domain, as names or SIDs.", "string[]", position=1,
            mandatory=True, pipeline=True)


def settings(flag):
    """What New- and Set- take. `flag`: how the local program takes what is on or off; only New- takes them from objects."""
    return [
        P("Path", body="Path", option="--path=", convert="VolumePath", pipeline=not flag),
        P("Description", body="Description", option="--description=", pipeline=not flag, allow_empty=True),
        P("FolderEnumerationMode", body="FolderEnumerationMode", option="--access-based-enumeration" + flag, option_convert="AccessBased", pipeline=not flag),
        P("CachingMode", body="CachingMode", option="--caching-mode=", pipeline=not flag),
        P("EncryptData", body="EncryptData", option="--encrypt-data" + flag, pipeline=not flag),
        P("ContinuouslyAvailable", body="ContinuouslyAvailable", option="--continuously-available" + flag, pipeline=not flag),
        P("CATimeout", body="CATimeout", option="--ca-timeout=", pipeline=not flag),
        P("ConcurrentUserLimit", body="ConcurrentUserLimit", option="--concurrent-user-limit=", pipeline=not flag),
        P("Audit", body="Audit", option="--audit=", option_convert="Lower", pipeline=not flag),
        P("SecurityDescriptor", body="SecurityDescriptor", option="--security-descriptor=", pipeline=not flag),
    ]


ACCESS = [
    P("FullAccess", body="FullAccess", option="--full-access="),
    P("ChangeAccess", body="ChangeAccess", option="--change-access="),
    P("ReadAccess", body="ReadAccess", option="--read-access="),
    P("NoAccess", body="NoAccess", option="--no-access="),
]

SHARES = [
    C("Get-FreeholdShare", "Gets shares.", "GET /v1/shares", [FIND], program="share list -o json", output="Freehold.Share",
      filter={"Name": "Name"},
      examples=[("Get-FreeholdShare", "All shares."),
                ("Get-FreeholdShare Proj* | Where-Object EncryptData", "Encrypted ones whose name begins with Proj.")]),
    C("New-FreeholdShare", "Makes a share.", "POST /v1/shares",
      [P("Name", body="Name", position=0, mandatory=True, pipeline=True),
       P("Volume", "Volume of the server. The connection's, or the only one that there is, where it is left out.", "string",
         body="Volume", option="--volume=", pipeline=True),
       *settings(""), *ACCESS],
      program="share add {Name}", volume=True, target="{Name}", action="Make the share", impact=CHANGE,
      output="Freehold.Share", then="Get-FreeholdShare", key={"Name": "{Name}"},
      description="A folder that is missing is made. Without -FullAccess, -ChangeAccess, -ReadAccess, -NoAccess and "
                  "-SecurityDescriptor, administrators (full) and everybody who logs on (change) may connect.",
      examples=[("New-FreeholdShare Projects -Path projects -Description 'All projects' -FolderEnumerationMode AccessBased", ""),
                ("Import-Csv shares.csv | New-FreeholdShare -WhatIf",
                 "Says what would be made of a file with the columns Name, Path and Description.")]),
    C("Set-FreeholdShare", "Changes shares. What is not named stays.", "PATCH /v1/shares/{Name}",
      [NAMES, P("Volume", body="Volume", option="--volume="), *settings("="),
       P("PassThru", "Return the share.", "switch")],
      program="share set {Name}", each="Name", target="{Name}", action="Change the share", impact=CHANGE,
      output="Freehold.Share", then="Get-FreeholdShare", key={"Name": "{Name}"}, pass_thru=True,
      examples=[("Set-FreeholdShare Projects -EncryptData $true -PassThru", "Only encrypted connections from now on."),
                ("Get-FreeholdShare Proj* | Set-FreeholdShare -ConcurrentUserLimit 100", "")]),
    C("Remove-FreeholdShare", "Removes shares. The files stay.", "DELETE /v1/shares/{Name}", [NAMES],
      program="share remove {Name} --force", each="Name", target="{Name}", action="Remove the share", impact=REMOVAL,
      examples=[("Remove-FreeholdShare Old -Confirm:$false", ""), ("Get-FreeholdShare Test* | Remove-FreeholdShare", "")]),
]

RIGHT = P("AccessRight", "The right: Full, Change or Read.", "string", body="Right", option_convert="Lower", position=2, mandatory=True, pipeline=True,
          values=("Full", "Change", "Read"))

ROUTES = {"grant": "POST /v1/shares/{Name}/access", "revoke": "DELETE /v1/shares/{Name}/access/{AccountName}",
          "block": "POST /v1/shares/{Name}/block", "unblock": "DELETE /v1/shares/{Name}/block/{AccountName}"}


def entry(verb, word, synopsis, action, right=None, impact=CHANGE, text=""):
    """A command that changes entries of a share's access."""
    parameters = [NAME, replace(ACCOUNT, body="Account") if ROUTES[word].startswith("POST") else ACCOUNT]
    program = f"share {word} {{Name}} {{AccountName}}"
    if right:
        parameters.append(right)
        program += " {AccessRight}"
    return C(f"{verb}-FreeholdShareAccess", synopsis, ROUTES[word], parameters, program=program,
             each="AccountName", target="{Name}, {AccountName}", action=action, impact=impact, output="Freehold.ShareAccess",
             then="Get-FreeholdShareAccess", key={"Name": "{Name}"}, pass_thru=True, description=text,
             examples=[(f"{verb}-FreeholdShareAccess Projects 'CORP\\engineers'" + (" Change" if right else ""), ""),
                       (f"Get-FreeholdShare Proj* | {verb}-FreeholdShareAccess -AccountName Everyone"
                        + (" -AccessRight Read" if right else "") + " -WhatIf", "")])


SHARE_ACCESS = [
    C("Get-FreeholdShareAccess", "Gets the entries of shares' access: who may connect.", "GET /v1/shares/{Name}/access",
      [P("Name", "Names of shares.", "string[]", position=0, mandatory=True, pipeline=True)],
      program="share access {Name} -o json", each="Name", output="Freehold.ShareAccess",
      examples=[("Get-FreeholdShareAccess Projects", ""), ("Get-FreeholdShare | Get-FreeholdShareAccess", "Those of all shares.")]),
    entry("Grant", "grant", "Lets accounts and groups connect to a share, in place of the right they had.", "Grant access", RIGHT),
    entry("Revoke", "revoke", "Takes away what accounts and groups were granted on a share.", "Revoke access", impact=REMOVAL),
    entry("Block", "block", "Keeps accounts and groups from a share, whatever they and their groups are granted.", "Block access",
          impact=REMOVAL),
    entry("Unblock", "unblock", "Takes back that accounts and groups are kept from a share.", "Unblock access"),
]
for command in SHARE_ACCESS[1:]:
    command.parameters.append(P("PassThru", "Return the share's entries.", "switch"))

FILES = [
    File("Public/Share.ps1", "Shares.", SHARES),
    File("Public/ShareAccess.ps1", "Who may connect to shares.", SHARE_ACCESS),
]
