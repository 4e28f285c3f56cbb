# Folders of DFS namespaces.
# Made by ../../generate.py from ../../commands and docs/openapi.json; not edited by hand.

function Get-FreeholdDfsnFolder {
    <#
    .SYNOPSIS
    Gets folders of DFS namespaces.

    .DESCRIPTION
    Gets folders of DFS namespaces.

    .PARAMETER Path
    Namespaces or folders: \\server\files, \\server\files\* or \\server\files\projects. All where it is left out.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Get-FreeholdDfsnFolder \\server\files\*

    .EXAMPLE
    Get-FreeholdDfsnRoot | Get-FreeholdDfsnFolder

    .EXAMPLE
    Get-FreeholdDfsnFolder | Where-Object State -eq Offline

    .LINK
    about_Freehold
    #>
    [CmdletBinding(PositionalBinding = $false)]
    [OutputType('Freehold.DfsnFolder')]
    param(
        [Parameter(Position = 0, ValueFromPipelineByPropertyName = $true)]
        [string[]] $Path,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'Get-FreeholdDfsnFolder' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function New-FreeholdDfsnFolder {
    <#
    .SYNOPSIS
    Makes a folder of a DFS namespace with its targets.

    .DESCRIPTION
    Makes a folder of a DFS namespace with its targets.

    .PARAMETER Path
    The folder: \\server\files\projects, or files\projects.

    .PARAMETER TargetPath
    Where it leads: at least one \\server\share, or a folder below.

    .PARAMETER Description
    Comment.

    .PARAMETER State
    Is the folder given to clients?

    .PARAMETER TimeToLiveSec
    How long clients keep a referral to it, in seconds.

    .PARAMETER EnableInsiteReferrals
    Clients get targets of their own site only.

    .PARAMETER EnableTargetFailback
    Clients go back to a better target that is there again.

    .PARAMETER Interlink
    The only target is a namespace of another server, where clients ask again.

    .PARAMETER SecurityDescriptor
    Who sees the folder where the namespace lists by access, as SDDL; empty: as its parent says.

    .PARAMETER TargetState
    Is the target given to clients?

    .PARAMETER ReferralPriorityClass
    When it is taken among others.

    .PARAMETER ReferralPriorityRank
    Among those of one class, lower ones come first: 0 to 31.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    New-FreeholdDfsnFolder \\server\files\projects -TargetPath '\\fs1\projects', '\\fs2\projects'

    .EXAMPLE
    Import-Csv folders.csv | New-FreeholdDfsnFolder -WhatIf

    Says what would be made of a file with the columns Path and TargetPath.

    .LINK
    about_Freehold
    #>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', PositionalBinding = $false)]
    [OutputType('Freehold.DfsnFolder')]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipelineByPropertyName = $true)]
        [ValidateNotNullOrEmpty()]
        [string] $Path,

        [Parameter(Mandatory = $true, Position = 1, ValueFromPipelineByPropertyName = $true)]
        [Alias('TargetPaths')]
        [ValidateNotNullOrEmpty()]
        [string[]] $TargetPath,

        [Parameter()]
        [AllowEmptyString()]
        [string] $Description,

        [Parameter()]
        [ValidateSet('Online', 'Offline')]
        [string] $State,

        [Parameter()]
        [uint32] $TimeToLiveSec,

        [Parameter()]
        [bool] $EnableInsiteReferrals,

        [Parameter()]
        [bool] $EnableTargetFailback,

        [Parameter()]
        [bool] $Interlink,

        [Parameter()]
        [AllowEmptyString()]
        [string] $SecurityDescriptor,

        [Parameter()]
        [ValidateSet('Online', 'Offline')]
        [string] $TargetState,

        [Parameter()]
        [ValidateSet('global-high', 'sitecost-high', 'sitecost-normal', 'sitecost-low', 'global-low')]
        [string] $ReferralPriorityClass,

        [Parameter()]
        [uint32] $ReferralPriorityRank,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'New-FreeholdDfsnFolder' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function Set-FreeholdDfsnFolder {
    <#
    .SYNOPSIS
    Changes folders of DFS namespaces. What is not named stays.

    .DESCRIPTION
    Changes folders of DFS namespaces. What is not named stays.

    .PARAMETER Path
    Folders: \\server\files\projects, or files\projects.

    .PARAMETER Description
    Comment.

    .PARAMETER State
    Is the folder given to clients?

    .PARAMETER TimeToLiveSec
    How long clients keep a referral to it, in seconds.

    .PARAMETER EnableInsiteReferrals
    Clients get targets of their own site only.

    .PARAMETER EnableTargetFailback
    Clients go back to a better target that is there again.

    .PARAMETER Interlink
    The only target is a namespace of another server, where clients ask again.

    .PARAMETER SecurityDescriptor
    Who sees the folder where the namespace lists by access, as SDDL; empty: as its parent says.

    .PARAMETER PassThru
    Return the object.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Set-FreeholdDfsnFolder \\server\files\projects -TimeToLiveSec 60 -State Offline

    .LINK
    about_Freehold
    #>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', PositionalBinding = $false)]
    [OutputType('Freehold.DfsnFolder')]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipelineByPropertyName = $true)]
        [ValidateNotNullOrEmpty()]
        [string[]] $Path,

        [Parameter()]
        [AllowEmptyString()]
        [string] $Description,

        [Parameter()]
        [ValidateSet('Online', 'Offline')]
        [string] $State,

        [Parameter()]
        [uint32] $TimeToLiveSec,

        [Parameter()]
        [bool] $EnableInsiteReferrals,

        [Parameter()]
        [bool] $EnableTargetFailback,

        [Parameter()]
        [bool] $Interlink,

        [Parameter()]
        [AllowEmptyString()]
        [string] $SecurityDescriptor,

        [Parameter()]
        [switch] $PassThru,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'Set-FreeholdDfsnFolder' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function Move-FreeholdDfsnFolder {
    <#
    .SYNOPSIS
    Gives a folder another place in its DFS namespace.

    .DESCRIPTION
    Gives a folder another place in its DFS namespace.

    .PARAMETER Path
    The folder: \\server\files\projects, or files\projects.

    .PARAMETER NewPath
    Its new path, in the same namespace.

    .PARAMETER Force
    Do not ask.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Move-FreeholdDfsnFolder \\server\files\projects \\server\files\archive\projects

    .LINK
    about_Freehold
    #>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', PositionalBinding = $false)]
    [OutputType('Freehold.DfsnFolder')]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipelineByPropertyName = $true)]
        [ValidateNotNullOrEmpty()]
        [string] $Path,

        [Parameter(Mandatory = $true, Position = 1)]
        [ValidateNotNullOrEmpty()]
        [string] $NewPath,

        [Parameter()]
        [switch] $Force,

        [Parameter()]
        [object] $Connection
    )
    process {
        if ($Force -and -not $PSBoundParameters.ContainsKey('Confirm')) {
            $ConfirmPreference = 'None'
        }
        Invoke-FreeholdCommand -Name 'Move-FreeholdDfsnFolder' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function Remove-FreeholdDfsnFolder {
    <#
    .SYNOPSIS
    Removes folders of DFS namespaces with their targets. What these hold stays.

    .DESCRIPTION
    Removes folders of DFS namespaces with their targets. What these hold stays.

    .PARAMETER Path
    Folders: \\server\files\projects, or files\projects.

    .PARAMETER Force
    Do not ask.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Remove-FreeholdDfsnFolder \\server\files\projects -Force

    .LINK
    about_Freehold
    #>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'High', PositionalBinding = $false)]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipelineByPropertyName = $true)]
        [ValidateNotNullOrEmpty()]
        [string[]] $Path,

        [Parameter()]
        [switch] $Force,

        [Parameter()]
        [object] $Connection
    )
    process {
        if ($Force -and -not $PSBoundParameters.ContainsKey('Confirm')) {
            $ConfirmPreference = 'None'
        }
        Invoke-FreeholdCommand -Name 'Remove-FreeholdDfsnFolder' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}
