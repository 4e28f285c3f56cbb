# Shares, by the names of FSx.
# Made by ../../generate.py from ../../commands and docs/openapi.json; not edited by hand.

function New-FSxSmbShare {
    <#
    .SYNOPSIS
    Makes a share.

    .DESCRIPTION
    The parameters are those of FSx for Windows File Server, and of the command of Windows' SmbShare module of that name.

    .PARAMETER Name
    Name of the share.

    .PARAMETER Volume
    Volume of the server. The connection's, or the only one that there is, where it is left out.

    .PARAMETER Path
    The folder, such as D:\share; drive D: is the server's volume. It is made when it is missing.

    .PARAMETER Description
    Comment shown in listings.

    .PARAMETER FolderEnumerationMode
    Are entries that a user cannot read left out?

    .PARAMETER CachingMode
    What clients may keep for offline use.

    .PARAMETER EncryptData
    Only encrypted requests.

    .PARAMETER ContinuouslyAvailable
    Handles survive a restart of the server.

    .PARAMETER CATimeout
    How long such handles wait for their client, in seconds, where the client does not say; 0 for the server's default.

    .PARAMETER ConcurrentUserLimit
    Most users at a time; 0 for no limit.

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

    .PARAMETER Credential
    Taken so that scripts run: the connection's logon is used.

    .PARAMETER ScopeName
    Taken so that scripts run: a Freehold server has one scope.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    New-FSxSmbShare -Name "New CA Share" -Path "D:\share" -Description "CA share" -ContinuouslyAvailable $True

    .LINK
    about_Freehold
    #>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', PositionalBinding = $false)]
    [OutputType('Freehold.FSx.SmbShare')]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipelineByPropertyName = $true)]
        [ValidateNotNullOrEmpty()]
        [string] $Name,

        [Parameter(ValueFromPipelineByPropertyName = $true)]
        [string] $Volume,

        [Parameter(Mandatory = $true, Position = 1, ValueFromPipelineByPropertyName = $true)]
        [ValidateNotNullOrEmpty()]
        [string] $Path,

        [Parameter(ValueFromPipelineByPropertyName = $true)]
        [AllowEmptyString()]
        [string] $Description,

        [Parameter(ValueFromPipelineByPropertyName = $true)]
        [ValidateSet('AccessBased', 'Unrestricted')]
        [string] $FolderEnumerationMode,

        [Parameter(ValueFromPipelineByPropertyName = $true)]
        [ValidateSet('None', 'Manual', 'Documents', 'Programs', 'BranchCache')]
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
        [pscredential] $Credential,

        [Parameter(ValueFromPipelineByPropertyName = $true)]
        [string] $ScopeName,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'New-FSxSmbShare' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function Remove-FSxSmbShare {
    <#
    .SYNOPSIS
    Removes shares. The files stay.

    .DESCRIPTION
    The parameters are those of FSx for Windows File Server, and of the command of Windows' SmbShare module of that name.

    .PARAMETER Name
    Names of shares.

    .PARAMETER Force
    Do not ask.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Remove-FSxSmbShare -Name data -Force

    .LINK
    about_Freehold
    #>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'High', PositionalBinding = $false)]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipelineByPropertyName = $true)]
        [ValidateNotNullOrEmpty()]
        [string[]] $Name,

        [Parameter()]
        [switch] $Force,

        [Parameter()]
        [object] $Connection
    )
    process {
        if ($Force -and -not $PSBoundParameters.ContainsKey('Confirm')) {
            $ConfirmPreference = 'None'
        }
        Invoke-FreeholdCommand -Name 'Remove-FSxSmbShare' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function Set-FSxSmbShare {
    <#
    .SYNOPSIS
    Changes shares. What is not named stays.

    .DESCRIPTION
    The parameters are those of FSx for Windows File Server, and of the command of Windows' SmbShare module of that name.

    .PARAMETER Name
    Names of shares.

    .PARAMETER Description
    Comment shown in listings.

    .PARAMETER FolderEnumerationMode
    Are entries that a user cannot read left out?

    .PARAMETER CachingMode
    What clients may keep for offline use.

    .PARAMETER EncryptData
    Only encrypted requests.

    .PARAMETER ContinuouslyAvailable
    Handles survive a restart of the server.

    .PARAMETER CATimeout
    How long such handles wait for their client, in seconds, where the client does not say; 0 for the server's default.

    .PARAMETER ConcurrentUserLimit
    Most users at a time; 0 for no limit.

    .PARAMETER SecurityDescriptor
    Who may connect, as SDDL.

    .PARAMETER PassThru
    Return the share.

    .PARAMETER Credential
    Taken so that scripts run: the connection's logon is used.

    .PARAMETER ScopeName
    Taken so that scripts run: a Freehold server has one scope.

    .PARAMETER Force
    Do not ask.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Set-FSxSmbShare -Name share -FolderEnumerationMode AccessBased -Force

    .LINK
    about_Freehold
    #>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', PositionalBinding = $false)]
    [OutputType('Freehold.FSx.SmbShare')]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipelineByPropertyName = $true)]
        [ValidateNotNullOrEmpty()]
        [string[]] $Name,

        [Parameter()]
        [AllowEmptyString()]
        [string] $Description,

        [Parameter()]
        [ValidateSet('AccessBased', 'Unrestricted')]
        [string] $FolderEnumerationMode,

        [Parameter()]
        [ValidateSet('None', 'Manual', 'Documents', 'Programs', 'BranchCache')]
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
        [string] $SecurityDescriptor,

        [Parameter()]
        [switch] $PassThru,

        [Parameter()]
        [pscredential] $Credential,

        [Parameter()]
        [string] $ScopeName,

        [Parameter()]
        [switch] $Force,

        [Parameter()]
        [object] $Connection
    )
    process {
        if ($Force -and -not $PSBoundParameters.ContainsKey('Confirm')) {
            $ConfirmPreference = 'None'
        }
        Invoke-FreeholdCommand -Name 'Set-FSxSmbShare' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function Get-FSxSmbShare {
    <#
    .SYNOPSIS
    Gets shares.

    .DESCRIPTION
    The parameters are those of FSx for Windows File Server, and of the command of Windows' SmbShare module of that name.

    .PARAMETER Name
    Names of shares, with wildcards. All shares where it is left out.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Get-FSxSmbShare

    .EXAMPLE
    Get-FSxSmbShare -Name share | Format-List *

    .LINK
    about_Freehold
    #>
    [CmdletBinding(PositionalBinding = $false)]
    [OutputType('Freehold.FSx.SmbShare')]
    param(
        [Parameter(Position = 0, ValueFromPipelineByPropertyName = $true)]
        [SupportsWildcards()]
        [string[]] $Name,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'Get-FSxSmbShare' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function Get-FSxSmbShareAccess {
    <#
    .SYNOPSIS
    Gets the entries of shares' access: who may connect.

    .DESCRIPTION
    The parameters are those of FSx for Windows File Server, and of the command of Windows' SmbShare module of that name.

    .PARAMETER Name
    Names of shares.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Get-FSxSmbShareAccess -Name share

    .LINK
    about_Freehold
    #>
    [CmdletBinding(PositionalBinding = $false)]
    [OutputType('Freehold.FSx.SmbShareAccess')]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipelineByPropertyName = $true)]
        [ValidateNotNullOrEmpty()]
        [string[]] $Name,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'Get-FSxSmbShareAccess' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function Grant-FSxSmbShareAccess {
    <#
    .SYNOPSIS
    Lets accounts and groups connect to a share, in place of the right they had.

    .DESCRIPTION
    The parameters are those of FSx for Windows File Server, and of the command of Windows' SmbShare module of that name.

    .PARAMETER Name
    Name of the share.

    .PARAMETER AccountName
    Accounts or groups, of the server or of its domain, as names or SIDs.

    .PARAMETER AccessRight
    The right: Full, Change or Read.

    .PARAMETER Force
    Do not ask.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Grant-FSxSmbShareAccess -Name share -AccountName Everyone -AccessRight Read -Force

    .LINK
    about_Freehold
    #>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'High', PositionalBinding = $false)]
    [OutputType('Freehold.FSx.SmbShareAccess')]
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
        [switch] $Force,

        [Parameter()]
        [object] $Connection
    )
    process {
        if ($Force -and -not $PSBoundParameters.ContainsKey('Confirm')) {
            $ConfirmPreference = 'None'
        }
        Invoke-FreeholdCommand -Name 'Grant-FSxSmbShareAccess' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function Revoke-FSxSmbShareAccess {
    <#
    .SYNOPSIS
    Takes away what accounts and groups were granted on a share.

    .DESCRIPTION
    The parameters are those of FSx for Windows File Server, and of the command of Windows' SmbShare module of that name.

    .PARAMETER Name
    Name of the share.

    .PARAMETER AccountName
    Accounts or groups, of the server or of its domain, as names or SIDs.

    .PARAMETER Force
    Do not ask.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Revoke-FSxSmbShareAccess -Name share -AccountName Everyone -Force

    .LINK
    about_Freehold
    #>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'High', PositionalBinding = $false)]
    [OutputType('Freehold.FSx.SmbShareAccess')]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipelineByPropertyName = $true)]
        [ValidateNotNullOrEmpty()]
        [string] $Name,

        [Parameter(Mandatory = $true, Position = 1, ValueFromPipelineByPropertyName = $true)]
        [ValidateNotNullOrEmpty()]
        [string[]] $AccountName,

        [Parameter()]
        [switch] $Force,

        [Parameter()]
        [object] $Connection
    )
    process {
        if ($Force -and -not $PSBoundParameters.ContainsKey('Confirm')) {
            $ConfirmPreference = 'None'
        }
        Invoke-FreeholdCommand -Name 'Revoke-FSxSmbShareAccess' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function Block-FSxSmbShareAccess {
    <#
    .SYNOPSIS
    Keeps accounts and groups from a share, whatever they and their groups are granted.

    .DESCRIPTION
    The parameters are those of FSx for Windows File Server, and of the command of Windows' SmbShare module of that name.

    .PARAMETER Name
    Name of the share.

    .PARAMETER AccountName
    Accounts or groups, of the server or of its domain, as names or SIDs.

    .PARAMETER Force
    Do not ask.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Block-FSxSmbShareAccess -Name share -AccountName Everyone -Force

    .LINK
    about_Freehold
    #>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'High', PositionalBinding = $false)]
    [OutputType('Freehold.FSx.SmbShareAccess')]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipelineByPropertyName = $true)]
        [ValidateNotNullOrEmpty()]
        [string] $Name,

        [Parameter(Mandatory = $true, Position = 1, ValueFromPipelineByPropertyName = $true)]
        [ValidateNotNullOrEmpty()]
        [string[]] $AccountName,

        [Parameter()]
        [switch] $Force,

        [Parameter()]
        [object] $Connection
    )
    process {
        if ($Force -and -not $PSBoundParameters.ContainsKey('Confirm')) {
            $ConfirmPreference = 'None'
        }
        Invoke-FreeholdCommand -Name 'Block-FSxSmbShareAccess' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function Unblock-FSxSmbShareAccess {
    <#
    .SYNOPSIS
    Takes back that accounts and groups are kept from a share.

    .DESCRIPTION
    The parameters are those of FSx for Windows File Server, and of the command of Windows' SmbShare module of that name.

    .PARAMETER Name
    Name of the share.

    .PARAMETER AccountName
    Accounts or groups, of the server or of its domain, as names or SIDs.

    .PARAMETER Force
    Do not ask.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Unblock-FSxSmbShareAccess -Name share -AccountName Everyone -Force

    .LINK
    about_Freehold
    #>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'High', PositionalBinding = $false)]
    [OutputType('Freehold.FSx.SmbShareAccess')]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipelineByPropertyName = $true)]
        [ValidateNotNullOrEmpty()]
        [string] $Name,

        [Parameter(Mandatory = $true, Position = 1, ValueFromPipelineByPropertyName = $true)]
        [ValidateNotNullOrEmpty()]
        [string[]] $AccountName,

        [Parameter()]
        [switch] $Force,

        [Parameter()]
        [object] $Connection
    )
    process {
        if ($Force -and -not $PSBoundParameters.ContainsKey('Confirm')) {
            $ConfirmPreference = 'None'
        }
        Invoke-FreeholdCommand -Name 'Unblock-FSxSmbShareAccess' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}
