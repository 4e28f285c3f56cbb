# What holds for the whole server.
# Made by ../../generate.py from ../../commands and docs/openapi.json; not edited by hand.

function Get-FreeholdServerConfiguration {
    <#
    .SYNOPSIS
    Gets what holds for the whole server.

    .DESCRIPTION
    Gets what holds for the whole server.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Get-FreeholdServerConfiguration

    .LINK
    about_Freehold
    #>
    [CmdletBinding(PositionalBinding = $false)]
    [OutputType('Freehold.ServerConfiguration')]
    param(
        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'Get-FreeholdServerConfiguration' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function Set-FreeholdServerConfiguration {
    <#
    .SYNOPSIS
    Changes what holds for the whole server. What is not named stays.

    .DESCRIPTION
    New sessions go by it; those that there are stay as they are until Close-FreeholdSession ends them.

    .PARAMETER EncryptData
    Every new session of a client that can is encrypted.

    .PARAMETER RejectUnencryptedAccess
    Clear requests to what is encrypted fail, and clients that cannot encrypt are refused there.

    .PARAMETER PassThru
    Return the configuration.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Set-FreeholdServerConfiguration -EncryptData $true -RejectUnencryptedAccess $true -Confirm:$false

    .LINK
    about_Freehold
    #>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'High', PositionalBinding = $false)]
    [OutputType('Freehold.ServerConfiguration')]
    param(
        [Parameter()]
        [bool] $EncryptData,

        [Parameter()]
        [bool] $RejectUnencryptedAccess,

        [Parameter()]
        [switch] $PassThru,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'Set-FreeholdServerConfiguration' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function Reset-FreeholdServerConfiguration {
    <#
    .SYNOPSIS
    Takes back what was set: the values of the configuration file hold again.

    .DESCRIPTION
    Takes back what was set: the values of the configuration file hold again.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Reset-FreeholdServerConfiguration -WhatIf

    .LINK
    about_Freehold
    #>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'High', PositionalBinding = $false)]
    param(
        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'Reset-FreeholdServerConfiguration' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}
