# Quotas of users.
# Made by ../../generate.py from ../../commands and docs/openapi.json; not edited by hand.

function Get-FreeholdUserQuotaSettings {
    <#
    .SYNOPSIS
    Gets how a volume treats quotas.

    .DESCRIPTION
    Gets how a volume treats quotas.

    .PARAMETER Volume
    Volume of the server. The connection's, or the only one that there is, where it is left out.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Get-FreeholdUserQuotaSettings

    .LINK
    about_Freehold
    #>
    [CmdletBinding(PositionalBinding = $false)]
    [OutputType('Freehold.UserQuotaSettings')]
    param(
        [Parameter(ValueFromPipelineByPropertyName = $true)]
        [Alias('QuotaVolume')]
        [string] $Volume,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'Get-FreeholdUserQuotaSettings' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function Set-FreeholdUserQuotaSettings {
    <#
    .SYNOPSIS
    Changes how a volume treats quotas. What is not named stays.

    .DESCRIPTION
    Changes how a volume treats quotas. What is not named stays.

    .PARAMETER Volume
    Volume of the server. The connection's, or the only one that there is, where it is left out.

    .PARAMETER DefaultLimit
    Limit of accounts without one of their own and without a group's. A number of bytes such as 10GB, or none.

    .PARAMETER DefaultWarningLimit
    From where on they are warned. A number of bytes such as 10GB, or none.

    .PARAMETER RecordWarning
    Crossing a warning is recorded and told.

    .PARAMETER RecordLimit
    Crossing a limit is recorded and told.

    .PARAMETER PassThru
    Return what was changed.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Set-FreeholdUserQuotaSettings -DefaultLimit 10GB -DefaultWarningLimit 8GB -PassThru

    .LINK
    about_Freehold
    #>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', PositionalBinding = $false)]
    [OutputType('Freehold.UserQuotaSettings')]
    param(
        [Parameter(ValueFromPipelineByPropertyName = $true)]
        [Alias('QuotaVolume')]
        [string] $Volume,

        [Parameter(ValueFromPipelineByPropertyName = $true)]
        [object] $DefaultLimit,

        [Parameter(ValueFromPipelineByPropertyName = $true)]
        [object] $DefaultWarningLimit,

        [Parameter()]
        [bool] $RecordWarning,

        [Parameter()]
        [bool] $RecordLimit,

        [Parameter()]
        [switch] $PassThru,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'Set-FreeholdUserQuotaSettings' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function Enable-FreeholdUserQuotas {
    <#
    .SYNOPSIS
    Tracks or enforces quotas of users on a volume.

    .DESCRIPTION
    Tracks or enforces quotas of users on a volume.

    .PARAMETER Volume
    Volume of the server. The connection's, or the only one that there is, where it is left out.

    .PARAMETER State
    Track only counts and tells; Enforce refuses what would exceed a limit.

    .PARAMETER PassThru
    Return what was changed.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Enable-FreeholdUserQuotas Enforce

    .LINK
    about_Freehold
    #>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', PositionalBinding = $false)]
    [OutputType('Freehold.UserQuotaSettings')]
    param(
        [Parameter(ValueFromPipelineByPropertyName = $true)]
        [Alias('QuotaVolume')]
        [string] $Volume,

        [Parameter(Mandatory = $true, Position = 0)]
        [ValidateSet('Track', 'Enforce')]
        [ValidateNotNullOrEmpty()]
        [string] $State,

        [Parameter()]
        [switch] $PassThru,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'Enable-FreeholdUserQuotas' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function Disable-FreeholdUserQuotas {
    <#
    .SYNOPSIS
    Stops limiting users on a volume, and showing what they use.

    .DESCRIPTION
    Stops limiting users on a volume, and showing what they use.

    .PARAMETER Volume
    Volume of the server. The connection's, or the only one that there is, where it is left out.

    .PARAMETER PassThru
    Return what was changed.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Disable-FreeholdUserQuotas -Confirm:$false

    .LINK
    about_Freehold
    #>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'High', PositionalBinding = $false)]
    [OutputType('Freehold.UserQuotaSettings')]
    param(
        [Parameter(ValueFromPipelineByPropertyName = $true)]
        [Alias('QuotaVolume')]
        [string] $Volume,

        [Parameter()]
        [switch] $PassThru,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'Disable-FreeholdUserQuotas' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function Get-FreeholdUserQuota {
    <#
    .SYNOPSIS
    Gets who uses how much of a volume, and who may use how much.

    .DESCRIPTION
    Gets who uses how much of a volume, and who may use how much.

    .PARAMETER User
    Accounts, with wildcards. All that use something or have a limit where it is left out.

    .PARAMETER Volume
    Volume of the server. The connection's, or the only one that there is, where it is left out.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Get-FreeholdUserQuota

    .EXAMPLE
    Get-FreeholdUserQuota | Where-Object Status -ne OK

    Those above their warning.

    .EXAMPLE
    Get-FreeholdUserQuota | Sort-Object DiskSpaceUsed -Descending | Select-Object -First 10

    .LINK
    about_Freehold
    #>
    [CmdletBinding(PositionalBinding = $false)]
    [OutputType('Freehold.UserQuota')]
    param(
        [Parameter(Position = 0, ValueFromPipelineByPropertyName = $true)]
        [SupportsWildcards()]
        [string[]] $User,

        [Parameter(ValueFromPipelineByPropertyName = $true)]
        [Alias('QuotaVolume')]
        [string] $Volume,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'Get-FreeholdUserQuota' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function Set-FreeholdUserQuota {
    <#
    .SYNOPSIS
    Gives accounts limits of their own.

    .DESCRIPTION
    Gives accounts limits of their own.

    .PARAMETER User
    Accounts, as names or SIDs.

    .PARAMETER Volume
    Volume of the server. The connection's, or the only one that there is, where it is left out.

    .PARAMETER Limit
    Most bytes. A number of bytes such as 10GB, or none.

    .PARAMETER WarningLimit
    Bytes above which a warning is due. A number of bytes such as 10GB, or none.

    .PARAMETER PassThru
    Return what was changed.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Set-FreeholdUserQuota 'CORP\anna' -Limit 50GB -WarningLimit 45GB

    .EXAMPLE
    Import-Csv limits.csv | Set-FreeholdUserQuota

    Of a file with the columns User, Limit and WarningLimit.

    .LINK
    about_Freehold
    #>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', PositionalBinding = $false)]
    [OutputType('Freehold.UserQuota')]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipelineByPropertyName = $true)]
        [ValidateNotNullOrEmpty()]
        [string[]] $User,

        [Parameter(ValueFromPipelineByPropertyName = $true)]
        [Alias('QuotaVolume')]
        [string] $Volume,

        [Parameter(ValueFromPipelineByPropertyName = $true)]
        [object] $Limit,

        [Parameter(ValueFromPipelineByPropertyName = $true)]
        [object] $WarningLimit,

        [Parameter()]
        [switch] $PassThru,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'Set-FreeholdUserQuota' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function Remove-FreeholdUserQuota {
    <#
    .SYNOPSIS
    Takes accounts' own limits away: groups' rules or the volume's default are theirs then.

    .DESCRIPTION
    Takes accounts' own limits away: groups' rules or the volume's default are theirs then.

    .PARAMETER User
    Accounts, as names or SIDs.

    .PARAMETER Volume
    Volume of the server. The connection's, or the only one that there is, where it is left out.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Remove-FreeholdUserQuota 'CORP\anna'

    .LINK
    about_Freehold
    #>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'High', PositionalBinding = $false)]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipelineByPropertyName = $true)]
        [ValidateNotNullOrEmpty()]
        [string[]] $User,

        [Parameter(ValueFromPipelineByPropertyName = $true)]
        [Alias('QuotaVolume')]
        [string] $Volume,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'Remove-FreeholdUserQuota' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}
