"""Default tables: for each type, its columns. A column is a property, or a property and how it is shown."""

SIZE = "size"
COUNT = "count"
VIEWS = {
    "Freehold.Connection": ["Server", "Authentication", "Volume", "Program"],
    "Freehold.Status": ["Version", "Running", "Users", "Shares", "MachineSid"],
    "Freehold.Share": ["Name", "Volume", "Path", "EncryptData", "FolderEnumerationMode", "Description"],
    "Freehold.ShareAccess": ["Name", "AccountName", "AccessControlType", "AccessRight"],
    "Freehold.Session": ["SessionId", "ClientComputerName", "ClientUserName", ("NumOpens", COUNT), "Dialect", "Encrypted",
                         ("SecondsIdle", COUNT)],
    "Freehold.OpenFile": ["FileId", "SessionId", "ClientComputerName", "ClientUserName", "ShareName", "ShareRelativePath",
                          ("Locks", COUNT)],
    "Freehold.ServerConfiguration": ["EncryptData", "RejectUnencryptedAccess", "Smb2DialectMin", "Smb2DialectMax"],
    "Freehold.User": ["Name", "Enabled", "Administrator", "FullName", "PasswordSet"],
    "Freehold.Group": ["Name", "BuiltIn", "Members", "Comment"],
    "Freehold.Change": ["Action", "Kind", "Name", "Detail", "Done"],
    "Freehold.UserQuotaSettings": ["QuotaVolume", "State", ("DefaultLimit", SIZE), ("DefaultWarningLimit", SIZE)],
    "Freehold.UserQuota": ["User", "Status", ("DiskSpaceUsed", SIZE), ("Limit", SIZE), ("WarningLimit", SIZE), "Source",
                           "QuotaVolume"],
    "Freehold.GroupQuota": ["Group", ("Limit", SIZE), ("WarningLimit", SIZE), ("Members", COUNT), "QuotaVolume"],
    "Freehold.FolderQuota": ["Path", ("Usage", SIZE), ("Size", SIZE), "SoftLimit", "Status", "Counting", "Template", "QuotaVolume"],
    "Freehold.QuotaTemplate": ["Name", ("Size", SIZE), "SoftLimit", "Threshold", "Description"],
    "Freehold.AutoQuota": ["Path", "Template", "Disabled", ("Quotas", COUNT), "QuotaVolume"],
    "Freehold.QuotaReport": ["Name", ("DiskSpaceUsed", SIZE), ("Files", COUNT), ("Percent", COUNT), "QuotaVolume"],
    "Freehold.QuotaForecast": ["Type", "Name", ("DiskSpaceUsed", SIZE), ("Limit", SIZE), ("BytesPerDay", SIZE),
                               ("DaysUntilFull", COUNT), "Remark"],
    "Freehold.DfsnRoot": ["Path", "Type", "Properties", ("TimeToLiveSec", COUNT), "State", "Description"],
    "Freehold.DfsnFolder": ["Path", "State", ("TimeToLiveSec", COUNT), "TargetPaths", "Properties", "Description"],
    "Freehold.DfsnFolderTarget": ["Path", "TargetPath", "State", "ReferralPriorityClass", ("ReferralPriorityRank", COUNT)],
    "Freehold.DfsnSite": ["Name", "Subnets", "Links", "Servers", "From", ("Cost", COUNT)],
    "Freehold.DfsnTest": ["TargetPath", "Answers", ("Milliseconds", COUNT), "Message"],
    "Freehold.FSx.SmbShare": ["Name", "ScopeName", "Path", "Description"],
    "Freehold.FSx.SmbShareAccess": ["Name", "ScopeName", "AccountName", "AccessControlType", "AccessRight"],
    "Freehold.FSx.SmbSession": ["SessionId", "ClientComputerName", "ClientUserName", ("NumOpens", COUNT)],
    "Freehold.FSx.SmbOpenFile": ["FileId", "SessionId", "Path", "ShareRelativePath", "ClientComputerName", "ClientUserName"],
    "Freehold.FSx.SmbServerConfiguration": ["EncryptData", "RejectUnencryptedAccess"],
    "Freehold.FSx.UserQuotaSettings": [("DefaultWarningLimit", COUNT), ("DefaultLimit", COUNT), "State"],
    "Freehold.FSx.FsrmQuota": ["Folder", ("Size", SIZE), ("Usage", SIZE), "SoftLimit", "Disabled", "Template"],
    "Freehold.FSx.FsrmQuotaTemplate": ["Name", ("Size", SIZE), "SoftLimit", "Description"],
    "Freehold.FSx.FsrmAutoQuota": ["Folder", "Template", "Disabled"],
}
# FSx shows quota entries as a list.
LISTS = {
    "Freehold.DfsnResolution": ["Path", "Referral", "ReferralPath", "TimeToLiveSec", "Targets", "Reasons"],
    "Freehold.FSx.UserQuotaEntry": ["WarningLimit", "DiskSpaceUsed", "QuotaVolume", "Limit", "Status", "User"],
}

SIZE_SCRIPT = (
    "$bytes = $_.{0}; "
    "if ($null -eq $bytes -or $bytes -eq [uint64]::MaxValue) {{ 'none' }} "
    "else {{ $units = 'B', 'KB', 'MB', 'GB', 'TB', 'PB'; $step = 0; $number = [double] $bytes; "
    "while ([math]::Abs($number) -ge 1024 -and $step -lt 5) {{ $number /= 1024; $step++ }} "
    "'{{0:0.##}} {{1}}' -f $number, $units[$step] }}"
)


def escape(text):
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def column(item):
    """Name and kind of a column."""
    return item if isinstance(item, tuple) else (item, "")


def table(name, columns):
    heads, cells = [], []
    for prop, kind in map(column, columns):
        right = "<Alignment>Right</Alignment>" if kind else ""
        heads.append(f"            <TableColumnHeader><Label>{prop}</Label>{right}</TableColumnHeader>")
        inner = (f"<ScriptBlock>{escape(SIZE_SCRIPT.format(prop))}</ScriptBlock>" if kind == SIZE
                 else f"<PropertyName>{prop}</PropertyName>")
        cells.append(f"                <TableColumnItem>{inner}</TableColumnItem>")
    return f"""    <View>
      <Name>{name}</Name>
      <ViewSelectedBy><TypeName>{name}</TypeName></ViewSelectedBy>
      <TableControl>
        <AutoSize />
        <TableHeaders>
{chr(10).join(heads)}
        </TableHeaders>
        <TableRowEntries>
          <TableRowEntry>
            <TableColumnItems>
{chr(10).join(cells)}
            </TableColumnItems>
          </TableRowEntry>
        </TableRowEntries>
      </TableControl>
    </View>"""


def listing(name, properties):
    items = "\n".join(f"              <ListItem><PropertyName>{prop}</PropertyName></ListItem>" for prop in properties)
    return f"""    <View>
      <Name>{name}</Name>
      <ViewSelectedBy><TypeName>{name}</TypeName></ViewSelectedBy>
      <ListControl>
        <ListEntries>
          <ListEntry>
            <ListItems>
{items}
            </ListItems>
          </ListEntry>
        </ListEntries>
      </ListControl>
    </View>"""


def format_file():
    """The text of Freehold.format.ps1xml."""
    views = [table(name, columns) for name, columns in VIEWS.items()] + [listing(name, items) for name, items in LISTS.items()]
    return ('<?xml version="1.0" encoding="utf-8"?>\n<!-- Made by ../generate.py from ../commands/views.py; not edited by hand. -->\n'
            "<Configuration>\n  <ViewDefinitions>\n" + "\n".join(views) + "\n  </ViewDefinitions>\n</Configuration>\n")
