# Templates of folder quotas.
# Made by ../../generate.py from ../../commands and docs/openapi.json; not edited by hand.

function Get-FreeholdQuotaTemplate {
    <#
    .SYNOPSIS
    Gets templates of folder quotas.

    .DESCRIPTION
    Gets templates of folder quotas.

    .PARAMETER Name
    Names, with wildcards. All templates where it is left out.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Get-FreeholdQuotaTemplate

    .LINK
    about_Freehold
    #>
    [CmdletBinding(PositionalBinding = $false)]
    [OutputType('Freehold.QuotaTemplate')]
    param(
        [Parameter(Position = 0, ValueFromPipelineByPropertyName = $true)]
        [SupportsWildcards()]
        [string[]] $Name,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'Get-FreeholdQuotaTemplate' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function New-FreeholdQuotaTemplate {
    <#
    .SYNOPSIS
    Makes a template of folder quotas.

    .DESCRIPTION
    Makes a template of folder quotas.

    .PARAMETER Name
    Its name.

    .PARAMETER Size
    Most bytes below the folder. A number of bytes such as 10GB, or none.

    .PARAMETER SoftLimit
    What would exceed it is told, not refused.

    .PARAMETER Threshold
    Percentages of the size (1 to 250) at which somebody is told.

    .PARAMETER Description
    Description.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    New-FreeholdQuotaTemplate 'Standard 10 GB' -Size 10GB -Threshold 85, 100

    .LINK
    about_Freehold
    #>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', PositionalBinding = $false)]
    [OutputType('Freehold.QuotaTemplate')]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipelineByPropertyName = $true)]
        [ValidateNotNullOrEmpty()]
        [string] $Name,

        [Parameter(ValueFromPipelineByPropertyName = $true)]
        [object] $Size,

        [Parameter(ValueFromPipelineByPropertyName = $true)]
        [bool] $SoftLimit,

        [Parameter(ValueFromPipelineByPropertyName = $true)]
        [uint32[]] $Threshold,

        [Parameter(ValueFromPipelineByPropertyName = $true)]
        [AllowEmptyString()]
        [string] $Description,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'New-FreeholdQuotaTemplate' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function Set-FreeholdQuotaTemplate {
    <#
    .SYNOPSIS
    Changes templates of folder quotas. What is not named stays.

    .DESCRIPTION
    Changes templates of folder quotas. What is not named stays.

    .PARAMETER Name
    Names of templates.

    .PARAMETER Size
    Most bytes below the folder. A number of bytes such as 10GB, or none.

    .PARAMETER SoftLimit
    What would exceed it is told, not refused.

    .PARAMETER Threshold
    Percentages of the size (1 to 250) at which somebody is told.

    .PARAMETER Description
    Description.

    .PARAMETER ApplyTo
    Which folder quotas that came from it change with it.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Set-FreeholdQuotaTemplate 'Standard 10 GB' -Size 12GB -ApplyTo Unmodified

    Quotas that are still as the template made them change with it.

    .LINK
    about_Freehold
    #>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', PositionalBinding = $false)]
    [OutputType('Freehold.QuotaTemplate')]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipelineByPropertyName = $true)]
        [ValidateNotNullOrEmpty()]
        [string[]] $Name,

        [Parameter()]
        [object] $Size,

        [Parameter()]
        [bool] $SoftLimit,

        [Parameter()]
        [uint32[]] $Threshold,

        [Parameter()]
        [AllowEmptyString()]
        [string] $Description,

        [Parameter()]
        [ValidateSet('All', 'Unmodified', 'None')]
        [string] $ApplyTo,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'Set-FreeholdQuotaTemplate' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function Remove-FreeholdQuotaTemplate {
    <#
    .SYNOPSIS
    Removes templates. Quotas that came from them stay.

    .DESCRIPTION
    Removes templates. Quotas that came from them stay.

    .PARAMETER Name
    Names of templates.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Remove-FreeholdQuotaTemplate 'Standard 10 GB'

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
        Invoke-FreeholdCommand -Name 'Remove-FreeholdQuotaTemplate' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}
