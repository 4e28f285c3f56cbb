# Local accounts.
# Made by ../../generate.py from ../../commands and docs/openapi.json; not edited by hand.

function Get-FreeholdUser {
    <#
    .SYNOPSIS
    Gets local accounts.

    .DESCRIPTION
    Gets local accounts.

    .PARAMETER Name
    Names, with wildcards. All accounts where it is left out.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Get-FreeholdUser | Where-Object Administrator

    .LINK
    about_Freehold
    #>
    [CmdletBinding(PositionalBinding = $false)]
    [OutputType('Freehold.User')]
    param(
        [Parameter(Position = 0, ValueFromPipelineByPropertyName = $true)]
        [SupportsWildcards()]
        [string[]] $Name,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'Get-FreeholdUser' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function New-FreeholdUser {
    <#
    .SYNOPSIS
    Makes a local account.

    .DESCRIPTION
    Makes a local account.

    .PARAMETER Name
    Its name: 1 to 20 characters.

    .PARAMETER Password
    Its password.

    .PARAMETER FullName
    Full name.

    .PARAMETER Comment
    Comment.

    .PARAMETER Group
    Groups to put it into besides Users.

    .PARAMETER Disabled
    It starts disabled.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    New-FreeholdUser anna -Password (Read-Host -AsSecureString) -FullName 'Anna Berg'

    .LINK
    about_Freehold
    #>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', PositionalBinding = $false)]
    [OutputType('Freehold.User')]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipelineByPropertyName = $true)]
        [ValidateNotNullOrEmpty()]
        [string] $Name,

        [Parameter(Mandatory = $true)]
        [securestring] $Password,

        [Parameter(ValueFromPipelineByPropertyName = $true)]
        [AllowEmptyString()]
        [string] $FullName,

        [Parameter(ValueFromPipelineByPropertyName = $true)]
        [AllowEmptyString()]
        [string] $Comment,

        [Parameter(ValueFromPipelineByPropertyName = $true)]
        [string[]] $Group,

        [Parameter()]
        [switch] $Disabled,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'New-FreeholdUser' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function Set-FreeholdUser {
    <#
    .SYNOPSIS
    Changes local accounts. What is not named stays.

    .DESCRIPTION
    By the local program, use `freehold user passwd`, `enable` and `disable`.

    .PARAMETER Name
    Names of accounts.

    .PARAMETER Password
    A new password.

    .PARAMETER Disabled
    Disable or enable.

    .PARAMETER FullName
    New full name.

    .PARAMETER Comment
    New comment.

    .PARAMETER PassThru
    Return the account.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Set-FreeholdUser anna -Disabled $true

    Keeps anna from logging on and ends her sessions.

    .LINK
    about_Freehold
    #>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', PositionalBinding = $false)]
    [OutputType('Freehold.User')]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipelineByPropertyName = $true)]
        [ValidateNotNullOrEmpty()]
        [string[]] $Name,

        [Parameter()]
        [securestring] $Password,

        [Parameter()]
        [bool] $Disabled,

        [Parameter()]
        [AllowEmptyString()]
        [string] $FullName,

        [Parameter()]
        [AllowEmptyString()]
        [string] $Comment,

        [Parameter()]
        [switch] $PassThru,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'Set-FreeholdUser' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function Remove-FreeholdUser {
    <#
    .SYNOPSIS
    Removes local accounts. Their files stay.

    .DESCRIPTION
    Removes local accounts. Their files stay.

    .PARAMETER Name
    Names of accounts.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Remove-FreeholdUser anna

    .LINK
    about_Freehold
    #>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'High', PositionalBinding = $false)]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipelineByPropertyName = $true)]
        [ValidateNotNullOrEmpty()]
        [string[]] $Name,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'Remove-FreeholdUser' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}
