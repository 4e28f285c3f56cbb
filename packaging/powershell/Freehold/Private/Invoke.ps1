# Carries out commands of the table in Commands.ps1. Every function of the module is one call of Invoke-FreeholdCommand.
#
# Keys of a command in the table:
#   Method, Path    the request; {Name} in Path is the parameter Name, percent-encoded
#   Query, Body     parameter = name in the query, or property of the body; Settings.Size is the property Size of Settings
#   Fixed           properties of the body that no parameter gives
#   Convert         parameter = converter of ConvertTo-FreeholdValue
#   Each            parameter whose values are sent one by one
#   Volume          '{Volume}' is the connection's volume when the parameter is not given
#   Target, Action  what -WhatIf and -Confirm say
#   Then            command that gives what is returned after a change, and Key = its parameters; else the answer itself is
#   PassThru        return it only when -PassThru is given; Before: as it was before the change
#   From            command that lists what is changed: each row gives the parameter of Each
#   Output          type name of the objects
#   Map             properties of the objects: name = property of the row, or property|converter of ConvertFrom-FreeholdValue
#   Filter          parameter = property of the row that it selects by, with wildcards. FilterConvert: as Convert
#   Program         arguments of the local program; {Name} as in Path, {=word} a word that stands where names stand
#   Options         parameter = option; one that ends in = takes a value. OptionConvert: converters in place of Convert
#   Also            as Program, run before it where one of AlsoOptions is given
#   Secret          parameter that the local program reads from its standard input

function Invoke-FreeholdCommand {
    param(
        [string] $Name,
        [System.Collections.IDictionary] $Parameters,
        [System.Management.Automation.PSCmdlet] $Cmdlet
    )
    try {
        $command = $script:FreeholdCommands[$Name]
        $connection = Get-FreeholdCurrentConnection -Connection $Parameters['Connection']
        $sets = Split-FreeholdParameter -Command $command -Parameters $Parameters
        if ($command.From) {
            $sets = Find-FreeholdParameter -Command $command -Parameters $Parameters -Connection $connection
        }
        foreach ($values in $sets) {
            if ($command.Volume -and -not $values['Volume']) {
                $values['Volume'] = (Get-FreeholdVolumeRow -Connection $connection).Name
            }
            $target = Expand-FreeholdTemplate -Template $command.Target -Parameters $values
            if ($command.Action -and -not $Cmdlet.ShouldProcess($target, $command.Action)) {
                continue
            }
            $returned = $command.Then -and (-not $command.PassThru -or $values['PassThru'])
            if ($returned -and $command.Before) {
                $rows = Get-FreeholdFollowing -Command $command -Parameters $values -Connection $connection -Target $target
                $null = Send-FreeholdCommand -Command $command -Parameters $values -Connection $connection -Target $target
                $rows
                continue
            }
            $text = Send-FreeholdCommand -Command $command -Parameters $values -Connection $connection -Target $target
            if ($returned) {
                Get-FreeholdFollowing -Command $command -Parameters $values -Connection $connection -Target $target
            }
            elseif ($command.Output -and -not $command.Then -and (-not $command.PassThru -or $values['PassThru'])) {
                Select-FreeholdRow -Command $command -Parameters $values -Text $text -Target $target -Connection $connection
            }
        }
    }
    catch {
        $Cmdlet.ThrowTerminatingError($_)
    }
}

# What is returned after a change.
function Get-FreeholdFollowing {
    param(
        [System.Collections.IDictionary] $Command,
        [System.Collections.IDictionary] $Parameters,
        [object] $Connection,
        [object] $Target
    )
    $next = @{}
    if ($Command.Key) {
        foreach ($key in $Command.Key.Keys) {
            $next[$key] = Expand-FreeholdTemplate -Template $Command.Key[$key] -Parameters $Parameters
        }
    }
    $follow = $script:FreeholdCommands[$Command.Then]
    $text = Send-FreeholdCommand -Command $follow -Parameters $next -Connection $Connection -Target $Target
    Select-FreeholdRow -Command $follow -Parameters $next -Text $text -Target $Target -Connection $Connection
}

# One set of parameters for each row that the parameters select.
function Find-FreeholdParameter {
    param([System.Collections.IDictionary] $Command, [System.Collections.IDictionary] $Parameters, [object] $Connection)
    $list = $script:FreeholdCommands[$Command.From]
    $wanted = @{}
    foreach ($key in $Parameters.Keys) {
        $wanted[$key] = $Parameters[$key]
    }
    $text = Send-FreeholdCommand -Command $list -Parameters $wanted -Connection $Connection
    $each = $Command.Each
    $sets = foreach ($row in (Select-FreeholdRow -Command $list -Parameters $wanted -Text $text -Connection $Connection)) {
        $one = @{}
        foreach ($key in $wanted.Keys) {
            $one[$key] = $wanted[$key]
        }
        $one[$each] = $row.$each
        $one
    }
    , @($sets)
}

# One set of parameters for each value of the parameter that the command takes one by one.
function Split-FreeholdParameter {
    param([System.Collections.IDictionary] $Command, [System.Collections.IDictionary] $Parameters)
    $each = $Command.Each
    if (-not $each -or $Parameters.Keys -notcontains $each) {
        $one = @{}
        foreach ($key in $Parameters.Keys) {
            $one[$key] = $Parameters[$key]
        }
        return , @($one)
    }
    $all = foreach ($value in $Parameters[$each]) {
        $one = @{}
        foreach ($key in $Parameters.Keys) {
            $one[$key] = $Parameters[$key]
        }
        $one[$each] = $value
        $one
    }
    , @($all)
}

# {Name} becomes the parameter Name.
function Expand-FreeholdTemplate {
    param([string] $Template, [System.Collections.IDictionary] $Parameters)
    $text = $Template
    foreach ($found in [regex]::Matches($Template, '\{(\w+)\}')) {
        $text = $text.Replace($found.Value, [string] $Parameters[$found.Groups[1].Value])
    }
    $text
}

# Parameters in the order of the table, as the server takes them.
function Get-FreeholdPart {
    param(
        [System.Collections.IDictionary] $Part,
        [System.Collections.IDictionary] $Command,
        [System.Collections.IDictionary] $Parameters,
        [object] $Connection,
        [System.Collections.IDictionary] $Other
    )
    $values = [ordered] @{}
    if ($Part) {
        foreach ($parameter in $Part.Keys) {
            if ($Parameters.Contains($parameter)) {
                $converter = ''
                if ($Command.Convert) {
                    $converter = [string] $Command.Convert[$parameter]
                }
                if ($Other -and $Other[$parameter]) {
                    $converter = [string] $Other[$parameter]
                }
                $arguments = @{
                    Value = $Parameters[$parameter]
                    Converter = $converter
                    Parameters = $Parameters
                    Connection = $Connection
                }
                $value = ConvertTo-FreeholdValue @arguments
                if ($value -is [array]) {
                    # A new array: Windows PowerShell writes one that went through a pipeline as an object.
                    $value = [object[]] @($value)
                }
                $values[[string] $Part[$parameter]] = $value
            }
        }
    }
    $values
}

# The path with its parameters, and the query.
function Get-FreeholdPathAndQuery {
    param([System.Collections.IDictionary] $Command, [System.Collections.IDictionary] $Parameters, [object] $Connection)
    $path = $Command.Path
    foreach ($found in [regex]::Matches($Command.Path, '\{(\w+)\}')) {
        $parameter = $found.Groups[1].Value
        $part = Get-FreeholdPart -Part @{ $parameter = 'value' } -Command $Command -Parameters $Parameters -Connection $Connection
        $path = $path.Replace($found.Value, [uri]::EscapeDataString([string] $part['value']))
    }
    $query = Get-FreeholdPart -Part $Command.Query -Command $Command -Parameters $Parameters -Connection $Connection
    $pairs = foreach ($name in $query.Keys) {
        foreach ($value in $query[$name]) {
            $text = [string] $value
            if ($value -is [bool]) {
                $text = $text.ToLowerInvariant()
            }
            '{0}={1}' -f $name, [uri]::EscapeDataString($text)
        }
    }
    if ($pairs) {
        return $path + '?' + ($pairs -join '&')
    }
    $path
}

# The body, as JSON. Nothing for a command that has none.
function Get-FreeholdBody {
    param([System.Collections.IDictionary] $Command, [System.Collections.IDictionary] $Parameters, [object] $Connection)
    if (-not $Command.Body -and -not $Command.Fixed) {
        return ''
    }
    $values = Get-FreeholdPart -Part $Command.Body -Command $Command -Parameters $Parameters -Connection $Connection
    if ($Command.Fixed) {
        foreach ($name in $Command.Fixed.Keys) {
            $values[$name] = $Command.Fixed[$name]
        }
    }
    $body = [ordered] @{}
    foreach ($name in $values.Keys) {
        $outer, $inner = $name -split '\.', 2
        if (-not $inner) {
            $body[$outer] = $values[$name]
            continue
        }
        if (-not $body.Contains($outer)) {
            $body[$outer] = [ordered] @{}
        }
        $body[$outer][$inner] = $values[$name]
    }
    ConvertTo-Json -InputObject $body -Depth 20 -Compress
}

# Arguments of the local program. Values stay within one argument each, so that one that begins with a dash is no option.
function Get-FreeholdArgument {
    param(
        [System.Collections.IDictionary] $Command,
        [System.Collections.IDictionary] $Parameters,
        [object] $Connection,
        [string[]] $Program,
        [System.Collections.IDictionary] $Options
    )
    $given = @{
        Command = $Command
        Parameters = $Parameters
        Connection = $Connection
        Other = $Command.OptionConvert
    }
    $words = New-Object -TypeName System.Collections.Generic.List[string]
    $operands = New-Object -TypeName System.Collections.Generic.List[string]
    foreach ($word in $Program) {
        if ($word -match '^\{=(\w+)\}$') {
            $operands.Add($Matches[1])
        }
        elseif ($word -match '^\{(\w+)\}$') {
            $parameter = $Matches[1]
            if ($Parameters.Contains($parameter)) {
                $part = Get-FreeholdPart @given -Part @{ $parameter = 'value' }
                $operands.Add([string] $part['value'])
            }
        }
        else {
            $words.Add($word)
        }
    }
    $values = Get-FreeholdPart @given -Part $Options
    foreach ($option in $values.Keys) {
        if (-not $option.EndsWith('=')) {
            if ($values[$option]) {
                $words.Add($option)
            }
            continue
        }
        foreach ($value in $values[$option]) {
            $text = [string] $value
            if ($value -is [bool]) {
                $text = $text.ToLowerInvariant()
            }
            $words.Add($option + $text)
        }
    }
    if ($operands.Count -gt 0) {
        $words.Add('--')
        $words.AddRange($operands)
    }
    , $words.ToArray()
}

function Send-FreeholdCommand {
    param(
        [System.Collections.IDictionary] $Command,
        [System.Collections.IDictionary] $Parameters,
        [object] $Connection,
        [object] $Target
    )
    $common = @{ Command = $Command; Parameters = $Parameters; Connection = $Connection }
    if ($Connection.Program) {
        if (-not $Command.Program) {
            throw (New-FreeholdError -Message 'The local program has no such command: use Connect-FreeholdServer with the server''s name' -Id 'NotLocal' -Category 'NotImplemented' -Target $Target)
        }
        $secret = ''
        if ($Command.Secret -and $Parameters.Contains($Command.Secret)) {
            $secret = ConvertTo-FreeholdValue -Value $Parameters[$Command.Secret] -Converter 'Secret'
        }
        $run = @{ Connection = $Connection; Target = $Target }
        if ($Command.AlsoOptions -and @($Command.AlsoOptions.Keys | Where-Object { $Parameters.Contains($_) }).Count -gt 0) {
            $before = Get-FreeholdArgument @common -Program $Command.Also -Options $Command.AlsoOptions
            $null = Invoke-FreeholdProgram @run -Arguments $before
        }
        $arguments = Get-FreeholdArgument @common -Program $Command.Program -Options $Command.Options
        return Invoke-FreeholdProgram @run -Arguments $arguments -StandardInput $secret
    }
    $request = @{
        Connection = $Connection
        Method = $Command.Method
        PathAndQuery = Get-FreeholdPathAndQuery @common
        Body = Get-FreeholdBody @common
        Target = $Target
    }
    Send-FreeholdRequest @request
}

# Rows of an answer, filtered, named and typed. A name without wildcards that selects nothing is an error, as everywhere in PowerShell.
function Select-FreeholdRow {
    param(
        [System.Collections.IDictionary] $Command,
        [System.Collections.IDictionary] $Parameters,
        [string[]] $Text,
        [object] $Target,
        [object] $Connection
    )
    $rows = @(
        foreach ($page in $Text) {
            if ($page.Trim()) {
                $found = ConvertFrom-Json -InputObject $page
                $found | Where-Object { $null -ne $_ }
            }
        }
    )
    if ($Command.Filter) {
        foreach ($parameter in $Command.Filter.Keys) {
            if (-not $Parameters.Contains($parameter)) {
                continue
            }
            $property = $Command.Filter[$parameter]
            $patterns = @($Parameters[$parameter])
            if ($Command.FilterConvert -and $Command.FilterConvert[$parameter]) {
                $patterns = @(
                    foreach ($pattern in $patterns) {
                        ConvertTo-FreeholdValue -Value $pattern -Converter $Command.FilterConvert[$parameter] -Connection $Connection
                    }
                )
            }
            $all = $rows
            $rows = @($all | Where-Object { Test-FreeholdPattern -Value $_.$property -Pattern $patterns })
            foreach ($pattern in $patterns) {
                $found = @($rows | Where-Object { Test-FreeholdPattern -Value $_.$property -Pattern $pattern })
                if ($found.Count -eq 0 -and -not [System.Management.Automation.WildcardPattern]::ContainsWildcardCharacters([string] $pattern)) {
                    throw (New-FreeholdError -Message "Nothing has the $parameter $pattern" -Id 'NotFound' -Category 'ObjectNotFound' -Target $pattern)
                }
            }
        }
    }
    foreach ($row in $rows) {
        ConvertTo-FreeholdObject -Row $row -Command $Command
    }
}

function Test-FreeholdPattern {
    param([object] $Value, [object[]] $Pattern)
    foreach ($one in $Pattern) {
        if ([string] $Value -eq [string] $one) {
            return $true
        }
        if ([System.Management.Automation.WildcardPattern]::ContainsWildcardCharacters([string] $one) -and [string] $Value -like [string] $one) {
            return $true
        }
    }
    $false
}

function ConvertTo-FreeholdObject {
    param([object] $Row, [System.Collections.IDictionary] $Command)
    if ($PSVersionTable.PSEdition -ne 'Core') {
        # PowerShell 7 makes dates of them by itself.
        foreach ($property in $Row.PSObject.Properties) {
            if ($property.Value -is [string] -and $property.Value -match '^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$') {
                $property.Value = [datetime]::Parse($property.Value, [cultureinfo]::InvariantCulture, 'RoundtripKind')
            }
        }
    }
    if (-not $Command.Map) {
        $Row.PSObject.TypeNames.Insert(0, $Command.Output)
        return $Row
    }
    $properties = [ordered] @{}
    foreach ($name in $Command.Map.Keys) {
        $source, $converter = ([string] $Command.Map[$name]) -split '\|', 2
        $value = $null
        if ($source) {
            $value = $Row.$source
        }
        $properties[$name] = ConvertFrom-FreeholdValue -Value $value -Converter ([string] $converter)
    }
    $object = [pscustomobject] $properties
    $object.PSObject.TypeNames.Insert(0, $Command.Output)
    $object
}

# The volume that FSx's drive D: stands for: the connection's, or the only one that there is.
function Get-FreeholdVolumeRow {
    param([object] $Connection)
    $status = $script:FreeholdCommands['Get-FreeholdStatus']
    $text = Send-FreeholdCommand -Command $status -Parameters @{} -Connection $Connection -Target $Connection
    $volumes = @((ConvertFrom-Json -InputObject $text).Volumes)
    if ($Connection.Volume) {
        $volumes = @($volumes | Where-Object { $_.Name -eq $Connection.Volume })
    }
    if ($volumes.Count -ne 1) {
        throw (New-FreeholdError -Message 'Say which volume: with -Volume, or for all commands with Connect-FreeholdServer -Volume' -Id 'WhichVolume' -Category 'InvalidArgument' -Target $Connection)
    }
    $volumes[0]
}
