"""The commands of FSx for Windows File Server, with its parameters and the properties that it shows."""
from dataclasses import replace

from .model import C, CHANGE, File, P, REMOVAL
from .quotas import AUTO_ROUTE, FOLDERS_ROUTE, TEMPLATES_ROUTE
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


def size(name, help, body=None, option="", mandatory=False):
    return P(name, help + " In bytes.", "object", body=body or name, option=option, convert="Size", mandatory=mandatory)


ENTRY_MAP = {"WarningLimit": "WarningLimit|Unlimited", "DiskSpaceUsed": "DiskSpaceUsed", "QuotaVolume": "QuotaVolume|DriveReference",
             "Limit": "Limit|Unlimited", "Status": "Status", "User": "User|UserReference"}
USER_QUOTAS = [
    C("Enable-FSxUserQuotas", "Starts tracking or enforcing quotas of users.", "PATCH /v1/quotas/{Volume}",
      [P("Track", "Count and tell, refuse nothing.", "switch", body="Settings.State", convert="TrackState",
         mandatory=True, sets=("Track",)),
       P("Enforce", "Refuse what would exceed a limit.", "switch", body="Settings.State", convert="EnforceState",
         mandatory=True, sets=("Enforce",)),
       size("DefaultLimit", "Limit of users without one of their own.", "Settings.DefaultLimit"),
       size("DefaultWarningLimit", "From where on they are warned.", "Settings.DefaultWarningLimit")],
      program="quota mode {Volume} {Track} {Enforce}", also="quota default {Volume}",
      also_options={"DefaultLimit": "--limit=", "DefaultWarningLimit": "--warning="}, volume=True, target="the server", action="Turn quotas on", impact=CHANGE, default_set="Track",
      examples=[("Enable-FSxUserQuotas -Track -DefaultLimit 20GB -DefaultWarningLimit 15GB", ""),
                ("Enable-FSxUserQuotas -Enforce -DefaultLimit 4000000 -DefaultWarningLimit 3000000", "")]),
    C("Disable-FSxUserQuotas", "Stops tracking and enforcing quotas of users.", "PATCH /v1/quotas/{Volume}", [],
      fixed={"Settings.State": "Off"}, program="quota mode {Volume} {=off}", volume=True, target="the server", action="Turn quotas off", impact=CHANGE,
      examples=[("Disable-FSxUserQuotas", "")]),
    C("Get-FSxUserQuotaSettings", "Gets the settings of quotas of users.", "GET /v1/quotas/{Volume}", [], volume=True,
      program="quota settings {Volume} -o json", output="Freehold.FSx.UserQuotaSettings",
      map={"DefaultWarningLimit": "DefaultWarningLimit|Unlimited", "DefaultLimit": "DefaultLimit|Unlimited",
           "State": "State|DisabledState"},
      examples=[("Get-FSxUserQuotaSettings", "")]),
    C("Get-FSxUserQuotaEntries", "Gets how much users use, their limits, and whether they exceed them.",
      "GET /v1/quotas/{Volume}/users?limit=10000", [], volume=True, program="quota list {Volume} -o json",
      output="Freehold.FSx.UserQuotaEntry", map=ENTRY_MAP,
      description="A limit of 18446744073709551615 bytes is none, as in Windows.",
      examples=[("Get-FSxUserQuotaEntries", ""), ("Get-FSxUserQuotaEntries | Where-Object Status -ne OK", "")]),
    C("Set-FSxUserQuotas", "Sets the quota of a user.", "PUT /v1/quotas/{Volume}/users/{Name}",
      [P("Domain", "The user's domain.", "string", position=0, pipeline=True),
       P("Name", "The user.", "string", position=1, mandatory=True, pipeline=True, convert="Account"),
       size("Limit", "Most the user may use.", option="--limit="),
       size("WarningLimit", "From where on the user is warned.", option="--warning=")],
      program="quota set {Name}", options={"Volume": "--volume="}, volume=True, target="{Name}", action="Set the quota", impact=CHANGE,
      examples=[('Set-FSxUserQuotas -Domain "corp.example" -Name "user1" -Limit 60000 -WarningLimit 40000', "")]),
]

FSRM = "The parameters are those of FSx for Windows File Server. A folder is share\\folder, beginning with the name of a share, or D:\\folder."
PLACE = "The folder: share\\folder, or D:\\folder."
FOLDER = P("Folder", PLACE, "string", query="path", convert="Folder", position=0, mandatory=True, pipeline=True)
CHANGED = replace(FOLDER, query="", body="Path")
SOFT = P("SoftLimit", "Tell what exceeds the limit; refuse nothing.", "switch", body="Settings.SoftLimit", option="--soft-limit=")
DISABLED = P("Disabled", "Count only.", "switch", body="Settings.Disabled", option="--disabled=")
DESCRIPTION = P("Description", "A description.", "string", body="Settings.Description", option="--description=", allow_empty=True)
THRESHOLDS = P("ThresholdConfigurations", "Tables with ThresholdPercentage and Action; the percentages count.", "object[]",
               body="Settings.Threshold", option="--threshold=", convert="Threshold")
QUOTA_MAP = {"Folder": "Path|DrivePath", "Path": "Path|DrivePath", "Description": "Description", "Size": "Size", "SoftLimit": "SoftLimit",
             "Disabled": "Disabled", "Template": "Template", "MatchesTemplate": "MatchesTemplate", "Usage": "Usage",
             "PeakUsage": "PeakUsage", "Threshold": "Threshold"}
TEMPLATE_MAP = {name: name for name in ("Name", "Description", "Size", "SoftLimit", "Threshold")}
AUTO_MAP = {"Folder": "Path|DrivePath", "Path": "Path|DrivePath", "Template": "Template", "Disabled": "Disabled"}
QUOTA = {"output": "Freehold.FSx.FsrmQuota", "then": "Get-FSxFSRMQuota", "key": {"Folder": "{Folder}"}, "description": FSRM}
TEMPLATE = {"output": "Freehold.FSx.FsrmQuotaTemplate", "then": "Get-FSxFSRMQuotaTemplate", "key": {"Name": "{Name}"},
            "description": FSRM}
AUTO = {"output": "Freehold.FSx.FsrmAutoQuota", "then": "Get-FSxFSRMAutoQuota", "key": {"Folder": "{Folder}"}, "description": FSRM}


def derived(body="ApplyTo"):
    return [P("UpdateDerived", "Change all quotas that came from it, too.", "switch", body=body, option="--apply-to=", convert="ApplyAll", option_convert="ApplyAllWord"),
            P("UpdateDerivedMatching", "Change those quotas that are still as it made them, too.", "switch", body=body,
              option="--apply-to=", convert="ApplyUnmodified", option_convert="ApplyUnmodifiedWord")]


def named(text="The template.", **more):
    return P("Name", text, "string", position=0, mandatory=True, pipeline=True, **more)


FSRM_COMMANDS = [
    C("New-FSxFSRMQuota", "Puts a quota on a folder.", f"POST {FOLDERS_ROUTE}",
      [P("Folder", PLACE, "string", body="Path", convert="Folder", position=0, mandatory=True, pipeline=True),
       size("Size", "Most bytes below the folder.", "Settings.Size", option="--size="),
       P("Template", "The template that the settings come from.", "string", body="Settings.Template", option="--template="), DESCRIPTION, SOFT, DISABLED, THRESHOLDS],
      program="quota folder add {Folder}", target="{Folder}", action="Make the quota", impact=CHANGE,
      examples=[('New-FSxFSRMQuota -Folder "share\\department" -Size 10GB -Description "10 GB hard limit"', "")], **QUOTA),
    C("Get-FSxFSRMQuota", "Gets quotas of folders, and how much is used.", f"GET {FOLDERS_ROUTE}",
      [P("Folder", PLACE + " All quotas where it is left out.", "string", query="path", convert="Folder", position=0, pipeline=True)],
      program="quota folder list {Folder} -o json", output="Freehold.FSx.FsrmQuota", map=QUOTA_MAP, description=FSRM,
      examples=[("Get-FSxFSRMQuota", ""), ('Get-FSxFSRMQuota -Folder "share\\department"', "")]),
    C("Remove-FSxFSRMQuota", "Removes a quota from a folder.", f"DELETE {FOLDERS_ROUTE}", [FOLDER, PASS], program="quota folder remove {Folder}", target="{Folder}",
      action="Remove the quota", impact=REMOVAL, pass_thru=True, before=True,
      examples=[('Remove-FSxFSRMQuota -Folder "share\\test" -PassThru', "")], **QUOTA),
    C("Set-FSxFSRMQuota", "Changes a folder's quota. What is not named stays.", f"PATCH {FOLDERS_ROUTE}",
      [CHANGED, DESCRIPTION, size("Size", "Most bytes below the folder.", "Settings.Size", option="--size="), SOFT, DISABLED, THRESHOLDS, PASS], program="quota folder set {Folder}", target="{Folder}",
      action="Change the quota", impact=CHANGE, pass_thru=True,
      examples=[('Set-FSxFSRMQuota -Folder "share\\department" -Size 2GB', "")], **QUOTA),
    C("Update-FSxFSRMQuota", "Gets a folder's quota: what is used is exact at all times.", f"GET {FOLDERS_ROUTE}", [FOLDER, PASS],
      program="quota folder list {Folder} -o json", target="{Folder}", action="Update the quota", impact=CHANGE, pass_thru=True,
      examples=[('Update-FSxFSRMQuota -Folder "share\\department" -PassThru', "")], **QUOTA),
    C("Reset-FSxFSRMQuota", "Puts the settings of a template in place of a quota's own.", f"PATCH {FOLDERS_ROUTE}",
      [CHANGED, P("Template", "The template.", "string", body="Settings.Template", option="--template=", mandatory=True)], program="quota folder set {Folder}", target="{Folder}", action="Reset the quota",
      impact=CHANGE, examples=[('Reset-FSxFSRMQuota -Folder "share\\department" -Template "1GB Hard Limit"', "")], **QUOTA),
    C("New-FSxFSRMQuotaTemplate", "Makes a template of folder quotas.", f"POST {TEMPLATES_ROUTE}",
      [named("Its name.", body="Name"), size("Size", "Most bytes below a folder.", "Settings.Size", option="--size=", mandatory=True), DESCRIPTION, SOFT, THRESHOLDS],
      program="quota template add {Name}", target="{Name}", action="Make the template", impact=CHANGE,
      examples=[('New-FSxFSRMQuotaTemplate -Name "1GB Hard Limit" -Size 1GB', "")], **TEMPLATE),
    C("Get-FSxFSRMQuotaTemplate", "Gets templates of folder quotas.", f"GET {TEMPLATES_ROUTE}",
      [P("Name", "The template. All where it is left out.", "string", position=0, pipeline=True)],
      program="quota template list -o json", output="Freehold.FSx.FsrmQuotaTemplate", map=TEMPLATE_MAP, filter={"Name": "Name"}, description=FSRM,
      examples=[("Get-FSxFSRMQuotaTemplate", "")]),
    C("Set-FSxFSRMQuotaTemplate", "Changes a template. What is not named stays.", f"PATCH {TEMPLATES_ROUTE}/{{Name}}",
      [named(), DESCRIPTION, size("Size", "Most bytes below a folder.", "Settings.Size", option="--size="), SOFT, THRESHOLDS, *derived(), PASS], program="quota template set {Name}", target="{Name}",
      action="Change the template", impact=CHANGE, pass_thru=True,
      examples=[('Set-FSxFSRMQuotaTemplate -Name "1GB Hard Limit" -Size 2GB -UpdateDerived', "")], **TEMPLATE),
    C("New-FSxFSRMAutoQuota", "Gives each subfolder of a folder a quota of a template.", f"POST {AUTO_ROUTE}",
      [P("Folder", PLACE, "string", body="Path", convert="Folder", position=0, mandatory=True, pipeline=True),
       P("Template", "The template.", "string", body="Template", option="--template=", mandatory=True)],
      program="quota auto add {Folder}", target="{Folder}", action="Make the auto quota", impact=CHANGE,
      examples=[('New-FSxFSRMAutoQuota -Folder "share\\department" -Template "250 MB Extended Limit"', "")], **AUTO),
    C("Get-FSxFSRMAutoQuota", "Gets folders whose subfolders get a quota each.", f"GET {AUTO_ROUTE}",
      [P("Folder", PLACE + " All where it is left out.", "string", position=0, pipeline=True)],
      filter={"Folder": "Path"}, filter_convert={"Folder": "FolderOnVolume"},
      program="quota auto list -o json", output="Freehold.FSx.FsrmAutoQuota", map=AUTO_MAP, description=FSRM, examples=[("Get-FSxFSRMAutoQuota", "")]),
    C("Remove-FSxFSRMAutoQuota", "Removes an auto quota from a folder, and the quotas that it made.", f"DELETE {AUTO_ROUTE}",
      [FOLDER, PASS], program="quota auto remove {Folder}", target="{Folder}", action="Remove the auto quota", impact=REMOVAL, pass_thru=True, before=True,
      examples=[('Remove-FSxFSRMAutoQuota -Folder "share\\department" -PassThru', "")], **AUTO),
    C("Set-FSxFSRMAutoQuota", "Changes an auto quota. What is not named stays.", f"PATCH {AUTO_ROUTE}",
      [CHANGED, P("Template", "The template.", "string", body="Template", option="--template="), P("Disabled", "New subfolders get no quota for the time being.", "switch", body="Disabled", option="--disabled="), *derived(), PASS], program="quota auto set {Folder}", target="{Folder}",
      action="Change the auto quota", impact=CHANGE, pass_thru=True,
      examples=[('Set-FSxFSRMAutoQuota -Folder "share\\department" -Disabled: $true -UpdateDerived', "")], **AUTO),
    C("Update-FSxFSRMAutoQuota", "Gets an auto quota: what is used is exact at all times.", f"GET {AUTO_ROUTE}", [replace(FOLDER, query="", convert=""), PASS],
      program="quota auto list -o json", target="{Folder}", action="Update the auto quota", impact=CHANGE, pass_thru=True,
      examples=[('Update-FSxFSRMAutoQuota -Folder "share\\department" -PassThru', "")], **AUTO),
]

FILES = [
    File("FSx/Shares.ps1", "Shares, by the names of FSx.", SHARES),
    File("FSx/Sessions.ps1", "Sessions and open files, by the names of FSx.", SESSIONS),
    File("FSx/ServerConfiguration.ps1", "What holds for the whole server, by the names of FSx.", CONFIGURATION),
    File("FSx/UserQuotas.ps1", "Quotas of users, by the names of FSx.", USER_QUOTAS),
    File("FSx/FsrmQuotas.ps1", "Quotas of folders, by the names of FSx.", FSRM_COMMANDS),
]
