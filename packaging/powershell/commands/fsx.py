"""The commands of FSx for Windows File Server, with its parameters and the properties that it shows."""
from dataclasses import replace

from .model import C, CHANGE, File, P, REMOVAL
from .quotas import AUTO_ROUTE, FOLDERS_ROUTE, TEMPLATES_ROUTE
from .server import CONFIGURATION as OWN_CONFIGURATION, OPEN_FILES as OWN_OPEN_FILES, SESSIONS as OWN_SESSIONS
from .shares import SHARE_ACCESS as OWN_SHARE_ACCESS, SHARES as OWN_SHARES

FORCE = P("Force", "Do not ask.", "switch")
PASS = P("PassThru", "Return the object.", "switch")
SMB = "The parameters are those of FSx for Windows File Server, and of the command of Windows' SmbShare module of that name."
OWN = {command.name: command
       for command in [*OWN_SHARES, *OWN_SHARE_ACCESS, *OWN_SESSIONS, *OWN_OPEN_FILES, *OWN_CONFIGURATION]}

SHARE_MAP = {"Name": "Name", "ScopeName": "|Scope", "Path": "Path|DrivePath", "Description": "Description",
             "FolderEnumerationMode": "FolderEnumerationMode", "CachingMode": "CachingMode", "EncryptData": "EncryptData",
             "ContinuouslyAvailable": "ContinuouslyAvailable", "CATimeout": "CATimeout",
             "ConcurrentUserLimit": "ConcurrentUserLimit", "CurrentUsers": "CurrentUsers",
             "SecurityDescriptor": "SecurityDescriptor", "Volume": "Volume"}
ACCESS_MAP = {"Name": "Name", "ScopeName": "|Scope", "AccountName": "AccountName", "AccessControlType": "AccessControlType",
              "AccessRight": "AccessRight"}
SESSION_MAP = {name: name for name in ("SessionId", "ClientComputerName", "ClientUserName", "NumOpens", "SecondsExists",
                                       "SecondsIdle", "Dialect")} | {"ScopeName": "|Scope"}
FILE_MAP = {name: name for name in ("FileId", "SessionId", "Path", "ShareRelativePath", "ClientComputerName", "ClientUserName",
                                    "Permissions", "Locks", "ContinuouslyAvailable", "Encrypted", "Signed")} | {"ScopeName": "|Scope"}


def fsx_name(text):
    """Get-FreeholdShare is Get-FSxSmbShare there."""
    return text.replace("-Freehold", "-FSxSmb")


def like(own, *examples, without=(), swap=(), extra=(), **other):
    """The command that FSx has for `own`: named as there, with FSx's parameters in place of or besides some."""
    command = OWN[own]
    other_parameters = {parameter.name: parameter for parameter in swap}
    parameters = [replace(other_parameters.get(parameter.name, parameter)) for parameter in command.parameters
                  if parameter.name not in without]
    return replace(command, **{
        "name": fsx_name(own), "parameters": [*parameters, *map(replace, extra)], "description": SMB,
        "examples": [(example, "") for example in examples], "then": fsx_name(command.then), "select": fsx_name(command.select),
        "output": command.output.replace("Freehold.", "Freehold.FSx.Smb"), **other})


def settings(flag):
    """What New- and Set- have that others have not; `flag` as in shares.py."""
    return [P("Credential", "Taken so that scripts run: the connection's logon is used.", "pscredential"),
            P("ScopeName", "Taken so that scripts run: a Freehold server has one scope.", "string", pipeline=not flag)]


CACHING = P("CachingMode", "What clients may keep for offline use.", "string", body="CachingMode", option="--caching-mode=",
            values=("None", "Manual", "Documents", "Programs", "BranchCache"))
FOLDER_TO_SHARE = P("Path", "The folder, such as D:\\share; drive D: is the server's volume. It is made when it is missing.", "string",
                    body="Path", option="--path=", convert="VolumePath", position=1, mandatory=True, pipeline=True)

SHARES = [
    like("New-FreeholdShare",
         'New-FSxSmbShare -Name "New CA Share" -Path "D:\\share" -Description "CA share" -ContinuouslyAvailable $True',
         without=("Audit",), swap=(FOLDER_TO_SHARE, replace(CACHING, pipeline=True)), extra=settings("")),
    like("Remove-FreeholdShare", "Remove-FSxSmbShare -Name data -Force", extra=(FORCE,)),
    like("Set-FreeholdShare", "Set-FSxSmbShare -Name share -FolderEnumerationMode AccessBased -Force",
         without=("Volume", "Path", "Audit"), swap=(CACHING,), extra=(*settings("="), FORCE)),
    like("Get-FreeholdShare", "Get-FSxSmbShare", "Get-FSxSmbShare -Name share | Format-List *", map=SHARE_MAP),
    like("Get-FreeholdShareAccess", "Get-FSxSmbShareAccess -Name share", map=ACCESS_MAP),
]
# As Windows' commands these return the share's entries, and ask.
for verb, right in (("Grant", " -AccessRight Read"), ("Revoke", ""), ("Block", ""), ("Unblock", "")):
    SHARES.append(like(f"{verb}-FreeholdShareAccess", f"{verb}-FSxSmbShareAccess -Name share -AccountName Everyone{right} -Force",
                       without=("PassThru",), extra=(FORCE,), pass_thru=False, impact="High"))

SESSIONS = [
    like("Get-FreeholdSession", "Get-FSxSmbSession", map=SESSION_MAP),
    like("Close-FreeholdSession", "Close-FSxSmbSession -Confirm:$False", extra=(FORCE,)),
    like("Get-FreeholdOpenFile", "Get-FSxSmbOpenFile", map=FILE_MAP),
    like("Close-FreeholdOpenFile", "Close-FSxSmbOpenFile -Confirm:$false", extra=(FORCE,)),
]

CONFIGURATION = [
    like("Get-FreeholdServerConfiguration", "Get-FSxSmbServerConfiguration",
         map={"EncryptData": "EncryptData", "RejectUnencryptedAccess": "RejectUnencryptedAccess"}),
    like("Set-FreeholdServerConfiguration",
         "Set-FSxSmbServerConfiguration -EncryptData $True -RejectUnencryptedAccess $True -Confirm:$False",
         without=("PassThru",), extra=(FORCE,), output="", then="", pass_thru=False),
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
