# Where folders of DFS namespaces lead.
# Made by ../../generate.py from ../../commands and docs/openapi.json; not edited by hand.

function Get-FreeholdDfsnFolderTarget {
    <#
    .SYNOPSIS
    Gets where folders of DFS namespaces lead.

    .DESCRIPTION
    Gets where folders of DFS namespaces lead.

    .PARAMETER Path
    Namespaces or folders: \\server\files, \\server\files\* or \\server\files\projects. All where it is left out.

    .PARAMETER TargetPath
    Targets, with wildcards. All where it is left out.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Get-FreeholdDfsnFolderTarget \\server\files\projects

    .EXAMPLE
    Get-FreeholdDfsnFolder | Get-FreeholdDfsnFolderTarget | Where-Object State -eq Offline

    .LINK
    about_Freehold
    #>
    [CmdletBinding(PositionalBinding = $false)]
    [OutputType('Freehold.DfsnFolderTarget')]
    param(
        [Parameter(Position = 0, ValueFromPipelineByPropertyName = $true)]
        [string[]] $Path,

        [Parameter(Position = 1)]
        [SupportsWildcards()]
        [string[]] $TargetPath,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'Get-FreeholdDfsnFolderTarget' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function New-FreeholdDfsnFolderTarget {
    <#
    .SYNOPSIS
    Gives a folder of a DFS namespace a further target.

    .DESCRIPTION
    Gives a folder of a DFS namespace a further target.

    .PARAMETER Path
    The folder: \\server\files\projects, or files\projects.

    .PARAMETER TargetPath
    The target: \\server\share, or a folder below.

    .PARAMETER State
    Is the target given to clients?

    .PARAMETER ReferralPriorityClass
    When it is taken among others.

    .PARAMETER ReferralPriorityRank
    Among those of one class, lower ones come first: 0 to 31.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    New-FreeholdDfsnFolderTarget \\server\files\projects \\fs2\projects -ReferralPriorityClass global-low

    .LINK
    about_Freehold
    #>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', PositionalBinding = $false)]
    [OutputType('Freehold.DfsnFolderTarget')]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipelineByPropertyName = $true)]
        [ValidateNotNullOrEmpty()]
        [string] $Path,

        [Parameter(Mandatory = $true, Position = 1, ValueFromPipelineByPropertyName = $true)]
        [ValidateNotNullOrEmpty()]
        [string] $TargetPath,

        [Parameter()]
        [ValidateSet('Online', 'Offline')]
        [string] $State,

        [Parameter()]
        [ValidateSet('global-high', 'sitecost-high', 'sitecost-normal', 'sitecost-low', 'global-low')]
        [string] $ReferralPriorityClass,

        [Parameter()]
        [uint32] $ReferralPriorityRank,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'New-FreeholdDfsnFolderTarget' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function Set-FreeholdDfsnFolderTarget {
    <#
    .SYNOPSIS
    Changes a target of a folder. What is not named stays.

    .DESCRIPTION
    Changes a target of a folder. What is not named stays.

    .PARAMETER Path
    The folder: \\server\files\projects, or files\projects.

    .PARAMETER TargetPath
    The target: \\server\share, or a folder below.

    .PARAMETER State
    Is the target given to clients?

    .PARAMETER ReferralPriorityClass
    When it is taken among others.

    .PARAMETER ReferralPriorityRank
    Among those of one class, lower ones come first: 0 to 31.

    .PARAMETER PassThru
    Return the object.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Set-FreeholdDfsnFolderTarget \\server\files\projects \\fs2\projects -State Offline

    .LINK
    about_Freehold
    #>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', PositionalBinding = $false)]
    [OutputType('Freehold.DfsnFolderTarget')]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipelineByPropertyName = $true)]
        [ValidateNotNullOrEmpty()]
        [string] $Path,

        [Parameter(Mandatory = $true, Position = 1, ValueFromPipelineByPropertyName = $true)]
        [ValidateNotNullOrEmpty()]
        [string] $TargetPath,

        [Parameter()]
        [ValidateSet('Online', 'Offline')]
        [string] $State,

        [Parameter()]
        [ValidateSet('global-high', 'sitecost-high', 'sitecost-normal', 'sitecost-low', 'global-low')]
        [string] $ReferralPriorityClass,

        [Parameter()]
        [uint32] $ReferralPriorityRank,

        [Parameter()]
        [switch] $PassThru,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'Set-FreeholdDfsnFolderTarget' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function Remove-FreeholdDfsnFolderTarget {
    <#
    .SYNOPSIS
    Takes a target from a folder that has others. What it holds stays.

    .DESCRIPTION
    Takes a target from a folder that has others. What it holds stays.

    .PARAMETER Path
    The folder: \\server\files\projects, or files\projects.

    .PARAMETER TargetPath
    The target: \\server\share, or a folder below.

    .PARAMETER Force
    Do not ask.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Remove-FreeholdDfsnFolderTarget \\server\files\projects \\fs2\projects -Force

    .LINK
    about_Freehold
    #>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'High', PositionalBinding = $false)]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipelineByPropertyName = $true)]
        [ValidateNotNullOrEmpty()]
        [string] $Path,

        [Parameter(Mandatory = $true, Position = 1, ValueFromPipelineByPropertyName = $true)]
        [ValidateNotNullOrEmpty()]
        [string] $TargetPath,

        [Parameter()]
        [switch] $Force,

        [Parameter()]
        [object] $Connection
    )
    process {
        if ($Force -and -not $PSBoundParameters.ContainsKey('Confirm')) {
            $ConfirmPreference = 'None'
        }
        Invoke-FreeholdCommand -Name 'Remove-FreeholdDfsnFolderTarget' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function Test-FreeholdDfsnFolderTarget {
    <#
    .SYNOPSIS
    Asks the server of each target whether it answers.

    .DESCRIPTION
    By the local program, use `freehold dfs target test`.

    .PARAMETER Path
    Namespaces or folders: \\server\files, \\server\files\* or \\server\files\projects. All where it is left out.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Test-FreeholdDfsnFolderTarget | Where-Object Answers -eq $false

    .LINK
    about_Freehold
    #>
    [CmdletBinding(PositionalBinding = $false)]
    [OutputType('Freehold.DfsnTest')]
    param(
        [Parameter(Position = 0, ValueFromPipelineByPropertyName = $true)]
        [string[]] $Path,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'Test-FreeholdDfsnFolderTarget' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function Get-FreeholdDfsnSite {
    <#
    .SYNOPSIS
    Gets the sites of the directory, by which targets are ordered.

    .DESCRIPTION
    Gets the sites of the directory, by which targets are ordered.

    .PARAMETER Name
    Sites, with wildcards. All where it is left out.

    .PARAMETER From
    A site, or an address in it; the server's own site where it is left out.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Get-FreeholdDfsnSite -From 10.0.0.7 | Sort-Object Cost

    .LINK
    about_Freehold
    #>
    [CmdletBinding(PositionalBinding = $false)]
    [OutputType('Freehold.DfsnSite')]
    param(
        [Parameter(Position = 0)]
        [SupportsWildcards()]
        [string[]] $Name,

        [Parameter()]
        [string] $From,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'Get-FreeholdDfsnSite' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function Resolve-FreeholdDfsnPath {
    <#
    .SYNOPSIS
    Says which referral a client would get, and why.

    .DESCRIPTION
    Says which referral a client would get, and why.

    .PARAMETER Path
    Any path in a namespace: `files\projects\plans`, `\\server\files\projects\plans`.

    .PARAMETER Client
    Address of the client.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    (Resolve-FreeholdDfsnPath \\server\files\projects\plans -Client 10.0.0.7).Targets

    .LINK
    about_Freehold
    #>
    [CmdletBinding(PositionalBinding = $false)]
    [OutputType('Freehold.DfsnResolution')]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipelineByPropertyName = $true)]
        [ValidateNotNullOrEmpty()]
        [string] $Path,

        [Parameter()]
        [string] $Client,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'Resolve-FreeholdDfsnPath' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}
