"""The commands of FSx for Windows File Server, with its parameters and the properties that it shows."""
from .model import C, CHANGE, File, P, REMOVAL
from .shares import ROUTES

FORCE = P("Force", "Do not ask.", "switch")
PASS = P("PassThru", "Return the object.", "switch")
NAMES = P("Name", "Names of shares.", "string[]", position=0, mandatory=True, pipeline=True)
SMB = "The parameters are those of FSx for Windows File Server, and of the command of Windows' SmbShare module of that name."

SHARE_MAP = {"Name": "Name", "ScopeName": "|Scope", "Path": "Path|DrivePath", "Description": "Description",
             "FolderEnumerationMode": "FolderEnumerationMode", "CachingMode": "CachingMode", "EncryptData": "EncryptData",
             "ContinuouslyAvailable": "ContinuouslyAvailable", "CATimeout": "CATimeout",
             "ConcurrentUserLimit": "ConcurrentUserLimit", "CurrentUsers": "CurrentUsers",
             "SecurityDescriptor": "SecurityDescriptor", "Volume": "Volume"}
ACCESS_MAP = {"Name": "Name", "ScopeName": "|Scope", "AccountName": "AccountName", "AccessControlType": "AccessControlType",
              "AccessRight": "AccessRight"}


def settings(flag):
    return [
        P("Description", "Comment shown in listings.", "string", body="Description", option="--description=", pipeline=not flag,
          allow_empty=True),
        P("FolderEnumerationMode", "AccessBased leaves out what a user cannot read.", "string", body="FolderEnumerationMode",
          option="--access-based-enumeration" + flag, option_convert="AccessBased", pipeline=not flag, values=("AccessBased", "Unrestricted")),
        P("CachingMode", "What clients may keep for offline use.", "string", body="CachingMode", option="--caching-mode=",
          pipeline=not flag, values=("None", "Manual", "Documents", "Programs", "BranchCache")),
        P("EncryptData", "Answer encrypted requests only.", "bool", body="EncryptData", option="--encrypt-data" + flag, pipeline=not flag),
        P("ContinuouslyAvailable", "Handles survive a restart of the server.", "bool", body="ContinuouslyAvailable",
          option="--continuously-available" + flag, pipeline=not flag),
        P("CATimeout", "How long such handles wait for their client, in seconds.", "uint32", body="CATimeout",
          option="--ca-timeout=", pipeline=not flag),
        P("ConcurrentUserLimit", "Most users at a time; 0 for no limit.", "uint32", body="ConcurrentUserLimit",
          option="--concurrent-user-limit=", pipeline=not flag),
        P("SecurityDescriptor", "Who may connect, as SDDL.", "string", body="SecurityDescriptor",
          option="--security-descriptor=", pipeline=not flag),
        P("Credential", "Taken so that scripts run: the connection's logon is used.", "pscredential"),
        P("ScopeName", "Taken so that scripts run: a Freehold server has one scope.", "string", pipeline=not flag),
    ]


def access(name, help):
    option = {"FullAccess": "--full-access=", "ChangeAccess": "--change-access=", "ReadAccess": "--read-access=",
              "NoAccess": "--no-access="}[name]
    return P(name, help, "string[]", body=name, option=option)


SHARES = [
    C("New-FSxSmbShare", "Makes a share.", "POST /v1/shares",
      [P("Name", "Name of the share.", "string", body="Name", position=0, mandatory=True, pipeline=True),
       P("Path", "The folder, such as D:\\share; drive D: is the server's volume. It is made when it is missing.", "string",
         body="Path", option="--path=", convert="VolumePath", position=1, mandatory=True, pipeline=True),
       P("Volume", "Volume, where the server has several.", "string", body="Volume", option="--volume="), *settings(""),
       access("FullAccess", "Who may connect with full access."), access("ChangeAccess", "Who may read, write and delete."),
       access("ReadAccess", "Who may read."), access("NoAccess", "Who may not connect, whatever else is said.")],
      program="share add {Name}", volume=True, target="{Name}", action="Make the share", impact=CHANGE, description=SMB,
      output="Freehold.FSx.SmbShare", then="Get-FSxSmbShare", key={"Name": "{Name}"},
      examples=[('New-FSxSmbShare -Name "New CA Share" -Path "D:\\share" -Description "CA share" -ContinuouslyAvailable $True', "")]),
    C("Remove-FSxSmbShare", "Removes shares. The files stay.", "DELETE /v1/shares/{Name}", [NAMES, FORCE],
      program="share remove {Name} --force", each="Name", target="{Name}", action="Remove the share", impact=REMOVAL,
      description=SMB, examples=[("Remove-FSxSmbShare -Name data -Force", "")]),
    C("Set-FSxSmbShare", "Changes shares. What is not named stays.", "PATCH /v1/shares/{Name}", [NAMES, *settings("="), FORCE, PASS],
      program="share set {Name}", each="Name", target="{Name}", action="Change the share", impact=CHANGE, description=SMB,
      output="Freehold.FSx.SmbShare", then="Get-FSxSmbShare", key={"Name": "{Name}"}, pass_thru=True,
      examples=[("Set-FSxSmbShare -Name share -FolderEnumerationMode AccessBased -Force", "")]),
    C("Get-FSxSmbShare", "Gets shares.", "GET /v1/shares",
      [P("Name", "Names of shares, with wildcards. All shares where it is left out.", "string[]", position=0, pipeline=True,
         wildcard=True)],
      program="share list -o json", output="Freehold.FSx.SmbShare", map=SHARE_MAP, filter={"Name": "Name"}, description=SMB,
      examples=[("Get-FSxSmbShare", ""), ("Get-FSxSmbShare -Name share | Format-List *", "")]),
    C("Get-FSxSmbShareAccess", "Gets the entries of shares' access.", "GET /v1/shares/{Name}/access", [NAMES],
      program="share access {Name} -o json", each="Name", output="Freehold.FSx.SmbShareAccess", map=ACCESS_MAP, description=SMB,
      examples=[("Get-FSxSmbShareAccess -Name share", "")]),
]


def entry(verb, word, synopsis, action, right=False, impact=CHANGE):
    parameters = [NAMES_ONE, P("AccountName", "Accounts or groups.", "string[]", body="Account" if ROUTES[word].startswith("POST") else "", position=1, mandatory=True,
                               pipeline=True)]
    program = f"share {word} {{Name}} {{AccountName}}"
    if right:
        parameters.append(P("AccessRight", "Full, Change or Read.", "string", body="Right", option_convert="Lower", position=2, mandatory=True,
                            values=("Full", "Change", "Read")))
        program += " {AccessRight}"
    return C(f"{verb}-FSxSmbShareAccess", synopsis, ROUTES[word], [*parameters, FORCE], program=program,
             each="AccountName", target="{Name}, {AccountName}", action=action, impact=impact, description=SMB,
             output="Freehold.FSx.SmbShareAccess", then="Get-FSxSmbShareAccess", key={"Name": "{Name}"},
             examples=[(f"{verb}-FSxSmbShareAccess -Name share -AccountName Everyone" + (" -AccessRight Read" if right else "")
                        + " -Force", "")])


NAMES_ONE = P("Name", "Name of the share.", "string", position=0, mandatory=True, pipeline=True)
SHARES += [
    entry("Grant", "grant", "Adds an allow entry for accounts to a share's access.", "Grant access", True, "High"),
    entry("Revoke", "revoke", "Removes the allow entries of accounts from a share's access.", "Revoke access", impact=REMOVAL),
    entry("Block", "block", "Adds a deny entry for accounts to a share's access.", "Block access", impact=REMOVAL),
    entry("Unblock", "unblock", "Removes the deny entries of accounts from a share's access.", "Unblock access", impact="High"),
]

SESSION = [
    P("SessionId", "Sessions by their number.", "uint64[]", position=0, pipeline=True),
    P("ClientComputerName", "Addresses of clients, with wildcards.", "string[]", pipeline=True, wildcard=True),
    P("ClientUserName", "Users, with wildcards, as DOMAIN\\name.", "string[]", pipeline=True, wildcard=True),
]
SESSION_MAP = {name: name for name in ("SessionId", "ClientComputerName", "ClientUserName", "NumOpens", "SecondsExists",
                                       "SecondsIdle", "Dialect")} | {"ScopeName": "|Scope"}
FILE_MAP = {name: name for name in ("FileId", "SessionId", "Path", "ShareRelativePath", "ClientComputerName", "ClientUserName",
                                    "Permissions", "Locks", "ContinuouslyAvailable", "Encrypted", "Signed")} | {"ScopeName": "|Scope"}
OPEN_FILE = [P("FileId", "Open files by their number.", "uint64[]", position=0, pipeline=True),
             P("SessionId", "Those of these sessions.", "uint64[]", pipeline=True), SESSION[1], SESSION[2]]
SESSIONS = [
    C("Get-FSxSmbSession", "Gets the sessions between the server and its clients.", "GET /v1/sessions", SESSION,
      program="session list -o json", output="Freehold.FSx.SmbSession", map=SESSION_MAP,
      filter={"SessionId": "SessionId", "ClientComputerName": "ClientComputerName", "ClientUserName": "ClientUserName"},
      description=SMB, examples=[("Get-FSxSmbSession", "")]),
    C("Close-FSxSmbSession", "Ends sessions. All of them where nothing selects some.", "DELETE /v1/sessions/{SessionId}",
      [*SESSION, FORCE], program="session close {SessionId} --force", each="SessionId", select="Get-FSxSmbSession",
      target="{SessionId}", action="End the session", impact=REMOVAL, description=SMB,
      examples=[("Close-FSxSmbSession -Confirm:$False", "")]),
    C("Get-FSxSmbOpenFile", "Gets the files that are open for clients.", "GET /v1/open-files", OPEN_FILE,
      program="openfile list -o json", output="Freehold.FSx.SmbOpenFile", map=FILE_MAP,
      filter={"FileId": "FileId", "SessionId": "SessionId", "ClientComputerName": "ClientComputerName",
              "ClientUserName": "ClientUserName"},
      description=SMB, examples=[("Get-FSxSmbOpenFile", "")]),
    C("Close-FSxSmbOpenFile", "Closes open files. All of them where nothing selects some.", "DELETE /v1/open-files/{FileId}",
      [*OPEN_FILE, FORCE], program="openfile close {FileId} --force", each="FileId", select="Get-FSxSmbOpenFile", target="{FileId}",
      action="Close the open file", impact=REMOVAL, description=SMB, examples=[("Close-FSxSmbOpenFile -Confirm:$false", "")]),
]

CONFIGURATION = [
    C("Get-FSxSmbServerConfiguration", "Gets whether connections are encrypted.", "GET /v1/server", [],
      program="server show -o json", output="Freehold.FSx.SmbServerConfiguration",
      map={"EncryptData": "EncryptData", "RejectUnencryptedAccess": "RejectUnencryptedAccess"}, description=SMB,
      examples=[("Get-FSxSmbServerConfiguration", "")]),
    C("Set-FSxSmbServerConfiguration", "Changes whether connections are encrypted.", "PATCH /v1/server",
      [P("EncryptData", "Encrypt new sessions.", "bool", body="EncryptData", option="--encrypt-data="),
       P("RejectUnencryptedAccess", "Refuse clients that cannot encrypt.", "bool", body="RejectUnencryptedAccess",
         option="--reject-unencrypted-access="), FORCE],
      program="server set", target="the server", action="Change the configuration", impact="High", description=SMB,
      examples=[("Set-FSxSmbServerConfiguration -EncryptData $True -RejectUnencryptedAccess $True -Confirm:$False", "")]),
]

FILES = [
    File("FSx/Shares.ps1", "Shares, by the names of FSx.", SHARES),
    File("FSx/Sessions.ps1", "Sessions and open files, by the names of FSx.", SESSIONS),
    File("FSx/ServerConfiguration.ps1", "What holds for the whole server, by the names of FSx.", CONFIGURATION),
]
