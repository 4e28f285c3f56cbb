# Folders whose subfolders get a quota each.
# Made by ../../generate.py from ../../commands and docs/openapi.json; not edited by hand.

function Get-FreeholdAutoQuota {
    <#
    .SYNOPSIS
    Gets folders whose subfolders get a quota each.

    .DESCRIPTION
    Gets folders whose subfolders get a quota each.

    .PARAMETER Path
    Folders below the volume's root, with wildcards. All where it is left out.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Get-FreeholdAutoQuota

    .LINK
    about_Freehold
    #>
    [CmdletBinding(PositionalBinding = $false)]
    [OutputType('Freehold.AutoQuota')]
    param(
        [Parameter(Position = 0, ValueFromPipelineByPropertyName = $true)]
        [SupportsWildcards()]
        [string[]] $Path,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'Get-FreeholdAutoQuota' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function New-FreeholdAutoQuota {
    <#
    .SYNOPSIS
    Gives each subfolder that a folder has or gets a quota of a template.

    .DESCRIPTION
    Gives each subfolder that a folder has or gets a quota of a template.

    .PARAMETER Folder
    The folder: share:/folder, \\server\share\folder, or a full path on the server.

    .PARAMETER Template
    The template.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    New-FreeholdAutoQuota share:/homes -Template 'Standard 10 GB'

    .LINK
    about_Freehold
    #>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', PositionalBinding = $false)]
    [OutputType('Freehold.AutoQuota')]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipelineByPropertyName = $true)]
        [Alias('Path')]
        [ValidateNotNullOrEmpty()]
        [string] $Folder,

        [Parameter(Mandatory = $true, ValueFromPipelineByPropertyName = $true)]
        [ValidateNotNullOrEmpty()]
        [string] $Template,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'New-FreeholdAutoQuota' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function Set-FreeholdAutoQuota {
    <#
    .SYNOPSIS
    Changes auto quotas. What is not named stays.

    .DESCRIPTION
    Changes auto quotas. What is not named stays.

    .PARAMETER Folder
    Folders: share:/folder, \\server\share\folder, or a full path on the server.

    .PARAMETER Template
    Another template.

    .PARAMETER Disabled
    New subfolders get no quota for the time being.

    .PARAMETER ApplyTo
    Which folder quotas that came from it change with it.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Set-FreeholdAutoQuota share:/homes -Template 'Standard 20 GB' -ApplyTo All

    .LINK
    about_Freehold
    #>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', PositionalBinding = $false)]
    [OutputType('Freehold.AutoQuota')]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipelineByPropertyName = $true)]
        [Alias('Path')]
        [ValidateNotNullOrEmpty()]
        [string[]] $Folder,

        [Parameter()]
        [string] $Template,

        [Parameter()]
        [bool] $Disabled,

        [Parameter()]
        [ValidateSet('All', 'Unmodified', 'None')]
        [string] $ApplyTo,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'Set-FreeholdAutoQuota' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function Remove-FreeholdAutoQuota {
    <#
    .SYNOPSIS
    New subfolders get no quota any more; the quotas that it made go.

    .DESCRIPTION
    New subfolders get no quota any more; the quotas that it made go.

    .PARAMETER Folder
    Folders: share:/folder, \\server\share\folder, or a full path on the server.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Remove-FreeholdAutoQuota share:/homes

    .LINK
    about_Freehold
    #>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'High', PositionalBinding = $false)]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipelineByPropertyName = $true)]
        [Alias('Path')]
        [ValidateNotNullOrEmpty()]
        [string[]] $Folder,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'Remove-FreeholdAutoQuota' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}
