# Sessions and open files, by the names of FSx.
# Made by ../../generate.py from ../../commands and docs/openapi.json; not edited by hand.

function Get-FSxSmbSession {
    <#
    .SYNOPSIS
    Gets the sessions of clients.

    .DESCRIPTION
    The parameters are those of FSx for Windows File Server, and of the command of Windows' SmbShare module of that name.

    .PARAMETER SessionId
    Sessions by their number.

    .PARAMETER ClientComputerName
    Addresses of clients, with wildcards.

    .PARAMETER ClientUserName
    Users, with wildcards, as DOMAIN\name.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Get-FSxSmbSession

    .LINK
    about_Freehold
    #>
    [CmdletBinding(PositionalBinding = $false)]
    [OutputType('Freehold.FSx.SmbSession')]
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
        Invoke-FreeholdCommand -Name 'Get-FSxSmbSession' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function Close-FSxSmbSession {
    <#
    .SYNOPSIS
    Ends sessions, with everything that they have open. All sessions where nothing selects some.

    .DESCRIPTION
    The parameters are those of FSx for Windows File Server, and of the command of Windows' SmbShare module of that name.

    .PARAMETER SessionId
    Sessions by their number.

    .PARAMETER ClientComputerName
    Addresses of clients, with wildcards.

    .PARAMETER ClientUserName
    Users, with wildcards, as DOMAIN\name.

    .PARAMETER Force
    Do not ask.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Close-FSxSmbSession -Confirm:$False

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
        [switch] $Force,

        [Parameter()]
        [object] $Connection
    )
    process {
        if ($Force -and -not $PSBoundParameters.ContainsKey('Confirm')) {
            $ConfirmPreference = 'None'
        }
        Invoke-FreeholdCommand -Name 'Close-FSxSmbSession' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function Get-FSxSmbOpenFile {
    <#
    .SYNOPSIS
    Gets the files that clients have open.

    .DESCRIPTION
    The parameters are those of FSx for Windows File Server, and of the command of Windows' SmbShare module of that name.

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
    Get-FSxSmbOpenFile

    .LINK
    about_Freehold
    #>
    [CmdletBinding(PositionalBinding = $false)]
    [OutputType('Freehold.FSx.SmbOpenFile')]
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
        Invoke-FreeholdCommand -Name 'Get-FSxSmbOpenFile' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function Close-FSxSmbOpenFile {
    <#
    .SYNOPSIS
    Closes open files, with their locks. What their clients have not written is lost.

    .DESCRIPTION
    The parameters are those of FSx for Windows File Server, and of the command of Windows' SmbShare module of that name.

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

    .PARAMETER Force
    Do not ask.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Close-FSxSmbOpenFile -Confirm:$false

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
        [switch] $Force,

        [Parameter()]
        [object] $Connection
    )
    process {
        if ($Force -and -not $PSBoundParameters.ContainsKey('Confirm')) {
            $ConfirmPreference = 'None'
        }
        Invoke-FreeholdCommand -Name 'Close-FSxSmbOpenFile' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}
