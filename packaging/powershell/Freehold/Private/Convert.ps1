# Values on their way to a server and back. ConvertTo-FreeholdValue: a parameter's value into what the server takes.
# ConvertFrom-FreeholdValue: a property of a row into what Windows and FSx show. Private/Commands.ps1 names them.

# What means "no limit" in Windows' disk quotas (Win32_DiskQuota).
$script:FreeholdUnlimited = [uint64]::MaxValue

# 10GB (a number, in PowerShell), '10GB' (text) and 'none' are sizes; K to P are powers of 1024. The server checks text.
function ConvertTo-FreeholdSize {
    param([object] $Value)
    if ($null -eq $Value) {
        return 'none'
    }
    if ($Value -is [string]) {
        return $Value
    }
    if ([decimal] $Value -lt 0 -or [decimal] $Value -ge [decimal] [long]::MaxValue) {
        return 'none'
    }
    [uint64] $Value
}

# A folder as FSx names it: D:\share\department, or share\department. The drive letter stands for the connection's volume, and a
# path without one begins with a share. What begins with / or \\ is left as it is.
function ConvertTo-FreeholdFolder {
    param([string] $Value, [object] $Connection)
    if ($Value -match '^[A-Za-z]:[\\/]?(.*)$') {
        $below = $Matches[1].Replace('\', '/').Trim('/')
        $volume = Get-FreeholdVolumeRow -Connection $Connection
        return ($volume.Folder.TrimEnd('/') + '/' + $below).TrimEnd('/')
    }
    if ($Value.StartsWith('/') -or $Value.StartsWith('\\') -or $Value.Contains(':')) {
        return $Value
    }
    $share, $below = $Value.Replace('\', '/').Trim('/') -split '/', 2
    "${share}:/$below"
}

# The same folder as a path below its volume's root, which is what listings show.
function ConvertTo-FreeholdVolumePath {
    param([string] $Value, [object] $Connection)
    if ($Value -match '^[A-Za-z]:') {
        return ConvertTo-FreeholdValue -Value $Value -Converter 'VolumePath'
    }
    $share, $below = $Value.Replace('\', '/').Trim('/') -split '/', 2
    $text = Send-FreeholdCommand -Command $script:FreeholdCommands['Get-FreeholdShare'] -Parameters @{} -Connection $Connection -Target $Value
    $rows = ConvertFrom-Json -InputObject $text
    $found = @($rows | Where-Object { $_.Name -eq $share })
    if ($found.Count -eq 0) {
        throw (New-FreeholdError -Message "There is no share called $share, with which $Value begins" -Id 'NotFound' -Category 'ObjectNotFound' -Target $Value)
    }
    "$($found[0].Path)/$below".Trim('/')
}

# Percentages: plain numbers, or the ThresholdConfigurations of FSx, of which the percentages count.
function ConvertTo-FreeholdThreshold {
    param([object[]] $Value)
    $percentages = New-Object -TypeName System.Collections.Generic.List[int]
    foreach ($item in $Value) {
        if ($item -is [System.Collections.IDictionary]) {
            $percentages.Add([int] $item['ThresholdPercentage'])
        }
        elseif ($item -is [System.ValueType] -or $item -is [string]) {
            $percentages.Add([int] $item)
        }
        else {
            $percentages.Add([int] $item.ThresholdPercentage)
        }
    }
    , $percentages.ToArray()
}

function ConvertTo-FreeholdValue {
    param([object] $Value, [string] $Converter, [System.Collections.IDictionary] $Parameters, [object] $Connection)
    switch ($Converter) {
        'Size' {
            return ConvertTo-FreeholdSize -Value $Value
        }
        'VolumePath' {
            # D:\projects\2027 is projects/2027 of the volume
            return ($Value -replace '^[A-Za-z]:', '').Replace('\', '/').Trim('/')
        }
        'Folder' {
            return ConvertTo-FreeholdFolder -Value $Value -Connection $Connection
        }
        'FolderOnVolume' {
            return ConvertTo-FreeholdVolumePath -Value $Value -Connection $Connection
        }
        'DfsnName' {
            # \\server\files, //server/files and files are the same namespace
            return ($Value.Replace('/', '\').TrimEnd('\') -split '\\')[-1]
        }
        'DfsnType' {
            return $Value -eq 'DomainV2'
        }
        'Backslash' {
            # //server/share is \\server\share
            return $Value.Replace('/', '\')
        }
        'DfsnPath' {
            # \\server\files\* is all that \\server\files has
            return $Value.Replace('/', '\') -replace '\\\*$', ''
        }
        'Threshold' {
            return , (ConvertTo-FreeholdThreshold -Value $Value)
        }
        'Secret' {
            return (New-Object -TypeName System.Net.NetworkCredential -ArgumentList '', $Value).Password
        }
        'Account' {
            # FSx names a user by -Domain and -Name
            if ($Parameters['Domain']) {
                return "$($Parameters['Domain'])\$Value"
            }
            return $Value
        }
        'ApplyAll' {
            return 'All'
        }
        'ApplyUnmodified' {
            return 'Unmodified'
        }
        'ApplyAllWord' {
            return 'all'
        }
        'ApplyUnmodifiedWord' {
            return 'unmodified'
        }
        'TrackState' {
            return 'Track'
        }
        'EnforceState' {
            return 'Enforce'
        }
        'Json' {
            return ConvertFrom-Json -InputObject $Value
        }
        'AccessBased' {
            return $Value -eq 'AccessBased'
        }
        'Lower' {
            return ([string] $Value).ToLowerInvariant()
        }
        'Not' {
            return -not [bool] $Value
        }
    }
    if ($Value -is [switch]) {
        return [bool] $Value
    }
    if ($Value -is [uri]) {
        return $Value.OriginalString
    }
    if ($Value -is [array]) {
        return , $Value
    }
    $Value
}

# What Windows shows as a reference to an object: properties, and text as of WMI.
function New-FreeholdReference {
    param([string] $Class, [System.Collections.IDictionary] $Properties)
    $reference = [pscustomobject] $Properties
    $pairs = foreach ($name in $Properties.Keys) {
        '{0} = "{1}"' -f $name, $Properties[$name]
    }
    $text = '{0} ({1})' -f $Class, ($pairs -join ', ')
    $reference | Add-Member -MemberType NoteProperty -Name 'ReferenceText' -Value $text
    $reference | Add-Member -MemberType ScriptMethod -Name 'ToString' -Value { $this.ReferenceText } -Force
    $reference.PSObject.TypeNames.Insert(0, "Freehold.Reference.$Class")
    $reference
}

function ConvertFrom-FreeholdValue {
    param([object] $Value, [string] $Converter)
    switch ($Converter) {
        'DrivePath' {
            return 'D:\' + ([string] $Value).Replace('/', '\')
        }
        'Unlimited' {
            if ($null -eq $Value) {
                return $script:FreeholdUnlimited
            }
            return [uint64] $Value
        }
        'Scope' {
            return '*'
        }
        'UserReference' {
            $domain, $name = ([string] $Value) -split '\\', 2
            if ($null -eq $name) {
                $domain, $name = '', $domain
            }
            return New-FreeholdReference -Class 'Win32_Account' -Properties ([ordered] @{ Name = $name; Domain = $domain })
        }
        'DriveReference' {
            return New-FreeholdReference -Class 'Win32_LogicalDisk' -Properties ([ordered] @{ DeviceID = 'D:' })
        }
        'DisabledState' {
            if ($Value -eq 'Off') {
                return 'Disable'
            }
            return $Value
        }
    }
    if ($Value -is [array]) {
        return , $Value
    }
    $Value
}
