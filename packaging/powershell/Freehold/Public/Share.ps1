# Shares.
# Made by ../../generate.py from ../../commands and docs/openapi.json; not edited by hand.

function Get-FreeholdShare {
    <#
    .SYNOPSIS
    Gets shares.

    .DESCRIPTION
    Gets shares.

    .PARAMETER Name
    Names of shares, with wildcards. All shares where it is left out.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Get-FreeholdShare

    All shares.

    .EXAMPLE
    Get-FreeholdShare Proj* | Where-Object EncryptData

    Encrypted ones whose name begins with Proj.

    .LINK
    about_Freehold
    #>
    [CmdletBinding(PositionalBinding = $false)]
    [OutputType('Freehold.Share')]
    param(
        [Parameter(Position = 0, ValueFromPipelineByPropertyName = $true)]
        [SupportsWildcards()]
        [string[]] $Name,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'Get-FreeholdShare' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function New-FreeholdShare {
    <#
    .SYNOPSIS
    Makes a share.

    .DESCRIPTION
    A folder that is missing is made. Without -FullAccess, -ChangeAccess, -ReadAccess, -NoAccess and -SecurityDescriptor,
    administrators (full) and everybody who logs on (change) may connect.

    .PARAMETER Name
    Name of the share.

    .PARAMETER Volume
    Volume of the server. The connection's, or the only one that there is, where it is left out.

    .PARAMETER Path
    Folder within the volume.

    .PARAMETER Description
    Comment shown in listings.

    .PARAMETER FolderEnumerationMode
    Are entries that a user cannot read left out?

    .PARAMETER CachingMode
    Offline use.

    .PARAMETER EncryptData
    Only encrypted requests.

    .PARAMETER ContinuouslyAvailable
    Handles survive a restart of the server.

    .PARAMETER CATimeout
    How long such handles wait for their client, in seconds, where the client does not say; 0 for the server's default.

    .PARAMETER ConcurrentUserLimit
    Most users at a time; 0 for no limit.

    .PARAMETER Audit
    Accesses that are recorded.

    .PARAMETER SecurityDescriptor
    Who may connect, as SDDL.

    .PARAMETER FullAccess
    Who may connect with full access; with any of the four lists, nobody else may. Not together with `SecurityDescriptor`.

    .PARAMETER ChangeAccess
    Who may read, write and delete.

    .PARAMETER ReadAccess
    Who may read.

    .PARAMETER NoAccess
    Who may not connect, whatever else is said.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    New-FreeholdShare Projects -Path projects -Description 'All projects' -FolderEnumerationMode AccessBased

    .EXAMPLE
    Import-Csv shares.csv | New-FreeholdShare -WhatIf

    Says what would be made of a file with the columns Name, Path and Description.

    .LINK
    about_Freehold
    #>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', PositionalBinding = $false)]
    [OutputType('Freehold.Share')]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipelineByPropertyName = $true)]
        [ValidateNotNullOrEmpty()]
        [string] $Name,

        [Parameter(ValueFromPipelineByPropertyName = $true)]
        [string] $Volume,

        [Parameter(ValueFromPipelineByPropertyName = $true)]
        [string] $Path,

        [Parameter(ValueFromPipelineByPropertyName = $true)]
        [AllowEmptyString()]
        [string] $Description,

        [Parameter(ValueFromPipelineByPropertyName = $true)]
        [ValidateSet('AccessBased', 'Unrestricted')]
        [string] $FolderEnumerationMode,

        [Parameter(ValueFromPipelineByPropertyName = $true)]
        [ValidateSet('Manual', 'Documents', 'Programs', 'None')]
        [string] $CachingMode,

        [Parameter(ValueFromPipelineByPropertyName = $true)]
        [bool] $EncryptData,

        [Parameter(ValueFromPipelineByPropertyName = $true)]
        [bool] $ContinuouslyAvailable,

        [Parameter(ValueFromPipelineByPropertyName = $true)]
        [uint32] $CATimeout,

        [Parameter(ValueFromPipelineByPropertyName = $true)]
        [uint32] $ConcurrentUserLimit,

        [Parameter(ValueFromPipelineByPropertyName = $true)]
        [ValidateSet('none', 'success', 'failure', 'all')]
        [string] $Audit,

        [Parameter(ValueFromPipelineByPropertyName = $true)]
        [string] $SecurityDescriptor,

        [Parameter()]
        [string[]] $FullAccess,

        [Parameter()]
        [string[]] $ChangeAccess,

        [Parameter()]
        [string[]] $ReadAccess,

        [Parameter()]
        [string[]] $NoAccess,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'New-FreeholdShare' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function Set-FreeholdShare {
    <#
    .SYNOPSIS
    Changes shares. What is not named stays.

    .DESCRIPTION
    Changes shares. What is not named stays.

    .PARAMETER Name
    Names of shares.

    .PARAMETER Volume
    Another volume.

    .PARAMETER Path
    Folder within the volume.

    .PARAMETER Description
    Comment shown in listings.

    .PARAMETER FolderEnumerationMode
    Are entries that a user cannot read left out?

    .PARAMETER CachingMode
    Offline use.

    .PARAMETER EncryptData
    Only encrypted requests.

    .PARAMETER ContinuouslyAvailable
    Handles survive a restart of the server.

    .PARAMETER CATimeout
    How long such handles wait for their client, in seconds, where the client does not say; 0 for the server's default.

    .PARAMETER ConcurrentUserLimit
    Most users at a time; 0 for no limit.

    .PARAMETER Audit
    Accesses that are recorded.

    .PARAMETER SecurityDescriptor
    Who may connect, as SDDL.

    .PARAMETER PassThru
    Return the share.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Set-FreeholdShare Projects -EncryptData $true -PassThru

    Only encrypted connections from now on.

    .EXAMPLE
    Get-FreeholdShare Proj* | Set-FreeholdShare -ConcurrentUserLimit 100

    .LINK
    about_Freehold
    #>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', PositionalBinding = $false)]
    [OutputType('Freehold.Share')]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipelineByPropertyName = $true)]
        [ValidateNotNullOrEmpty()]
        [string[]] $Name,

        [Parameter()]
        [string] $Volume,

        [Parameter()]
        [string] $Path,

        [Parameter()]
        [AllowEmptyString()]
        [string] $Description,

        [Parameter()]
        [ValidateSet('AccessBased', 'Unrestricted')]
        [string] $FolderEnumerationMode,

        [Parameter()]
        [ValidateSet('Manual', 'Documents', 'Programs', 'None')]
        [string] $CachingMode,

        [Parameter()]
        [bool] $EncryptData,

        [Parameter()]
        [bool] $ContinuouslyAvailable,

        [Parameter()]
        [uint32] $CATimeout,

        [Parameter()]
        [uint32] $ConcurrentUserLimit,

        [Parameter()]
        [ValidateSet('none', 'success', 'failure', 'all')]
        [string] $Audit,

        [Parameter()]
        [string] $SecurityDescriptor,

        [Parameter()]
        [switch] $PassThru,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'Set-FreeholdShare' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function Remove-FreeholdShare {
    <#
    .SYNOPSIS
    Removes shares. The files stay.

    .DESCRIPTION
    Removes shares. The files stay.

    .PARAMETER Name
    Names of shares.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Remove-FreeholdShare Old -Confirm:$false

    .EXAMPLE
    Get-FreeholdShare Test* | Remove-FreeholdShare

    .LINK
    about_Freehold
    #>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'High', PositionalBinding = $false)]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipelineByPropertyName = $true)]
        [ValidateNotNullOrEmpty()]
        [string[]] $Name,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'Remove-FreeholdShare' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}
