"""The server itself, sessions, open files, local accounts and groups, declared state."""
from .model import C, CHANGE, File, P, REMOVAL

STATUS = [
    C("Get-FreeholdStatus", "Says who the server is.", "GET /v1/status", [], program="status -o json", output="Freehold.Status",
      examples=[("Get-FreeholdStatus", ""), ("(Get-FreeholdStatus).Volumes", "The volumes that shares and quotas can be on.")]),
]

CONFIGURATION = [
    C("Get-FreeholdServerConfiguration", "Gets what holds for the whole server.", "GET /v1/server", [], program="server show -o json",
      output="Freehold.ServerConfiguration",
      examples=[("Get-FreeholdServerConfiguration", "")]),
    C("Set-FreeholdServerConfiguration", "Changes what holds for the whole server. What is not named stays.", "PATCH /v1/server",
      [P("EncryptData", body="EncryptData", option="--encrypt-data="),
       P("RejectUnencryptedAccess", body="RejectUnencryptedAccess", option="--reject-unencrypted-access="),
       P("PassThru", "Return the configuration.", "switch")],
      program="server set", target="the server", action="Change the configuration", impact="High",
      output="Freehold.ServerConfiguration", then="Get-FreeholdServerConfiguration", pass_thru=True,
      description="New sessions go by it; those that there are stay as they are until Close-FreeholdSession ends them.",
      examples=[("Set-FreeholdServerConfiguration -EncryptData $true -RejectUnencryptedAccess $true -Confirm:$false", "")]),
    C("Reset-FreeholdServerConfiguration", "Takes back what was set: the values of the configuration file hold again.",
      "DELETE /v1/server", [], program="server reset", target="the server", action="Take back the configuration", impact="High",
      examples=[("Reset-FreeholdServerConfiguration -WhatIf", "")]),
]

SESSION_ID = P("SessionId", "Sessions by their number.", "uint64[]", position=0, pipeline=True)
CLIENT = P("ClientComputerName", "Addresses of clients, with wildcards.", "string[]", pipeline=True, wildcard=True)
USER = P("ClientUserName", "Users, with wildcards, as DOMAIN\\name.", "string[]", pipeline=True, wildcard=True)

SESSIONS = [
    C("Get-FreeholdSession", "Gets the sessions of clients.", "GET /v1/sessions", [SESSION_ID, CLIENT, USER],
      program="session list -o json", output="Freehold.Session",
      filter={"SessionId": "SessionId", "ClientComputerName": "ClientComputerName", "ClientUserName": "ClientUserName"},
      examples=[("Get-FreeholdSession", ""), ("Get-FreeholdSession -ClientUserName 'CORP\\anna'", "")]),
    C("Close-FreeholdSession", "Ends sessions, with everything that they have open. All sessions where nothing selects some.",
      "DELETE /v1/sessions/{SessionId}", [SESSION_ID, CLIENT, USER],
      program="session close {SessionId} --force", each="SessionId", select="Get-FreeholdSession", target="{SessionId}", action="End the session", impact=REMOVAL,
      examples=[("Get-FreeholdSession -ClientUserName 'CORP\\anna' | Close-FreeholdSession", ""),
                ("Get-FreeholdSession | Where-Object SecondsIdle -gt 86400 | Close-FreeholdSession -Confirm:$false", "")]),
]

OPEN_FILE = [P("FileId", "Open files by their number.", "uint64[]", position=0, pipeline=True),
             P("SessionId", "Those of these sessions.", "uint64[]", pipeline=True), CLIENT, USER,
             P("ShareRelativePath", "Paths below the share, with wildcards.", "string[]", pipeline=True, wildcard=True)]

OPEN_FILES = [
    C("Get-FreeholdOpenFile", "Gets the files that clients have open.", "GET /v1/open-files",
      OPEN_FILE,
      program="openfile list -o json", output="Freehold.OpenFile",
      filter={"FileId": "FileId", "SessionId": "SessionId", "ClientComputerName": "ClientComputerName",
              "ClientUserName": "ClientUserName", "ShareRelativePath": "ShareRelativePath"},
      examples=[("Get-FreeholdOpenFile -ShareRelativePath *.xlsx", ""),
                ("Get-FreeholdOpenFile | Group-Object ClientUserName -NoElement", "How many each user has open.")]),
    C("Close-FreeholdOpenFile", "Closes open files, with their locks. What their clients have not written is lost.",
      "DELETE /v1/open-files/{FileId}", OPEN_FILE,
      program="openfile close {FileId} --force", each="FileId", select="Get-FreeholdOpenFile", target="{FileId}", action="Close the open file", impact=REMOVAL,
      examples=[("Get-FreeholdOpenFile -ShareRelativePath plans.xlsx | Close-FreeholdOpenFile", "")]),
]

ACCOUNT = P("Name", "Names of accounts.", "string[]", position=0, mandatory=True, pipeline=True)

USERS = [
    C("Get-FreeholdUser", "Gets local accounts.", "GET /v1/users",
      [P("Name", "Names, with wildcards. All accounts where it is left out.", "string[]", position=0, pipeline=True, wildcard=True)],
      program="user list -o json", output="Freehold.User", filter={"Name": "Name"},
      examples=[("Get-FreeholdUser | Where-Object Administrator", "")]),
    C("New-FreeholdUser", "Makes a local account.", "POST /v1/users",
      [P("Name", body="Name", position=0, mandatory=True, pipeline=True),
       P("Password", "Its password.", "securestring", body="Password", convert="Secret", mandatory=True),
       P("FullName", body="FullName", option="--full-name=", pipeline=True, allow_empty=True),
       P("Comment", body="Comment", option="--comment=", pipeline=True, allow_empty=True),
       P("Group", "Groups to put it into besides Users.", "string[]", body="Groups", option="--group=", pipeline=True),
       P("Disabled", "It starts disabled.", "switch", body="Disabled", option="--disabled")],
      program="user add {Name} --password-stdin", secret="Password", target="{Name}", action="Make the account", impact=CHANGE,
      output="Freehold.User", then="Get-FreeholdUser", key={"Name": "{Name}"},
      examples=[("New-FreeholdUser anna -Password (Read-Host -AsSecureString) -FullName 'Anna Berg'", "")]),
    C("Set-FreeholdUser", "Changes local accounts. What is not named stays.", "PATCH /v1/users/{Name}",
      [ACCOUNT, P("Password", "A new password.", "securestring", body="Password", convert="Secret"),
       P("Disabled", body="Disabled"), P("FullName", body="FullName", allow_empty=True), P("Comment", body="Comment", allow_empty=True),
       P("PassThru", "Return the account.", "switch")],
      each="Name", target="{Name}", action="Change the account", impact=CHANGE, output="Freehold.User", then="Get-FreeholdUser",
      key={"Name": "{Name}"}, pass_thru=True,
      description="By the local program, use `freehold user passwd`, `enable` and `disable`.",
      examples=[("Set-FreeholdUser anna -Disabled $true", "Keeps anna from logging on and ends her sessions.")]),
    C("Remove-FreeholdUser", "Removes local accounts. Their files stay.", "DELETE /v1/users/{Name}", [ACCOUNT],
      program="user remove {Name} --force", each="Name", target="{Name}", action="Remove the account", impact=REMOVAL,
      examples=[("Remove-FreeholdUser anna", "")]),
]

GROUP = P("Name", "Name of the group.", "string", position=0, mandatory=True, pipeline=True)
MEMBER = P("Member", "Accounts, groups or SIDs, of the server or of its domain.", "string[]", position=1, mandatory=True)

GROUPS = [
    C("Get-FreeholdGroup", "Gets local groups.", "GET /v1/groups",
      [P("Name", "Names, with wildcards. All groups where it is left out.", "string[]", position=0, pipeline=True, wildcard=True)],
      program="group list -o json", output="Freehold.Group", filter={"Name": "Name"},
      examples=[("Get-FreeholdGroup Administrators", "")]),
    C("New-FreeholdGroup", "Makes a local group.", "POST /v1/groups",
      [P("Name", body="Name", position=0, mandatory=True, pipeline=True),
       P("Comment", body="Comment", option="--comment=", pipeline=True, allow_empty=True)],
      program="group add {Name}", target="{Name}", action="Make the group", impact=CHANGE, output="Freehold.Group",
      then="Get-FreeholdGroup", key={"Name": "{Name}"}, examples=[("New-FreeholdGroup engineers", "")]),
    C("Set-FreeholdGroup", "Changes local groups. What is not named stays.", "PATCH /v1/groups/{Name}",
      [P("Name", "Names of groups.", "string[]", position=0, mandatory=True, pipeline=True),
       P("Comment", body="Comment", option="--comment=", mandatory=True, allow_empty=True),
       P("PassThru", "Return the group.", "switch")],
      program="group set {Name}", each="Name", target="{Name}", action="Change the group", impact=CHANGE, output="Freehold.Group",
      then="Get-FreeholdGroup", key={"Name": "{Name}"}, pass_thru=True,
      examples=[("Set-FreeholdGroup engineers -Comment 'Who builds it'", "")]),
    C("Remove-FreeholdGroup", "Removes local groups.", "DELETE /v1/groups/{Name}",
      [P("Name", "Names of groups.", "string[]", position=0, mandatory=True, pipeline=True)],
      program="group remove {Name} --force", each="Name", target="{Name}", action="Remove the group", impact=REMOVAL,
      examples=[("Remove-FreeholdGroup engineers", "")]),
    C("Add-FreeholdGroupMember", "Puts members into a local group.", "PUT /v1/groups/{Name}/members/{Member}", [GROUP, MEMBER],
      program="group add-member {Name} {Member}", each="Member", target="{Name}, {Member}", action="Add the member", impact=CHANGE,
      examples=[("Add-FreeholdGroupMember Administrators 'CORP\\Domain Admins'", "")]),
    C("Remove-FreeholdGroupMember", "Takes members out of a local group.", "DELETE /v1/groups/{Name}/members/{Member}", [GROUP, MEMBER],
      program="group remove-member {Name} {Member}", each="Member", target="{Name}, {Member}", action="Remove the member",
      impact=REMOVAL, examples=[("Remove-FreeholdGroupMember engineers anna -Confirm:$false", "")]),
]

DECLARED = [
    C("Export-FreeholdConfiguration", "Gets what is set on the server, as a declaration that Import-FreeholdConfiguration takes.",
      "GET /v1/declaration", [], program="export -o json", output="Freehold.Configuration",
      description="What was changed at run time: shares and who may connect to them, groups, quotas, the server's settings.",
      examples=[("Export-FreeholdConfiguration | ConvertTo-Json -Depth 20 | Set-Content files.json -Encoding UTF8", "")]),
    C("Import-FreeholdConfiguration", "Makes the server as a declaration says. Applying it twice changes nothing.",
      "PUT /v1/declaration",
      [P("Declaration", "The declaration, as JSON.", "string", body="Declaration", convert="Json", position=0, mandatory=True),
       P("Prune", type="switch", body="Prune", option="--prune"),
       P("Plan", "Change nothing; return what would be changed.", "switch", body="WhatIf", option="--what-if")],
      program="apply - -o json", secret="Declaration", output="Freehold.Change", target="the server", action="Apply the declaration", impact=CHANGE,
      description="Everything is checked before anything is changed. Returns the changes that were made, or with -Plan those "
                  "that would be.",
      examples=[("Import-FreeholdConfiguration (Get-Content files.json -Raw) -Plan", ""),
                ("Import-FreeholdConfiguration (Get-Content files.json -Raw) -Prune",
                 "Also removes what the declaration does not have.")]),
]

FILES = [
    File("Public/Status.ps1", "Who the server is.", STATUS),
    File("Public/ServerConfiguration.ps1", "What holds for the whole server.", CONFIGURATION),
    File("Public/Session.ps1", "Sessions of clients.", SESSIONS),
    File("Public/OpenFile.ps1", "Files that clients have open.", OPEN_FILES),
    File("Public/User.ps1", "Local accounts.", USERS),
    File("Public/Group.ps1", "Local groups.", GROUPS),
    File("Public/Configuration.ps1", "Declared state.", DECLARED),
]
