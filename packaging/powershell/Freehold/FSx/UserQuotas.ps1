# Quotas of users, by the names of FSx.
# Made by ../../generate.py from ../../commands and docs/openapi.json; not edited by hand.

function Enable-FSxUserQuotas {
    <#
    .SYNOPSIS
    Starts tracking or enforcing quotas of users.

    .DESCRIPTION
    Starts tracking or enforcing quotas of users.

    .PARAMETER Track
    Count and tell, refuse nothing.

    .PARAMETER Enforce
    Refuse what would exceed a limit.

    .PARAMETER DefaultLimit
    Limit of users without one of their own. In bytes.

    .PARAMETER DefaultWarningLimit
    From where on they are warned. In bytes.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Enable-FSxUserQuotas -Track -DefaultLimit 20GB -DefaultWarningLimit 15GB

    .EXAMPLE
    Enable-FSxUserQuotas -Enforce -DefaultLimit 4000000 -DefaultWarningLimit 3000000

    .LINK
    about_Freehold
    #>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', DefaultParameterSetName = 'Track', PositionalBinding = $false)]
    param(
        [Parameter(Mandatory = $true, ParameterSetName = 'Track')]
        [switch] $Track,

        [Parameter(Mandatory = $true, ParameterSetName = 'Enforce')]
        [switch] $Enforce,

        [Parameter()]
        [object] $DefaultLimit,

        [Parameter()]
        [object] $DefaultWarningLimit,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'Enable-FSxUserQuotas' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function Disable-FSxUserQuotas {
    <#
    .SYNOPSIS
    Stops tracking and enforcing quotas of users.

    .DESCRIPTION
    Stops tracking and enforcing quotas of users.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Disable-FSxUserQuotas

    .LINK
    about_Freehold
    #>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', PositionalBinding = $false)]
    param(
        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'Disable-FSxUserQuotas' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function Get-FSxUserQuotaSettings {
    <#
    .SYNOPSIS
    Gets the settings of quotas of users.

    .DESCRIPTION
    Gets the settings of quotas of users.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Get-FSxUserQuotaSettings

    .LINK
    about_Freehold
    #>
    [CmdletBinding(PositionalBinding = $false)]
    [OutputType('Freehold.FSx.UserQuotaSettings')]
    param(
        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'Get-FSxUserQuotaSettings' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function Get-FSxUserQuotaEntries {
    <#
    .SYNOPSIS
    Gets how much users use, their limits, and whether they exceed them.

    .DESCRIPTION
    A limit of 18446744073709551615 bytes is none, as in Windows.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Get-FSxUserQuotaEntries

    .EXAMPLE
    Get-FSxUserQuotaEntries | Where-Object Status -ne OK

    .LINK
    about_Freehold
    #>
    [CmdletBinding(PositionalBinding = $false)]
    [OutputType('Freehold.FSx.UserQuotaEntry')]
    param(
        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'Get-FSxUserQuotaEntries' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function Set-FSxUserQuotas {
    <#
    .SYNOPSIS
    Sets the quota of a user.

    .DESCRIPTION
    Sets the quota of a user.

    .PARAMETER Domain
    The user's domain.

    .PARAMETER Name
    The user.

    .PARAMETER Limit
    Most the user may use. In bytes.

    .PARAMETER WarningLimit
    From where on the user is warned. In bytes.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Set-FSxUserQuotas -Domain "corp.example" -Name "user1" -Limit 60000 -WarningLimit 40000

    .LINK
    about_Freehold
    #>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', PositionalBinding = $false)]
    param(
        [Parameter(Position = 0, ValueFromPipelineByPropertyName = $true)]
        [string] $Domain,

        [Parameter(Mandatory = $true, Position = 1, ValueFromPipelineByPropertyName = $true)]
        [ValidateNotNullOrEmpty()]
        [string] $Name,

        [Parameter()]
        [object] $Limit,

        [Parameter()]
        [object] $WarningLimit,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'Set-FSxUserQuotas' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}
