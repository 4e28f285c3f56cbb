# Files that clients have open.
# Made by ../../generate.py from ../../commands and docs/openapi.json; not edited by hand.

function Get-FreeholdOpenFile {
    <#
    .SYNOPSIS
    Gets the files that clients have open.

    .DESCRIPTION
    Gets the files that clients have open.

    .PARAMETER FileId
    Open files by their number.

    .PARAMETER SessionId
    Those of these sessions.

    .PARAMETER ClientComputerName
    Addresses of clients, with wildcards.

    .PARAMETER ClientUserName
    Users, with wildcards, as DOMAIN\name.

    .PARAMETER ShareRelativePath
    Paths below the share, with wildcards.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Get-FreeholdOpenFile -ShareRelativePath *.xlsx

    .EXAMPLE
    Get-FreeholdOpenFile | Group-Object ClientUserName -NoElement

    How many each user has open.

    .LINK
    about_Freehold
    #>
    [CmdletBinding(PositionalBinding = $false)]
    [OutputType('Freehold.OpenFile')]
    param(
        [Parameter(Position = 0, ValueFromPipelineByPropertyName = $true)]
        [uint64[]] $FileId,

        [Parameter(ValueFromPipelineByPropertyName = $true)]
        [uint64[]] $SessionId,

        [Parameter(ValueFromPipelineByPropertyName = $true)]
        [SupportsWildcards()]
        [string[]] $ClientComputerName,

        [Parameter(ValueFromPipelineByPropertyName = $true)]
        [SupportsWildcards()]
        [string[]] $ClientUserName,

        [Parameter(ValueFromPipelineByPropertyName = $true)]
        [SupportsWildcards()]
        [string[]] $ShareRelativePath,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'Get-FreeholdOpenFile' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function Close-FreeholdOpenFile {
    <#
    .SYNOPSIS
    Closes open files, with their locks. What their clients have not written is lost.

    .DESCRIPTION
    Closes open files, with their locks. What their clients have not written is lost.

    .PARAMETER FileId
    Open files by their number.

    .PARAMETER SessionId
    Those of these sessions.

    .PARAMETER ClientComputerName
    Addresses of clients, with wildcards.

    .PARAMETER ClientUserName
    Users, with wildcards, as DOMAIN\name.

    .PARAMETER ShareRelativePath
    Paths below the share, with wildcards.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Get-FreeholdOpenFile -ShareRelativePath plans.xlsx | Close-FreeholdOpenFile

    .LINK
    about_Freehold
    #>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'High', PositionalBinding = $false)]
    param(
        [Parameter(Position = 0, ValueFromPipelineByPropertyName = $true)]
        [uint64[]] $FileId,

        [Parameter(ValueFromPipelineByPropertyName = $true)]
        [uint64[]] $SessionId,

        [Parameter(ValueFromPipelineByPropertyName = $true)]
        [SupportsWildcards()]
        [string[]] $ClientComputerName,

        [Parameter(ValueFromPipelineByPropertyName = $true)]
        [SupportsWildcards()]
        [string[]] $ClientUserName,

        [Parameter(ValueFromPipelineByPropertyName = $true)]
        [SupportsWildcards()]
        [string[]] $ShareRelativePath,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'Close-FreeholdOpenFile' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}
