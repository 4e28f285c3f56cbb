# DFS namespaces.
# Made by ../../generate.py from ../../commands and docs/openapi.json; not edited by hand.

function Get-FreeholdDfsnRoot {
    <#
    .SYNOPSIS
    Gets DFS namespaces.

    .DESCRIPTION
    Gets DFS namespaces.

    .PARAMETER Path
    Namespaces, with wildcards: \\server\files, files, f*. All where it is left out.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Get-FreeholdDfsnRoot

    .EXAMPLE
    Get-FreeholdDfsnRoot \\server\files | Format-List *

    .LINK
    about_Freehold
    #>
    [CmdletBinding(PositionalBinding = $false)]
    [OutputType('Freehold.DfsnRoot')]
    param(
        [Parameter(Position = 0, ValueFromPipelineByPropertyName = $true)]
        [SupportsWildcards()]
        [string[]] $Path,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'Get-FreeholdDfsnRoot' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function New-FreeholdDfsnRoot {
    <#
    .SYNOPSIS
    Makes a DFS namespace. Its root is the share of its name.

    .DESCRIPTION
    Makes a DFS namespace. Its root is the share of its name.

    .PARAMETER Path
    The namespace: \\server\files, or files.

    .PARAMETER Volume
    Volume of a share that is made for it; left out where the share is there.

    .PARAMETER Folder
    Folder of that share within the volume, such as dfs\files.

    .PARAMETER Type
    DomainV2: the directory of the domain keeps it, for all servers that hold its root. Standalone: it is this server's alone.

    .PARAMETER Description
    Comment.

    .PARAMETER State
    Is the namespace given to clients?

    .PARAMETER TimeToLiveSec
    How long clients keep a referral to the root, in seconds.

    .PARAMETER EnableInsiteReferrals
    Clients get targets of their own site only.

    .PARAMETER EnableSiteCosting
    Targets outside of the client's site come in the order of their cost.

    .PARAMETER EnableRootScalability
    Root servers need not ask the domain's first controller for changes.

    .PARAMETER EnableAccessBasedEnumeration
    Users see the folders only that they may read.

    .PARAMETER EnableTargetFailback
    Clients go back to a better target that is there again.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    New-FreeholdDfsnRoot \\server\files -Volume data -Folder dfs\files -EnableTargetFailback $true

    .EXAMPLE
    New-FreeholdDfsnRoot files -Description 'All files'

    The share files is there.

    .EXAMPLE
    New-FreeholdDfsnRoot files -Type DomainV2 -Volume data -Folder dfs\files

    Where the domain has that namespace, this server becomes one of those that hold its root.

    .LINK
    about_Freehold
    #>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', PositionalBinding = $false)]
    [OutputType('Freehold.DfsnRoot')]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipelineByPropertyName = $true)]
        [ValidateNotNullOrEmpty()]
        [string] $Path,

        [Parameter()]
        [string] $Volume,

        [Parameter()]
        [string] $Folder,

        [Parameter()]
        [ValidateSet('Standalone', 'DomainV2')]
        [string] $Type,

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
        [bool] $EnableSiteCosting,

        [Parameter()]
        [bool] $EnableRootScalability,

        [Parameter()]
        [bool] $EnableAccessBasedEnumeration,

        [Parameter()]
        [bool] $EnableTargetFailback,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'New-FreeholdDfsnRoot' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function Set-FreeholdDfsnRoot {
    <#
    .SYNOPSIS
    Changes DFS namespaces. What is not named stays.

    .DESCRIPTION
    Changes DFS namespaces. What is not named stays.

    .PARAMETER Path
    Namespaces: \\server\files, or files.

    .PARAMETER Description
    Comment.

    .PARAMETER State
    Is the namespace given to clients?

    .PARAMETER TimeToLiveSec
    How long clients keep a referral to the root, in seconds.

    .PARAMETER EnableInsiteReferrals
    Clients get targets of their own site only.

    .PARAMETER EnableSiteCosting
    Targets outside of the client's site come in the order of their cost.

    .PARAMETER EnableRootScalability
    Root servers need not ask the domain's first controller for changes.

    .PARAMETER EnableAccessBasedEnumeration
    Users see the folders only that they may read.

    .PARAMETER EnableTargetFailback
    Clients go back to a better target that is there again.

    .PARAMETER PassThru
    Return the object.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Set-FreeholdDfsnRoot files -TimeToLiveSec 600 -EnableSiteCosting $true -PassThru

    .LINK
    about_Freehold
    #>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', PositionalBinding = $false)]
    [OutputType('Freehold.DfsnRoot')]
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
        [bool] $EnableSiteCosting,

        [Parameter()]
        [bool] $EnableRootScalability,

        [Parameter()]
        [bool] $EnableAccessBasedEnumeration,

        [Parameter()]
        [bool] $EnableTargetFailback,

        [Parameter()]
        [switch] $PassThru,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'Set-FreeholdDfsnRoot' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function Remove-FreeholdDfsnRoot {
    <#
    .SYNOPSIS
    Removes DFS namespaces with their folders. The shares and what the targets hold stay.

    .DESCRIPTION
    Removes DFS namespaces with their folders. The shares and what the targets hold stay.

    .PARAMETER Path
    Namespaces: \\server\files, or files.

    .PARAMETER Force
    Do not ask.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Remove-FreeholdDfsnRoot \\server\files -Force

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
        Invoke-FreeholdCommand -Name 'Remove-FreeholdDfsnRoot' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}
