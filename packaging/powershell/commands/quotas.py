"""Limits of accounts, groups and folders."""
from dataclasses import replace

from .model import C, CHANGE, File, P, REMOVAL

VOLUME = P("Volume", "Volume of the server. The connection's, or the only one that there is, where it is left out.", "string",
           aliases=("QuotaVolume",), pipeline=True)
PASS = P("PassThru", "Return what was changed.", "switch")


def size(name, help, body=None, option=""):
    return P(name, help + " A number of bytes such as 10GB, or none.", "object", body=body or name, option=option, convert="Size",
             pipeline=True)


LIMIT = size("Limit", "Most bytes.", option="--limit=")
WARNING = size("WarningLimit", "Bytes above which a warning is due.", option="--warning=")

USER = [
    C("Get-FreeholdUserQuotaSettings", "Gets how a volume treats quotas.", "GET /v1/quotas/{Volume}", [VOLUME],
      program="quota settings {Volume} -o json", volume=True, output="Freehold.UserQuotaSettings",
      examples=[("Get-FreeholdUserQuotaSettings", "")]),
    C("Set-FreeholdUserQuotaSettings", "Changes how a volume treats quotas. What is not named stays.", "PATCH /v1/quotas/{Volume}",
      [VOLUME, size("DefaultLimit", "Limit of accounts without one of their own and without a group's.", "Settings.DefaultLimit", option="--limit="),
       size("DefaultWarningLimit", "From where on they are warned.", "Settings.DefaultWarningLimit", option="--warning="),
       P("RecordWarning", body="Settings.RecordWarning", option="--record-warning="), P("RecordLimit", body="Settings.RecordLimit", option="--record-limit="), PASS],
      program="quota default {Volume} -o json", volume=True, target="{Volume}", action="Change the treatment of quotas", impact=CHANGE, output="Freehold.UserQuotaSettings",
      pass_thru=True,
      examples=[("Set-FreeholdUserQuotaSettings -DefaultLimit 10GB -DefaultWarningLimit 8GB -PassThru", "")]),
    C("Enable-FreeholdUserQuotas", "Tracks or enforces quotas of users on a volume.", "PATCH /v1/quotas/{Volume}",
      [VOLUME, P("State", "Track only counts and tells; Enforce refuses what would exceed a limit.", "string", body="Settings.State",
                 mandatory=True, position=0, values=("Track", "Enforce")), PASS],
      program="quota mode {Volume} {State} -o json", volume=True, target="{Volume}", action="Turn quotas on", impact=CHANGE, output="Freehold.UserQuotaSettings",
      pass_thru=True,
      examples=[("Enable-FreeholdUserQuotas Enforce", "")]),
    C("Disable-FreeholdUserQuotas", "Stops limiting users on a volume, and showing what they use.", "PATCH /v1/quotas/{Volume}",
      [VOLUME, PASS], fixed={"Settings.State": "Off"}, program="quota mode {Volume} {=off} -o json", volume=True, target="{Volume}", action="Turn quotas off", impact=REMOVAL,
      output="Freehold.UserQuotaSettings", pass_thru=True,
      examples=[("Disable-FreeholdUserQuotas -Confirm:$false", "")]),
    C("Get-FreeholdUserQuota", "Gets who uses how much of a volume, and who may use how much.", "GET /v1/quotas/{Volume}/users?limit=10000",
      [P("User", "Accounts, with wildcards. All that use something or have a limit where it is left out.", "string[]", position=0,
         pipeline=True, wildcard=True), VOLUME],
      program="quota list {Volume} -o json", volume=True, output="Freehold.UserQuota", filter={"User": "User"},
      examples=[("Get-FreeholdUserQuota", ""), ("Get-FreeholdUserQuota | Where-Object Status -ne OK", "Those above their warning."),
                ("Get-FreeholdUserQuota | Sort-Object DiskSpaceUsed -Descending | Select-Object -First 10", "")]),
    C("Set-FreeholdUserQuota", "Gives accounts limits of their own.", "PUT /v1/quotas/{Volume}/users/{User}",
      [P("User", "Accounts, as names or SIDs.", "string[]", position=0, mandatory=True, pipeline=True), VOLUME, LIMIT, WARNING, PASS],
      program="quota set {User} -o json", options={"Volume": "--volume="}, volume=True, each="User", target="{User}", action="Set the quota", impact=CHANGE,
      output="Freehold.UserQuota", pass_thru=True,
      examples=[("Set-FreeholdUserQuota 'CORP\\anna' -Limit 50GB -WarningLimit 45GB", ""),
                ("Import-Csv limits.csv | Set-FreeholdUserQuota", "Of a file with the columns User, Limit and WarningLimit.")]),
    C("Remove-FreeholdUserQuota", "Takes accounts' own limits away: groups' rules or the volume's default are theirs then.",
      "DELETE /v1/quotas/{Volume}/users/{User}",
      [P("User", "Accounts, as names or SIDs.", "string[]", position=0, mandatory=True, pipeline=True), VOLUME],
      program="quota remove {User}", options={"Volume": "--volume="}, volume=True, each="User", target="{User}", action="Remove the quota",
      impact=REMOVAL, examples=[("Remove-FreeholdUserQuota 'CORP\\anna'", "")]),
]

GROUP = [
    C("Get-FreeholdGroupQuota", "Gets the rules that give members of groups limits.", "GET /v1/quotas/{Volume}/groups",
      [P("Group", "Groups, with wildcards. All rules where it is left out.", "string[]", position=0, pipeline=True, wildcard=True),
       VOLUME],
      program="quota group list {Volume} -o json", volume=True, output="Freehold.GroupQuota", filter={"Group": "Group"},
      examples=[("Get-FreeholdGroupQuota", "")]),
    C("Set-FreeholdGroupQuota", "Gives the members of groups limits. The most generous rule counts for who is in several groups.",
      "PUT /v1/quotas/{Volume}/groups/{Group}",
      [P("Group", "Groups of the domain or of the server.", "string[]", position=0, mandatory=True, pipeline=True), VOLUME, LIMIT,
       WARNING, PASS],
      program="quota group set {Group} -o json", options={"Volume": "--volume="}, volume=True, each="Group", target="{Group}", action="Set the rule",
      impact=CHANGE, output="Freehold.GroupQuota", pass_thru=True, examples=[("Set-FreeholdGroupQuota 'CORP\\engineers' -Limit 100GB", "")]),
    C("Remove-FreeholdGroupQuota", "Takes groups' rules away.", "DELETE /v1/quotas/{Volume}/groups/{Group}",
      [P("Group", "Groups.", "string[]", position=0, mandatory=True, pipeline=True), VOLUME],
      program="quota group remove {Group}", options={"Volume": "--volume="}, volume=True, each="Group", target="{Group}", action="Remove the rule",
      impact=REMOVAL, examples=[("Remove-FreeholdGroupQuota 'CORP\\engineers'", "")]),
]

# Routes of what is named by a path: the path goes in the query where there is no body.
FOLDERS_ROUTE = "/v1/folder-quotas"
TEMPLATES_ROUTE = "/v1/quota-templates"
AUTO_ROUTE = "/v1/auto-quotas"

PLACE = "share:/folder, \\\\server\\share\\folder, or a full path on the server"
PLACES = P("Folder", f"Folders: {PLACE}.", "string[]", query="path", convert="Folder", position=0, mandatory=True, pipeline=True,
           aliases=("Path",))
CHANGED = replace(PLACES, query="", body="Path")
TEMPLATES = P("Name", "Names of templates.", "string[]", position=0, mandatory=True, pipeline=True)


def typed(parameters):
    """The same, taken from the command line alone: what is changed is what was typed, not all that an object says."""
    return [replace(parameter, pipeline=False) for parameter in parameters]


def folder_settings():
    return [size("Size", "Most bytes below the folder.", "Settings.Size", option="--size="),
            P("SoftLimit", body="Settings.SoftLimit", option="--soft-limit=", pipeline=True), P("Threshold", body="Settings.Threshold", option="--threshold=", convert="Threshold", pipeline=True),
            P("Description", body="Settings.Description", option="--description=", allow_empty=True, pipeline=True)]


TEMPLATE = P("Template", body="Settings.Template", option="--template=", pipeline=True)
DISABLED = P("Disabled", body="Settings.Disabled", option="--disabled=", pipeline=True)
APPLY = P("ApplyTo", body="ApplyTo", option="--apply-to=", option_convert="Lower")

FOLDER = [
    C("Get-FreeholdFolderQuota", "Gets quotas of folders.", f"GET {FOLDERS_ROUTE}",
      [P("Path", "Folders below the volume's root, with wildcards. All quotas where it is left out.", "string[]", position=0,
         pipeline=True, wildcard=True)],
      program="quota folder list -o json", output="Freehold.FolderQuota", filter={"Path": "Path"},
      examples=[("Get-FreeholdFolderQuota | Where-Object Status -eq Exceeded", "")]),
    C("New-FreeholdFolderQuota", "Puts a quota on a folder.", f"POST {FOLDERS_ROUTE}",
      [P("Folder", f"The folder: {PLACE}.", "string", body="Path", convert="Folder", position=0, mandatory=True, pipeline=True,
         aliases=("Path",)), TEMPLATE, *folder_settings(), DISABLED],
      program="quota folder add {Folder} -o json", target="{Folder}", action="Make the quota", impact=CHANGE, output="Freehold.FolderQuota",
      examples=[("New-FreeholdFolderQuota share:/department -Size 10GB -Threshold 85, 100", ""),
                ("New-FreeholdFolderQuota share:/department -Template 'Standard 10 GB'", "")]),
    C("Set-FreeholdFolderQuota", "Changes quotas of folders. What is not named stays.", f"PATCH {FOLDERS_ROUTE}",
      [CHANGED, *typed([TEMPLATE, *folder_settings(), DISABLED])], each="Folder", program="quota folder set {Folder} -o json", target="{Folder}", action="Change the quota", impact=CHANGE,
      output="Freehold.FolderQuota", examples=[("Set-FreeholdFolderQuota share:/department -Size 20GB", "")]),
    C("Remove-FreeholdFolderQuota", "Takes quotas of folders away. The files stay.", f"DELETE {FOLDERS_ROUTE}", [PLACES], each="Folder",
      program="quota folder remove {Folder}", target="{Folder}", action="Remove the quota", impact=REMOVAL, examples=[("Remove-FreeholdFolderQuota share:/department", "")]),
]

TEMPLATE_COMMANDS = [
    C("Get-FreeholdQuotaTemplate", "Gets templates of folder quotas.", f"GET {TEMPLATES_ROUTE}",
      [P("Name", "Names, with wildcards. All templates where it is left out.", "string[]", position=0, pipeline=True, wildcard=True)],
      program="quota template list -o json", output="Freehold.QuotaTemplate", filter={"Name": "Name"}, examples=[("Get-FreeholdQuotaTemplate", "")]),
    C("New-FreeholdQuotaTemplate", "Makes a template of folder quotas.", f"POST {TEMPLATES_ROUTE}",
      [P("Name", body="Name", position=0, mandatory=True, pipeline=True), *folder_settings()], program="quota template add {Name} -o json", target="{Name}",
      action="Make the template", impact=CHANGE, output="Freehold.QuotaTemplate",
      examples=[("New-FreeholdQuotaTemplate 'Standard 10 GB' -Size 10GB -Threshold 85, 100", "")]),
    C("Set-FreeholdQuotaTemplate", "Changes templates of folder quotas. What is not named stays.", f"PATCH {TEMPLATES_ROUTE}/{{Name}}",
      [TEMPLATES, *typed(folder_settings()), APPLY], each="Name", program="quota template set {Name} -o json", target="{Name}", action="Change the template", impact=CHANGE,
      output="Freehold.QuotaTemplate",
      examples=[("Set-FreeholdQuotaTemplate 'Standard 10 GB' -Size 12GB -ApplyTo Unmodified",
                 "Quotas that are still as the template made them change with it.")]),
    C("Remove-FreeholdQuotaTemplate", "Removes templates. Quotas that came from them stay.", f"DELETE {TEMPLATES_ROUTE}/{{Name}}",
      [TEMPLATES], each="Name", program="quota template remove {Name}", target="{Name}", action="Remove the template", impact=REMOVAL,
      examples=[("Remove-FreeholdQuotaTemplate 'Standard 10 GB'", "")]),
]

AUTO = [
    C("Get-FreeholdAutoQuota", "Gets folders whose subfolders get a quota each.", f"GET {AUTO_ROUTE}",
      [P("Path", "Folders below the volume's root, with wildcards. All where it is left out.", "string[]", position=0, pipeline=True,
         wildcard=True)],
      program="quota auto list -o json", output="Freehold.AutoQuota", filter={"Path": "Path"}, examples=[("Get-FreeholdAutoQuota", "")]),
    C("New-FreeholdAutoQuota", "Gives each subfolder that a folder has or gets a quota of a template.", f"POST {AUTO_ROUTE}",
      [P("Folder", f"The folder: {PLACE}.", "string", body="Path", convert="Folder", position=0, mandatory=True, pipeline=True,
         aliases=("Path",)), P("Template", body="Template", option="--template=", mandatory=True, pipeline=True)],
      program="quota auto add {Folder} -o json", target="{Folder}", action="Make the auto quota", impact=CHANGE, output="Freehold.AutoQuota",
      examples=[("New-FreeholdAutoQuota share:/homes -Template 'Standard 10 GB'", "")]),
    C("Set-FreeholdAutoQuota", "Changes auto quotas. What is not named stays.", f"PATCH {AUTO_ROUTE}",
      [CHANGED, P("Template", body="Template", option="--template="), P("Disabled", body="Disabled", option="--disabled="), APPLY], each="Folder", program="quota auto set {Folder} -o json", target="{Folder}", action="Change the auto quota", impact=CHANGE,
      output="Freehold.AutoQuota", examples=[("Set-FreeholdAutoQuota share:/homes -Template 'Standard 20 GB' -ApplyTo All", "")]),
    C("Remove-FreeholdAutoQuota", "New subfolders get no quota any more; the quotas that it made go.", f"DELETE {AUTO_ROUTE}",
      [PLACES], each="Folder", program="quota auto remove {Folder}", target="{Folder}", action="Remove the auto quota", impact=REMOVAL,
      examples=[("Remove-FreeholdAutoQuota share:/homes", "")]),
]

REPORT = [
    C("Get-FreeholdQuotaReport", "Says who or what uses most of a volume.", "GET /v1/quotas/{Volume}/report",
      [P("By", "By owner of the files, folder with a quota, age of files, or their type.", query="by", option="--by=", option_convert="Lower", position=0), VOLUME,
       P("Top", "At most so many rows.", query="top", option="--top=")], volume=True, program="quota report {Volume} -o json", output="Freehold.QuotaReport",
      examples=[("Get-FreeholdQuotaReport Type -Top 10", "")]),
    C("Get-FreeholdQuotaForecast", "Says when what grows will be full, at the present rate.", "GET /v1/quotas/{Volume}/forecast",
      [VOLUME, P("Top", "At most so many rows.", query="top", option="--top=")], volume=True, program="quota forecast {Volume} -o json", output="Freehold.QuotaForecast",
      examples=[("Get-FreeholdQuotaForecast | Where-Object DaysUntilFull -lt 30", "")]),
]

FILES = [
    File("Public/UserQuota.ps1", "Quotas of users.", USER),
    File("Public/GroupQuota.ps1", "Rules that give members of groups limits.", GROUP),
    File("Public/FolderQuota.ps1", "Quotas of folders.", FOLDER),
    File("Public/QuotaTemplate.ps1", "Templates of folder quotas.", TEMPLATE_COMMANDS),
    File("Public/AutoQuota.ps1", "Folders whose subfolders get a quota each.", AUTO),
    File("Public/QuotaReport.ps1", "Reports and forecasts.", REPORT),
]
