# Quotas of folders.
# Made by ../../generate.py from ../../commands and docs/openapi.json; not edited by hand.

function Get-FreeholdFolderQuota {
    <#
    .SYNOPSIS
    Gets quotas of folders.

    .DESCRIPTION
    Gets quotas of folders.

    .PARAMETER Path
    Folders below the volume's root, with wildcards. All quotas where it is left out.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Get-FreeholdFolderQuota | Where-Object Status -eq Exceeded

    .LINK
    about_Freehold
    #>
    [CmdletBinding(PositionalBinding = $false)]
    [OutputType('Freehold.FolderQuota')]
    param(
        [Parameter(Position = 0, ValueFromPipelineByPropertyName = $true)]
        [SupportsWildcards()]
        [string[]] $Path,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'Get-FreeholdFolderQuota' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function New-FreeholdFolderQuota {
    <#
    .SYNOPSIS
    Puts a quota on a folder.

    .DESCRIPTION
    Puts a quota on a folder.

    .PARAMETER Folder
    The folder: share:/folder, \\server\share\folder, or a full path on the server.

    .PARAMETER Template
    The template that the settings come from.

    .PARAMETER Size
    Most bytes below the folder. A number of bytes such as 10GB, or none.

    .PARAMETER SoftLimit
    What would exceed it is told, not refused.

    .PARAMETER Threshold
    Percentages of the size (1 to 250) at which somebody is told.

    .PARAMETER Description
    Description.

    .PARAMETER Disabled
    It counts only.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    New-FreeholdFolderQuota share:/department -Size 10GB -Threshold 85, 100

    .EXAMPLE
    New-FreeholdFolderQuota share:/department -Template 'Standard 10 GB'

    .LINK
    about_Freehold
    #>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', PositionalBinding = $false)]
    [OutputType('Freehold.FolderQuota')]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipelineByPropertyName = $true)]
        [Alias('Path')]
        [ValidateNotNullOrEmpty()]
        [string] $Folder,

        [Parameter(ValueFromPipelineByPropertyName = $true)]
        [string] $Template,

        [Parameter(ValueFromPipelineByPropertyName = $true)]
        [object] $Size,

        [Parameter(ValueFromPipelineByPropertyName = $true)]
        [bool] $SoftLimit,

        [Parameter(ValueFromPipelineByPropertyName = $true)]
        [uint32[]] $Threshold,

        [Parameter(ValueFromPipelineByPropertyName = $true)]
        [AllowEmptyString()]
        [string] $Description,

        [Parameter(ValueFromPipelineByPropertyName = $true)]
        [bool] $Disabled,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'New-FreeholdFolderQuota' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function Set-FreeholdFolderQuota {
    <#
    .SYNOPSIS
    Changes quotas of folders. What is not named stays.

    .DESCRIPTION
    Changes quotas of folders. What is not named stays.

    .PARAMETER Folder
    Folders: share:/folder, \\server\share\folder, or a full path on the server.

    .PARAMETER Template
    The template that the settings come from.

    .PARAMETER Size
    Most bytes below the folder. A number of bytes such as 10GB, or none.

    .PARAMETER SoftLimit
    What would exceed it is told, not refused.

    .PARAMETER Threshold
    Percentages of the size (1 to 250) at which somebody is told.

    .PARAMETER Description
    Description.

    .PARAMETER Disabled
    It counts only.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Set-FreeholdFolderQuota share:/department -Size 20GB

    .LINK
    about_Freehold
    #>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', PositionalBinding = $false)]
    [OutputType('Freehold.FolderQuota')]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipelineByPropertyName = $true)]
        [Alias('Path')]
        [ValidateNotNullOrEmpty()]
        [string[]] $Folder,

        [Parameter()]
        [string] $Template,

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
        [bool] $Disabled,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'Set-FreeholdFolderQuota' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function Remove-FreeholdFolderQuota {
    <#
    .SYNOPSIS
    Takes quotas of folders away. The files stay.

    .DESCRIPTION
    Takes quotas of folders away. The files stay.

    .PARAMETER Folder
    Folders: share:/folder, \\server\share\folder, or a full path on the server.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Remove-FreeholdFolderQuota share:/department

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
        Invoke-FreeholdCommand -Name 'Remove-FreeholdFolderQuota' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}
