# Who may connect to shares.
# Made by ../../generate.py from ../../commands and docs/openapi.json; not edited by hand.

function Get-FreeholdShareAccess {
    <#
    .SYNOPSIS
    Gets the entries of shares' access: who may connect.

    .DESCRIPTION
    Gets the entries of shares' access: who may connect.

    .PARAMETER Name
    Names of shares.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Get-FreeholdShareAccess Projects

    .EXAMPLE
    Get-FreeholdShare | Get-FreeholdShareAccess

    Those of all shares.

    .LINK
    about_Freehold
    #>
    [CmdletBinding(PositionalBinding = $false)]
    [OutputType('Freehold.ShareAccess')]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipelineByPropertyName = $true)]
        [ValidateNotNullOrEmpty()]
        [string[]] $Name,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'Get-FreeholdShareAccess' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function Grant-FreeholdShareAccess {
    <#
    .SYNOPSIS
    Lets accounts and groups connect to a share, in place of the right they had.

    .DESCRIPTION
    Lets accounts and groups connect to a share, in place of the right they had.

    .PARAMETER Name
    Name of the share.

    .PARAMETER AccountName
    Accounts or groups, of the server or of its domain, as names or SIDs.

    .PARAMETER AccessRight
    The right: Full, Change or Read.

    .PARAMETER PassThru
    Return the share's entries.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Grant-FreeholdShareAccess Projects 'CORP\engineers' Change

    .EXAMPLE
    Get-FreeholdShare Proj* | Grant-FreeholdShareAccess -AccountName Everyone -AccessRight Read -WhatIf

    .LINK
    about_Freehold
    #>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', PositionalBinding = $false)]
    [OutputType('Freehold.ShareAccess')]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipelineByPropertyName = $true)]
        [ValidateNotNullOrEmpty()]
        [string] $Name,

        [Parameter(Mandatory = $true, Position = 1, ValueFromPipelineByPropertyName = $true)]
        [ValidateNotNullOrEmpty()]
        [string[]] $AccountName,

        [Parameter(Mandatory = $true, Position = 2, ValueFromPipelineByPropertyName = $true)]
        [ValidateSet('Full', 'Change', 'Read')]
        [ValidateNotNullOrEmpty()]
        [string] $AccessRight,

        [Parameter()]
        [switch] $PassThru,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'Grant-FreeholdShareAccess' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function Revoke-FreeholdShareAccess {
    <#
    .SYNOPSIS
    Takes away what accounts and groups were granted on a share.

    .DESCRIPTION
    Takes away what accounts and groups were granted on a share.

    .PARAMETER Name
    Name of the share.

    .PARAMETER AccountName
    Accounts or groups, of the server or of its domain, as names or SIDs.

    .PARAMETER PassThru
    Return the share's entries.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Revoke-FreeholdShareAccess Projects 'CORP\engineers'

    .EXAMPLE
    Get-FreeholdShare Proj* | Revoke-FreeholdShareAccess -AccountName Everyone -WhatIf

    .LINK
    about_Freehold
    #>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'High', PositionalBinding = $false)]
    [OutputType('Freehold.ShareAccess')]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipelineByPropertyName = $true)]
        [ValidateNotNullOrEmpty()]
        [string] $Name,

        [Parameter(Mandatory = $true, Position = 1, ValueFromPipelineByPropertyName = $true)]
        [ValidateNotNullOrEmpty()]
        [string[]] $AccountName,

        [Parameter()]
        [switch] $PassThru,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'Revoke-FreeholdShareAccess' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function Block-FreeholdShareAccess {
    <#
    .SYNOPSIS
    Keeps accounts and groups from a share, whatever they and their groups are granted.

    .DESCRIPTION
    Keeps accounts and groups from a share, whatever they and their groups are granted.

    .PARAMETER Name
    Name of the share.

    .PARAMETER AccountName
    Accounts or groups, of the server or of its domain, as names or SIDs.

    .PARAMETER PassThru
    Return the share's entries.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Block-FreeholdShareAccess Projects 'CORP\engineers'

    .EXAMPLE
    Get-FreeholdShare Proj* | Block-FreeholdShareAccess -AccountName Everyone -WhatIf

    .LINK
    about_Freehold
    #>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'High', PositionalBinding = $false)]
    [OutputType('Freehold.ShareAccess')]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipelineByPropertyName = $true)]
        [ValidateNotNullOrEmpty()]
        [string] $Name,

        [Parameter(Mandatory = $true, Position = 1, ValueFromPipelineByPropertyName = $true)]
        [ValidateNotNullOrEmpty()]
        [string[]] $AccountName,

        [Parameter()]
        [switch] $PassThru,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'Block-FreeholdShareAccess' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function Unblock-FreeholdShareAccess {
    <#
    .SYNOPSIS
    Takes back that accounts and groups are kept from a share.

    .DESCRIPTION
    Takes back that accounts and groups are kept from a share.

    .PARAMETER Name
    Name of the share.

    .PARAMETER AccountName
    Accounts or groups, of the server or of its domain, as names or SIDs.

    .PARAMETER PassThru
    Return the share's entries.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Unblock-FreeholdShareAccess Projects 'CORP\engineers'

    .EXAMPLE
    Get-FreeholdShare Proj* | Unblock-FreeholdShareAccess -AccountName Everyone -WhatIf

    .LINK
    about_Freehold
    #>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', PositionalBinding = $false)]
    [OutputType('Freehold.ShareAccess')]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipelineByPropertyName = $true)]
        [ValidateNotNullOrEmpty()]
        [string] $Name,

        [Parameter(Mandatory = $true, Position = 1, ValueFromPipelineByPropertyName = $true)]
        [ValidateNotNullOrEmpty()]
        [string[]] $AccountName,

        [Parameter()]
        [switch] $PassThru,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'Unblock-FreeholdShareAccess' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}
