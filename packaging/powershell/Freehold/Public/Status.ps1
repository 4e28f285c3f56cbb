# Who the server is.
# Made by ../../generate.py from ../../commands and docs/openapi.json; not edited by hand.

function Get-FreeholdStatus {
    <#
    .SYNOPSIS
    Says who the server is.

    .DESCRIPTION
    Says who the server is.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Get-FreeholdStatus

    .EXAMPLE
    (Get-FreeholdStatus).Volumes

    The volumes that shares and quotas can be on.

    .LINK
    about_Freehold
    #>
    [CmdletBinding(PositionalBinding = $false)]
    [OutputType('Freehold.Status')]
    param(
        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'Get-FreeholdStatus' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}
