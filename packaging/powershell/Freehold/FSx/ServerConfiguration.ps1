# What holds for the whole server, by the names of FSx.
# Made by ../../generate.py from ../../commands and docs/openapi.json; not edited by hand.

function Get-FSxSmbServerConfiguration {
    <#
    .SYNOPSIS
    Gets what holds for the whole server.

    .DESCRIPTION
    The parameters are those of FSx for Windows File Server, and of the command of Windows' SmbShare module of that name.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Get-FSxSmbServerConfiguration

    .LINK
    about_Freehold
    #>
    [CmdletBinding(PositionalBinding = $false)]
    [OutputType('Freehold.FSx.SmbServerConfiguration')]
    param(
        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'Get-FSxSmbServerConfiguration' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function Set-FSxSmbServerConfiguration {
    <#
    .SYNOPSIS
    Changes what holds for the whole server. What is not named stays.

    .DESCRIPTION
    The parameters are those of FSx for Windows File Server, and of the command of Windows' SmbShare module of that name.

    .PARAMETER EncryptData
    Every new session of a client that can is encrypted.

    .PARAMETER RejectUnencryptedAccess
    Clear requests to what is encrypted fail, and clients that cannot encrypt are refused there.

    .PARAMETER Force
    Do not ask.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Set-FSxSmbServerConfiguration -EncryptData $True -RejectUnencryptedAccess $True -Confirm:$False

    .LINK
    about_Freehold
    #>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'High', PositionalBinding = $false)]
    param(
        [Parameter()]
        [bool] $EncryptData,

        [Parameter()]
        [bool] $RejectUnencryptedAccess,

        [Parameter()]
        [switch] $Force,

        [Parameter()]
        [object] $Connection
    )
    process {
        if ($Force -and -not $PSBoundParameters.ContainsKey('Confirm')) {
            $ConfirmPreference = 'None'
        }
        Invoke-FreeholdCommand -Name 'Set-FSxSmbServerConfiguration' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}
