# Reports and forecasts.
# Made by ../../generate.py from ../../commands and docs/openapi.json; not edited by hand.

function Get-FreeholdQuotaReport {
    <#
    .SYNOPSIS
    Says who or what uses most of a volume.

    .DESCRIPTION
    Says who or what uses most of a volume.

    .PARAMETER By
    By owner of the files, folder with a quota, age of files, or their type.

    .PARAMETER Volume
    Volume of the server. The connection's, or the only one that there is, where it is left out.

    .PARAMETER Top
    At most so many rows.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Get-FreeholdQuotaReport Type -Top 10

    .LINK
    about_Freehold
    #>
    [CmdletBinding(PositionalBinding = $false)]
    [OutputType('Freehold.QuotaReport')]
    param(
        [Parameter(Position = 0)]
        [ValidateSet('Owner', 'Folder', 'Age', 'Type')]
        [string] $By,

        [Parameter(ValueFromPipelineByPropertyName = $true)]
        [Alias('QuotaVolume')]
        [string] $Volume,

        [Parameter()]
        [uint64] $Top,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'Get-FreeholdQuotaReport' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function Get-FreeholdQuotaForecast {
    <#
    .SYNOPSIS
    Says when what grows will be full, at the present rate.

    .DESCRIPTION
    Says when what grows will be full, at the present rate.

    .PARAMETER Volume
    Volume of the server. The connection's, or the only one that there is, where it is left out.

    .PARAMETER Top
    At most so many rows.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Get-FreeholdQuotaForecast | Where-Object DaysUntilFull -lt 30

    .LINK
    about_Freehold
    #>
    [CmdletBinding(PositionalBinding = $false)]
    [OutputType('Freehold.QuotaForecast')]
    param(
        [Parameter(ValueFromPipelineByPropertyName = $true)]
        [Alias('QuotaVolume')]
        [string] $Volume,

        [Parameter()]
        [uint64] $Top,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'Get-FreeholdQuotaForecast' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}
