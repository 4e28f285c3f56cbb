# Declared state.
# Made by ../../generate.py from ../../commands and docs/openapi.json; not edited by hand.

function Export-FreeholdConfiguration {
    <#
    .SYNOPSIS
    Gets what is set on the server, as a declaration that Import-FreeholdConfiguration takes.

    .DESCRIPTION
    What was changed at run time: shares and who may connect to them, groups, quotas, the server's settings.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Export-FreeholdConfiguration | ConvertTo-Json -Depth 20 | Set-Content files.json -Encoding UTF8

    .LINK
    about_Freehold
    #>
    [CmdletBinding(PositionalBinding = $false)]
    [OutputType('Freehold.Configuration')]
    param(
        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'Export-FreeholdConfiguration' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function Import-FreeholdConfiguration {
    <#
    .SYNOPSIS
    Makes the server as a declaration says. Applying it twice changes nothing.

    .DESCRIPTION
    Everything is checked before anything is changed. Returns the changes that were made, or with -Plan those that would be.

    .PARAMETER Declaration
    The declaration, as JSON.

    .PARAMETER Prune
    What is there and not declared is removed, in the sections that the declaration has.

    .PARAMETER Plan
    Change nothing; return what would be changed.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Import-FreeholdConfiguration (Get-Content files.json -Raw) -Plan

    .EXAMPLE
    Import-FreeholdConfiguration (Get-Content files.json -Raw) -Prune

    Also removes what the declaration does not have.

    .LINK
    about_Freehold
    #>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', PositionalBinding = $false)]
    [OutputType('Freehold.Change')]
    param(
        [Parameter(Mandatory = $true, Position = 0)]
        [ValidateNotNullOrEmpty()]
        [string] $Declaration,

        [Parameter()]
        [switch] $Prune,

        [Parameter()]
        [switch] $Plan,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'Import-FreeholdConfiguration' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}
