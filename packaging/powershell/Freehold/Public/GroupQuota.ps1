# Rules that give members of groups limits.
# Made by ../../generate.py from ../../commands and docs/openapi.json; not edited by hand.

function Get-FreeholdGroupQuota {
    <#
    .SYNOPSIS
    Gets the rules that give members of groups limits.

    .DESCRIPTION
    Gets the rules that give members of groups limits.

    .PARAMETER Group
    Groups, with wildcards. All rules where it is left out.

    .PARAMETER Volume
    Volume of the server. The connection's, or the only one that there is, where it is left out.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Get-FreeholdGroupQuota

    .LINK
    about_Freehold
    #>
    [CmdletBinding(PositionalBinding = $false)]
    [OutputType('Freehold.GroupQuota')]
    param(
        [Parameter(Position = 0, ValueFromPipelineByPropertyName = $true)]
        [SupportsWildcards()]
        [string[]] $Group,

        [Parameter(ValueFromPipelineByPropertyName = $true)]
        [Alias('QuotaVolume')]
        [string] $Volume,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'Get-FreeholdGroupQuota' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function Set-FreeholdGroupQuota {
    <#
    .SYNOPSIS
    Gives the members of groups limits. The most generous rule counts for who is in several groups.

    .DESCRIPTION
    Gives the members of groups limits. The most generous rule counts for who is in several groups.

    .PARAMETER Group
    Groups of the domain or of the server.

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
    Set-FreeholdGroupQuota 'CORP\engineers' -Limit 100GB

    .LINK
    about_Freehold
    #>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', PositionalBinding = $false)]
    [OutputType('Freehold.GroupQuota')]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipelineByPropertyName = $true)]
        [ValidateNotNullOrEmpty()]
        [string[]] $Group,

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
        Invoke-FreeholdCommand -Name 'Set-FreeholdGroupQuota' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function Remove-FreeholdGroupQuota {
    <#
    .SYNOPSIS
    Takes groups' rules away.

    .DESCRIPTION
    Takes groups' rules away.

    .PARAMETER Group
    Groups.

    .PARAMETER Volume
    Volume of the server. The connection's, or the only one that there is, where it is left out.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Remove-FreeholdGroupQuota 'CORP\engineers'

    .LINK
    about_Freehold
    #>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'High', PositionalBinding = $false)]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipelineByPropertyName = $true)]
        [ValidateNotNullOrEmpty()]
        [string[]] $Group,

        [Parameter(ValueFromPipelineByPropertyName = $true)]
        [Alias('QuotaVolume')]
        [string] $Volume,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'Remove-FreeholdGroupQuota' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}
