# Quotas of folders, by the names of FSx.
# Made by ../../generate.py from ../../commands and docs/openapi.json; not edited by hand.

function New-FSxFSRMQuota {
    <#
    .SYNOPSIS
    Puts a quota on a folder.

    .DESCRIPTION
    The parameters are those of FSx for Windows File Server. A folder is share\folder, beginning with the name of a share, or
    D:\folder.

    .PARAMETER Folder
    The folder: share\folder, or D:\folder.

    .PARAMETER Size
    Most bytes below the folder. In bytes.

    .PARAMETER Template
    The template that the settings come from.

    .PARAMETER Description
    A description.

    .PARAMETER SoftLimit
    Tell what exceeds the limit; refuse nothing.

    .PARAMETER Disabled
    Count only.

    .PARAMETER ThresholdConfigurations
    Tables with ThresholdPercentage and Action; the percentages count.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    New-FSxFSRMQuota -Folder "share\department" -Size 10GB -Description "10 GB hard limit"

    .LINK
    about_Freehold
    #>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', PositionalBinding = $false)]
    [OutputType('Freehold.FSx.FsrmQuota')]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipelineByPropertyName = $true)]
        [ValidateNotNullOrEmpty()]
        [string] $Folder,

        [Parameter()]
        [object] $Size,

        [Parameter()]
        [string] $Template,

        [Parameter()]
        [AllowEmptyString()]
        [string] $Description,

        [Parameter()]
        [switch] $SoftLimit,

        [Parameter()]
        [switch] $Disabled,

        [Parameter()]
        [object[]] $ThresholdConfigurations,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'New-FSxFSRMQuota' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function Get-FSxFSRMQuota {
    <#
    .SYNOPSIS
    Gets quotas of folders, and how much is used.

    .DESCRIPTION
    The parameters are those of FSx for Windows File Server. A folder is share\folder, beginning with the name of a share, or
    D:\folder.

    .PARAMETER Folder
    The folder: share\folder, or D:\folder. All quotas where it is left out.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Get-FSxFSRMQuota

    .EXAMPLE
    Get-FSxFSRMQuota -Folder "share\department"

    .LINK
    about_Freehold
    #>
    [CmdletBinding(PositionalBinding = $false)]
    [OutputType('Freehold.FSx.FsrmQuota')]
    param(
        [Parameter(Position = 0, ValueFromPipelineByPropertyName = $true)]
        [string] $Folder,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'Get-FSxFSRMQuota' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function Remove-FSxFSRMQuota {
    <#
    .SYNOPSIS
    Removes a quota from a folder.

    .DESCRIPTION
    The parameters are those of FSx for Windows File Server. A folder is share\folder, beginning with the name of a share, or
    D:\folder.

    .PARAMETER Folder
    The folder: share\folder, or D:\folder.

    .PARAMETER PassThru
    Return the object.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Remove-FSxFSRMQuota -Folder "share\test" -PassThru

    .LINK
    about_Freehold
    #>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'High', PositionalBinding = $false)]
    [OutputType('Freehold.FSx.FsrmQuota')]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipelineByPropertyName = $true)]
        [ValidateNotNullOrEmpty()]
        [string] $Folder,

        [Parameter()]
        [switch] $PassThru,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'Remove-FSxFSRMQuota' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function Set-FSxFSRMQuota {
    <#
    .SYNOPSIS
    Changes a folder's quota. What is not named stays.

    .DESCRIPTION
    The parameters are those of FSx for Windows File Server. A folder is share\folder, beginning with the name of a share, or
    D:\folder.

    .PARAMETER Folder
    The folder: share\folder, or D:\folder.

    .PARAMETER Description
    A description.

    .PARAMETER Size
    Most bytes below the folder. In bytes.

    .PARAMETER SoftLimit
    Tell what exceeds the limit; refuse nothing.

    .PARAMETER Disabled
    Count only.

    .PARAMETER ThresholdConfigurations
    Tables with ThresholdPercentage and Action; the percentages count.

    .PARAMETER PassThru
    Return the object.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Set-FSxFSRMQuota -Folder "share\department" -Size 2GB

    .LINK
    about_Freehold
    #>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', PositionalBinding = $false)]
    [OutputType('Freehold.FSx.FsrmQuota')]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipelineByPropertyName = $true)]
        [ValidateNotNullOrEmpty()]
        [string] $Folder,

        [Parameter()]
        [AllowEmptyString()]
        [string] $Description,

        [Parameter()]
        [object] $Size,

        [Parameter()]
        [switch] $SoftLimit,

        [Parameter()]
        [switch] $Disabled,

        [Parameter()]
        [object[]] $ThresholdConfigurations,

        [Parameter()]
        [switch] $PassThru,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'Set-FSxFSRMQuota' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function Update-FSxFSRMQuota {
    <#
    .SYNOPSIS
    Gets a folder's quota: what is used is exact at all times.

    .DESCRIPTION
    The parameters are those of FSx for Windows File Server. A folder is share\folder, beginning with the name of a share, or
    D:\folder.

    .PARAMETER Folder
    The folder: share\folder, or D:\folder.

    .PARAMETER PassThru
    Return the object.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Update-FSxFSRMQuota -Folder "share\department" -PassThru

    .LINK
    about_Freehold
    #>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', PositionalBinding = $false)]
    [OutputType('Freehold.FSx.FsrmQuota')]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipelineByPropertyName = $true)]
        [ValidateNotNullOrEmpty()]
        [string] $Folder,

        [Parameter()]
        [switch] $PassThru,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'Update-FSxFSRMQuota' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function Reset-FSxFSRMQuota {
    <#
    .SYNOPSIS
    Puts the settings of a template in place of a quota's own.

    .DESCRIPTION
    The parameters are those of FSx for Windows File Server. A folder is share\folder, beginning with the name of a share, or
    D:\folder.

    .PARAMETER Folder
    The folder: share\folder, or D:\folder.

    .PARAMETER Template
    The template.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Reset-FSxFSRMQuota -Folder "share\department" -Template "1GB Hard Limit"

    .LINK
    about_Freehold
    #>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', PositionalBinding = $false)]
    [OutputType('Freehold.FSx.FsrmQuota')]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipelineByPropertyName = $true)]
        [ValidateNotNullOrEmpty()]
        [string] $Folder,

        [Parameter(Mandatory = $true)]
        [ValidateNotNullOrEmpty()]
        [string] $Template,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'Reset-FSxFSRMQuota' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function New-FSxFSRMQuotaTemplate {
    <#
    .SYNOPSIS
    Makes a template of folder quotas.

    .DESCRIPTION
    The parameters are those of FSx for Windows File Server. A folder is share\folder, beginning with the name of a share, or
    D:\folder.

    .PARAMETER Name
    Its name.

    .PARAMETER Size
    Most bytes below a folder. In bytes.

    .PARAMETER Description
    A description.

    .PARAMETER SoftLimit
    Tell what exceeds the limit; refuse nothing.

    .PARAMETER ThresholdConfigurations
    Tables with ThresholdPercentage and Action; the percentages count.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    New-FSxFSRMQuotaTemplate -Name "1GB Hard Limit" -Size 1GB

    .LINK
    about_Freehold
    #>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', PositionalBinding = $false)]
    [OutputType('Freehold.FSx.FsrmQuotaTemplate')]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipelineByPropertyName = $true)]
        [ValidateNotNullOrEmpty()]
        [string] $Name,

        [Parameter(Mandatory = $true)]
        [object] $Size,

        [Parameter()]
        [AllowEmptyString()]
        [string] $Description,

        [Parameter()]
        [switch] $SoftLimit,

        [Parameter()]
        [object[]] $ThresholdConfigurations,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'New-FSxFSRMQuotaTemplate' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function Get-FSxFSRMQuotaTemplate {
    <#
    .SYNOPSIS
    Gets templates of folder quotas.

    .DESCRIPTION
    The parameters are those of FSx for Windows File Server. A folder is share\folder, beginning with the name of a share, or
    D:\folder.

    .PARAMETER Name
    The template. All where it is left out.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Get-FSxFSRMQuotaTemplate

    .LINK
    about_Freehold
    #>
    [CmdletBinding(PositionalBinding = $false)]
    [OutputType('Freehold.FSx.FsrmQuotaTemplate')]
    param(
        [Parameter(Position = 0, ValueFromPipelineByPropertyName = $true)]
        [string] $Name,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'Get-FSxFSRMQuotaTemplate' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function Set-FSxFSRMQuotaTemplate {
    <#
    .SYNOPSIS
    Changes a template. What is not named stays.

    .DESCRIPTION
    The parameters are those of FSx for Windows File Server. A folder is share\folder, beginning with the name of a share, or
    D:\folder.

    .PARAMETER Name
    The template.

    .PARAMETER Description
    A description.

    .PARAMETER Size
    Most bytes below a folder. In bytes.

    .PARAMETER SoftLimit
    Tell what exceeds the limit; refuse nothing.

    .PARAMETER ThresholdConfigurations
    Tables with ThresholdPercentage and Action; the percentages count.

    .PARAMETER UpdateDerived
    Change all quotas that came from it, too.

    .PARAMETER UpdateDerivedMatching
    Change those quotas that are still as it made them, too.

    .PARAMETER PassThru
    Return the object.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Set-FSxFSRMQuotaTemplate -Name "1GB Hard Limit" -Size 2GB -UpdateDerived

    .LINK
    about_Freehold
    #>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', PositionalBinding = $false)]
    [OutputType('Freehold.FSx.FsrmQuotaTemplate')]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipelineByPropertyName = $true)]
        [ValidateNotNullOrEmpty()]
        [string] $Name,

        [Parameter()]
        [AllowEmptyString()]
        [string] $Description,

        [Parameter()]
        [object] $Size,

        [Parameter()]
        [switch] $SoftLimit,

        [Parameter()]
        [object[]] $ThresholdConfigurations,

        [Parameter()]
        [switch] $UpdateDerived,

        [Parameter()]
        [switch] $UpdateDerivedMatching,

        [Parameter()]
        [switch] $PassThru,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'Set-FSxFSRMQuotaTemplate' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function New-FSxFSRMAutoQuota {
    <#
    .SYNOPSIS
    Gives each subfolder of a folder a quota of a template.

    .DESCRIPTION
    The parameters are those of FSx for Windows File Server. A folder is share\folder, beginning with the name of a share, or
    D:\folder.

    .PARAMETER Folder
    The folder: share\folder, or D:\folder.

    .PARAMETER Template
    The template.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    New-FSxFSRMAutoQuota -Folder "share\department" -Template "250 MB Extended Limit"

    .LINK
    about_Freehold
    #>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', PositionalBinding = $false)]
    [OutputType('Freehold.FSx.FsrmAutoQuota')]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipelineByPropertyName = $true)]
        [ValidateNotNullOrEmpty()]
        [string] $Folder,

        [Parameter(Mandatory = $true)]
        [ValidateNotNullOrEmpty()]
        [string] $Template,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'New-FSxFSRMAutoQuota' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function Get-FSxFSRMAutoQuota {
    <#
    .SYNOPSIS
    Gets folders whose subfolders get a quota each.

    .DESCRIPTION
    The parameters are those of FSx for Windows File Server. A folder is share\folder, beginning with the name of a share, or
    D:\folder.

    .PARAMETER Folder
    The folder: share\folder, or D:\folder. All where it is left out.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Get-FSxFSRMAutoQuota

    .LINK
    about_Freehold
    #>
    [CmdletBinding(PositionalBinding = $false)]
    [OutputType('Freehold.FSx.FsrmAutoQuota')]
    param(
        [Parameter(Position = 0, ValueFromPipelineByPropertyName = $true)]
        [string] $Folder,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'Get-FSxFSRMAutoQuota' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function Remove-FSxFSRMAutoQuota {
    <#
    .SYNOPSIS
    Removes an auto quota from a folder, and the quotas that it made.

    .DESCRIPTION
    The parameters are those of FSx for Windows File Server. A folder is share\folder, beginning with the name of a share, or
    D:\folder.

    .PARAMETER Folder
    The folder: share\folder, or D:\folder.

    .PARAMETER PassThru
    Return the object.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Remove-FSxFSRMAutoQuota -Folder "share\department" -PassThru

    .LINK
    about_Freehold
    #>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'High', PositionalBinding = $false)]
    [OutputType('Freehold.FSx.FsrmAutoQuota')]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipelineByPropertyName = $true)]
        [ValidateNotNullOrEmpty()]
        [string] $Folder,

        [Parameter()]
        [switch] $PassThru,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'Remove-FSxFSRMAutoQuota' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function Set-FSxFSRMAutoQuota {
    <#
    .SYNOPSIS
    Changes an auto quota. What is not named stays.

    .DESCRIPTION
    The parameters are those of FSx for Windows File Server. A folder is share\folder, beginning with the name of a share, or
    D:\folder.

    .PARAMETER Folder
    The folder: share\folder, or D:\folder.

    .PARAMETER Template
    The template.

    .PARAMETER Disabled
    New subfolders get no quota for the time being.

    .PARAMETER UpdateDerived
    Change all quotas that came from it, too.

    .PARAMETER UpdateDerivedMatching
    Change those quotas that are still as it made them, too.

    .PARAMETER PassThru
    Return the object.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Set-FSxFSRMAutoQuota -Folder "share\department" -Disabled: $true -UpdateDerived

    .LINK
    about_Freehold
    #>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', PositionalBinding = $false)]
    [OutputType('Freehold.FSx.FsrmAutoQuota')]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipelineByPropertyName = $true)]
        [ValidateNotNullOrEmpty()]
        [string] $Folder,

        [Parameter()]
        [string] $Template,

        [Parameter()]
        [switch] $Disabled,

        [Parameter()]
        [switch] $UpdateDerived,

        [Parameter()]
        [switch] $UpdateDerivedMatching,

        [Parameter()]
        [switch] $PassThru,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'Set-FSxFSRMAutoQuota' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}

function Update-FSxFSRMAutoQuota {
    <#
    .SYNOPSIS
    Gets an auto quota: what is used is exact at all times.

    .DESCRIPTION
    The parameters are those of FSx for Windows File Server. A folder is share\folder, beginning with the name of a share, or
    D:\folder.

    .PARAMETER Folder
    The folder: share\folder, or D:\folder.

    .PARAMETER PassThru
    Return the object.

    .PARAMETER Connection
    A connection of Connect-FreeholdServer -PassThru, in place of the session's.

    .EXAMPLE
    Update-FSxFSRMAutoQuota -Folder "share\department" -PassThru

    .LINK
    about_Freehold
    #>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', PositionalBinding = $false)]
    [OutputType('Freehold.FSx.FsrmAutoQuota')]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipelineByPropertyName = $true)]
        [ValidateNotNullOrEmpty()]
        [string] $Folder,

        [Parameter()]
        [switch] $PassThru,

        [Parameter()]
        [object] $Connection
    )
    process {
        Invoke-FreeholdCommand -Name 'Update-FSxFSRMAutoQuota' -Parameters $PSBoundParameters -Cmdlet $PSCmdlet
    }
}
