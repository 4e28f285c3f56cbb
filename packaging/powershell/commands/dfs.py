"""DFS namespaces, with the names of Windows' DFSN module: its parameters, and the properties that its objects show."""
from dataclasses import replace

from .model import C, CHANGE, File, P, REMOVAL

ROOTS_ROUTE = "/v1/dfs/namespaces"
FOLDERS_ROUTE = "/v1/dfs/folders"
TARGETS_ROUTE = "/v1/dfs/targets"

FORCE = P("Force", "Do not ask.", "switch")
PASS = P("PassThru", "Return the object.", "switch")
ROOT = P("Path", "The namespace: \\\\server\\files, or files.", "string", position=0, mandatory=True, pipeline=True)
ROOTS = replace(ROOT, help="Namespaces: \\\\server\\files, or files.", type="string[]")
FOLDER = P("Path", "The folder: \\\\server\\files\\projects, or files\\projects.", "string", body="Path", position=0, mandatory=True,
           pipeline=True)
FOLDERS = replace(FOLDER, help="Folders: \\\\server\\files\\projects, or files\\projects.", type="string[]")
TARGET = P("TargetPath", "The target: \\\\server\\share, or a folder below.", "string", body="TargetPath", position=1, mandatory=True,
           pipeline=True)
FIND = P("Path", "Namespaces or folders: \\\\server\\files, \\\\server\\files\\* or \\\\server\\files\\projects. All where it is left "
                 "out.", "string[]", query="path", convert="DfsnPath", position=0, pipeline=True)


def flag(name, option):
    return P(name, body=f"Settings.{name}", option=option)


def root_settings():
    return [P("Description", body="Settings.Description", option="--description=", allow_empty=True),
            P("State", body="Settings.State", option="--state="),
            P("TimeToLiveSec", body="Settings.TimeToLiveSec", option="--ttl="),
            flag("EnableInsiteReferrals", "--insite-referrals="), flag("EnableSiteCosting", "--site-costing="),
            flag("EnableRootScalability", "--root-scalability="),
            flag("EnableAccessBasedEnumeration", "--access-based-enumeration="),
            flag("EnableTargetFailback", "--target-failback=")]


def folder_settings(state):
    return [P("Description", body="Settings.Description", option="--description=", allow_empty=True),
            P("State", body="Settings.State", option=state),
            P("TimeToLiveSec", body="Settings.TimeToLiveSec", option="--ttl="),
            flag("EnableInsiteReferrals", "--insite-referrals="), flag("EnableTargetFailback", "--target-failback="),
            flag("Interlink", "--interlink="),
            P("SecurityDescriptor", body="Settings.SecurityDescriptor", option="--access=", allow_empty=True)]


def target_settings(outer, state="State"):
    return [P(state, body=f"{outer}.State", option="--state="),
            P("ReferralPriorityClass", body=f"{outer}.ReferralPriorityClass", option="--class="),
            P("ReferralPriorityRank", body=f"{outer}.ReferralPriorityRank", option="--rank=")]


ROOT_COMMANDS = [
    C("Get-FreeholdDfsnRoot", "Gets DFS namespaces.", f"GET {ROOTS_ROUTE}",
      [P("Path", "Namespaces, with wildcards: \\\\server\\files, files, f*. All where it is left out.", "string[]", position=0,
         pipeline=True, wildcard=True)],
      program="dfs namespace list -o json", output="Freehold.DfsnRoot", filter={"Path": "Name"}, filter_convert={"Path": "DfsnName"},
      examples=[("Get-FreeholdDfsnRoot", ""), ("Get-FreeholdDfsnRoot \\\\server\\files | Format-List *", "")]),
    C("New-FreeholdDfsnRoot", "Makes a DFS namespace. Its root is the share of its name.", f"POST {ROOTS_ROUTE}",
      [replace(ROOT, body="Name"), P("Volume", "Volume of a share that is made for it; left out where the share is there.", "string",
                                     body="Volume", option="--volume="),
       P("Folder", "Folder of that share within the volume, such as dfs\\files.", "string", body="Path", option="--path=",
         convert="VolumePath"),
       P("Type", "DomainV2: the directory of the domain keeps it, for all servers that hold its root. Standalone: it is this server's alone.",
         "string", body="Domain", option="--domain", convert="DfsnType", values=("Standalone", "DomainV2")),
       *root_settings()],
      program="dfs namespace add {Path}", target="{Path}", action="Make the namespace", impact=CHANGE,
      output="Freehold.DfsnRoot", then="Get-FreeholdDfsnRoot", key={"Path": "{Path}"},
      examples=[("New-FreeholdDfsnRoot \\\\server\\files -Volume data -Folder dfs\\files -EnableTargetFailback $true", ""),
                ("New-FreeholdDfsnRoot files -Description 'All files'", "The share files is there."),
                ("New-FreeholdDfsnRoot files -Type DomainV2 -Volume data -Folder dfs\\files",
                 "Where the domain has that namespace, this server becomes one of those that hold its root.")]),
    C("Set-FreeholdDfsnRoot", "Changes DFS namespaces. What is not named stays.", f"PATCH {ROOTS_ROUTE}/{{Path}}",
      [ROOTS, *root_settings(), PASS],
      program="dfs namespace set {Path}", each="Path", target="{Path}", action="Change the namespace", impact=CHANGE,
      output="Freehold.DfsnRoot", then="Get-FreeholdDfsnRoot", key={"Path": "{Path}"}, pass_thru=True,
      examples=[("Set-FreeholdDfsnRoot files -TimeToLiveSec 600 -EnableSiteCosting $true -PassThru", "")]),
    C("Remove-FreeholdDfsnRoot", "Removes DFS namespaces with their folders. The shares and what the targets hold stay.",
      f"DELETE {ROOTS_ROUTE}/{{Path}}", [ROOTS, FORCE],
      program="dfs namespace remove {Path} --force", each="Path", target="{Path}", action="Remove the namespace", impact=REMOVAL,
      examples=[("Remove-FreeholdDfsnRoot \\\\server\\files -Force", "")]),
]

FOLDER_COMMANDS = [
    C("Get-FreeholdDfsnFolder", "Gets folders of DFS namespaces.", f"GET {FOLDERS_ROUTE}", [FIND], each="Path",
      program="dfs folder list {Path} -o json", output="Freehold.DfsnFolder",
      examples=[("Get-FreeholdDfsnFolder \\\\server\\files\\*", ""), ("Get-FreeholdDfsnRoot | Get-FreeholdDfsnFolder", ""),
                ("Get-FreeholdDfsnFolder | Where-Object State -eq Offline", "")]),
    C("New-FreeholdDfsnFolder", "Makes a folder of a DFS namespace with its targets.", f"POST {FOLDERS_ROUTE}",
      [FOLDER, P("TargetPath", "Where it leads: at least one \\\\server\\share, or a folder below.", "string[]", body="TargetPaths",
                 option="--target=", position=1, mandatory=True, pipeline=True, aliases=("TargetPaths",)),
       *folder_settings("--folder-state="), *target_settings("Targets", "TargetState")],
      program="dfs folder add {Path}", target="{Path}", action="Make the folder", impact=CHANGE,
      output="Freehold.DfsnFolder", then="Get-FreeholdDfsnFolder", key={"Path": "{Path}"},
      examples=[("New-FreeholdDfsnFolder \\\\server\\files\\projects -TargetPath '\\\\fs1\\projects', '\\\\fs2\\projects'", ""),
                ("Import-Csv folders.csv | New-FreeholdDfsnFolder -WhatIf",
                 "Says what would be made of a file with the columns Path and TargetPath.")]),
    C("Set-FreeholdDfsnFolder", "Changes folders of DFS namespaces. What is not named stays.", f"PATCH {FOLDERS_ROUTE}",
      [FOLDERS, *folder_settings("--state="), PASS],
      program="dfs folder set {Path}", each="Path", target="{Path}", action="Change the folder", impact=CHANGE,
      output="Freehold.DfsnFolder", then="Get-FreeholdDfsnFolder", key={"Path": "{Path}"}, pass_thru=True,
      examples=[("Set-FreeholdDfsnFolder \\\\server\\files\\projects -TimeToLiveSec 60 -State Offline", "")]),
    C("Move-FreeholdDfsnFolder", "Gives a folder another place in its DFS namespace.", f"POST {FOLDERS_ROUTE}/move",
      [FOLDER, P("NewPath", body="NewPath", position=1, mandatory=True), FORCE],
      program="dfs folder move {Path} {NewPath}", target="{Path}, {NewPath}", action="Move the folder", impact=CHANGE,
      output="Freehold.DfsnFolder", then="Get-FreeholdDfsnFolder", key={"Path": "{NewPath}"},
      examples=[("Move-FreeholdDfsnFolder \\\\server\\files\\projects \\\\server\\files\\archive\\projects", "")]),
    C("Remove-FreeholdDfsnFolder", "Removes folders of DFS namespaces with their targets. What these hold stays.",
      f"DELETE {FOLDERS_ROUTE}", [replace(FOLDERS, body="", query="path"), FORCE],
      program="dfs folder remove {Path} --force", each="Path", target="{Path}", action="Remove the folder", impact=REMOVAL,
      examples=[("Remove-FreeholdDfsnFolder \\\\server\\files\\projects -Force", "")]),
]

TARGET_KEY = {"output": "Freehold.DfsnFolderTarget", "then": "Get-FreeholdDfsnFolderTarget",
              "key": {"Path": "{Path}", "TargetPath": "{TargetPath}"}}
TARGET_COMMANDS = [
    C("Get-FreeholdDfsnFolderTarget", "Gets where folders of DFS namespaces lead.", f"GET {TARGETS_ROUTE}",
      [FIND, P("TargetPath", "Targets, with wildcards. All where it is left out.", "string[]", position=1, wildcard=True)],
      program="dfs target list {Path} -o json", each="Path", output="Freehold.DfsnFolderTarget",
      filter={"TargetPath": "TargetPath"}, filter_convert={"TargetPath": "Backslash"},
      examples=[("Get-FreeholdDfsnFolderTarget \\\\server\\files\\projects", ""),
                ("Get-FreeholdDfsnFolder | Get-FreeholdDfsnFolderTarget | Where-Object State -eq Offline", "")]),
    C("New-FreeholdDfsnFolderTarget", "Gives a folder of a DFS namespace a further target.", f"POST {TARGETS_ROUTE}",
      [FOLDER, TARGET, *target_settings("Settings")],
      program="dfs target add {Path} {TargetPath}", target="{Path}, {TargetPath}", action="Add the target", impact=CHANGE, **TARGET_KEY,
      examples=[("New-FreeholdDfsnFolderTarget \\\\server\\files\\projects \\\\fs2\\projects -ReferralPriorityClass global-low", "")]),
    C("Set-FreeholdDfsnFolderTarget", "Changes a target of a folder. What is not named stays.", f"PATCH {TARGETS_ROUTE}",
      [FOLDER, TARGET, *target_settings("Settings"), PASS],
      program="dfs target set {Path} {TargetPath}", target="{Path}, {TargetPath}", action="Change the target", impact=CHANGE,
      pass_thru=True, **TARGET_KEY,
      examples=[("Set-FreeholdDfsnFolderTarget \\\\server\\files\\projects \\\\fs2\\projects -State Offline", "")]),
    C("Remove-FreeholdDfsnFolderTarget", "Takes a target from a folder that has others. What it holds stays.", f"DELETE {TARGETS_ROUTE}",
      [replace(FOLDER, body="", query="path"), replace(TARGET, body="", query="targetPath"), FORCE],
      program="dfs target remove {Path} {TargetPath} --force", target="{Path}, {TargetPath}", action="Remove the target", impact=REMOVAL,
      examples=[("Remove-FreeholdDfsnFolderTarget \\\\server\\files\\projects \\\\fs2\\projects -Force", "")]),
    C("Test-FreeholdDfsnFolderTarget", "Asks the server of each target whether it answers.", "GET /v1/dfs/test", [FIND], each="Path",
      output="Freehold.DfsnTest", description="By the local program, use `freehold dfs target test`.",
      examples=[("Test-FreeholdDfsnFolderTarget | Where-Object Answers -eq $false", "")]),
    C("Get-FreeholdDfsnSite", "Gets the sites of the directory, by which targets are ordered.", "GET /v1/dfs/sites",
      [P("Name", "Sites, with wildcards. All where it is left out.", "string[]", position=0, wildcard=True),
       P("From", query="from", option="--from=")],
      program="dfs site list -o json", output="Freehold.DfsnSite", filter={"Name": "Name"},
      examples=[("Get-FreeholdDfsnSite -From 10.0.0.7 | Sort-Object Cost", "")]),
    C("Resolve-FreeholdDfsnPath", "Says which referral a client would get, and why.", "GET /v1/dfs/resolve",
      [P("Path", query="path", position=0, mandatory=True, pipeline=True), P("Client", query="client", option="--client=")],
      program="dfs resolve {Path} -o json", output="Freehold.DfsnResolution",
      examples=[("(Resolve-FreeholdDfsnPath \\\\server\\files\\projects\\plans -Client 10.0.0.7).Targets", "")]),
]

FILES = [
    File("Public/DfsnRoot.ps1", "DFS namespaces.", ROOT_COMMANDS),
    File("Public/DfsnFolder.ps1", "Folders of DFS namespaces.", FOLDER_COMMANDS),
    File("Public/DfsnFolderTarget.ps1", "Where folders of DFS namespaces lead.", TARGET_COMMANDS),
]
