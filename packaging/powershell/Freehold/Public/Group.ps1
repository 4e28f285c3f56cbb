# Local groups.
# Made by ../../generate.py from ../../commands and docs/openapi.json; not edited by hand.

function Get-FreeholdGroup {
    <#
    .SYNOPSIS
    Gets local groups.

    .DESCRIPTION
    Gets local groups.

    .PARAMETER Name
    Names, with wildcards. All groups where it is left out.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Get-FreeholdGroup Administrators

    .LINK
    about_Freehold
    #>
    [CmdletBinding(PositionalBinding = $false)]
    [OutputType('Freehold.Group')]
    param(
        [Parameter(Position = 0, ValueFromPipelineByPropertyName = $true)]
        [SupportsWildcards()]
        [string[]] $Name,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'Get-FreeholdGroup' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function New-FreeholdGroup {
    <#
    .SYNOPSIS
    Makes a local group.

    .DESCRIPTION
    Makes a local group.

    .PARAMETER Name
    Its name: 1 to 256 characters.

    .PARAMETER Comment
    Comment.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    New-FreeholdGroup engineers

    .LINK
    about_Freehold
    #>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', PositionalBinding = $false)]
    [OutputType('Freehold.Group')]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipelineByPropertyName = $true)]
        [ValidateNotNullOrEmpty()]
        [string] $Name,

        [Parameter(ValueFromPipelineByPropertyName = $true)]
        [AllowEmptyString()]
        [string] $Comment,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'New-FreeholdGroup' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function Set-FreeholdGroup {
    <#
    .SYNOPSIS
    Changes local groups. What is not named stays.

    .DESCRIPTION
    Changes local groups. What is not named stays.

    .PARAMETER Name
    Names of groups.

    .PARAMETER Comment
    New comment.

    .PARAMETER PassThru
    Return the group.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Set-FreeholdGroup engineers -Comment 'Who builds it'

    .LINK
    about_Freehold
    #>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', PositionalBinding = $false)]
    [OutputType('Freehold.Group')]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipelineByPropertyName = $true)]
        [ValidateNotNullOrEmpty()]
        [string[]] $Name,

        [Parameter(Mandatory = $true)]
        [AllowEmptyString()]
        [string] $Comment,

        [Parameter()]
        [switch] $PassThru,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'Set-FreeholdGroup' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function Remove-FreeholdGroup {
    <#
    .SYNOPSIS
    Removes local groups.

    .DESCRIPTION
    Removes local groups.

    .PARAMETER Name
    Names of groups.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Remove-FreeholdGroup engineers

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
        Invoke-FreeholdCommand -Name 'Remove-FreeholdGroup' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function Add-FreeholdGroupMember {
    <#
    .SYNOPSIS
    Puts members into a local group.

    .DESCRIPTION
    Puts members into a local group.

    .PARAMETER Name
    Name of the group.

    .PARAMETER Member
    Accounts, groups or SIDs, of the server or of its domain.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Add-FreeholdGroupMember Administrators 'CORP\Domain Admins'

    .LINK
    about_Freehold
    #>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', PositionalBinding = $false)]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipelineByPropertyName = $true)]
        [ValidateNotNullOrEmpty()]
        [string] $Name,

        [Parameter(Mandatory = $true, Position = 1)]
        [ValidateNotNullOrEmpty()]
        [string[]] $Member,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'Add-FreeholdGroupMember' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function Remove-FreeholdGroupMember {
    <#
    .SYNOPSIS
    Takes members out of a local group.

    .DESCRIPTION
    Takes members out of a local group.

    .PARAMETER Name
    Name of the group.

    .PARAMETER Member
    Accounts, groups or SIDs, of the server or of its domain.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Remove-FreeholdGroupMember engineers anna -Confirm:$false

    .LINK
    about_Freehold
    #>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'High', PositionalBinding = $false)]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipelineByPropertyName = $true)]
        [ValidateNotNullOrEmpty()]
        [string] $Name,

        [Parameter(Mandatory = $true, Position = 1)]
        [ValidateNotNullOrEmpty()]
        [string[]] $Member,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'Remove-FreeholdGroupMember' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}
