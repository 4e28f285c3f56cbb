# Sessions of clients.
# Made by ../../generate.py from ../../commands and docs/openapi.json; not edited by hand.

function Get-FreeholdSession {
    <#
    .SYNOPSIS
    Gets the sessions of clients.

    .DESCRIPTION
    Gets the sessions of clients.

    .PARAMETER SessionId
    Sessions by their number.

    .PARAMETER ClientComputerName
    Addresses of clients, with wildcards.

    .PARAMETER ClientUserName
    Users, with wildcards, as DOMAIN\name.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Get-FreeholdSession

    .EXAMPLE
    Get-FreeholdSession -ClientUserName 'CORP\anna'

    .LINK
    about_Freehold
    #>
    [CmdletBinding(PositionalBinding = $false)]
    [OutputType('Freehold.Session')]
    param(
        [Parameter(Position = 0, ValueFromPipelineByPropertyName = $true)]
        [uint64[]] $SessionId,

        [Parameter(ValueFromPipelineByPropertyName = $true)]
        [SupportsWildcards()]
        [string[]] $ClientComputerName,

        [Parameter(ValueFromPipelineByPropertyName = $true)]
        [SupportsWildcards()]
        [string[]] $ClientUserName,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'Get-FreeholdSession' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function Close-FreeholdSession {
    <#
    .SYNOPSIS
    Ends sessions, with everything that they have open. All sessions where nothing selects some.

    .DESCRIPTION
    Ends sessions, with everything that they have open. All sessions where nothing selects some.

    .PARAMETER SessionId
    Sessions by their number.

    .PARAMETER ClientComputerName
    Addresses of clients, with wildcards.

    .PARAMETER ClientUserName
    Users, with wildcards, as DOMAIN\name.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Get-FreeholdSession -ClientUserName 'CORP\anna' | Close-FreeholdSession

    .EXAMPLE
    Get-FreeholdSession | Where-Object SecondsIdle -gt 86400 | Close-FreeholdSession -Confirm:$false

    .LINK
    about_Freehold
    #>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'High', PositionalBinding = $false)]
    param(
        [Parameter(Position = 0, ValueFromPipelineByPropertyName = $true)]
        [uint64[]] $SessionId,

        [Parameter(ValueFromPipelineByPropertyName = $true)]
        [SupportsWildcards()]
        [string[]] $ClientComputerName,

        [Parameter(ValueFromPipelineByPropertyName = $true)]
        [SupportsWildcards()]
        [string[]] $ClientUserName,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'Close-FreeholdSession' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}
