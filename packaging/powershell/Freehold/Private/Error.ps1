# Errors: what a server refuses becomes an error record with the server's reason, a category and the thing it is about.

function New-FreeholdError {
    param(
        [Parameter(Mandatory = $true)] [string] $Message,
        [Parameter(Mandatory = $true)] [string] $Id,
        [System.Management.Automation.ErrorCategory] $Category = 'NotSpecified',
        [object] $Target
    )
    $exception = New-Object -TypeName System.InvalidOperationException -ArgumentList $Message
    New-Object -TypeName System.Management.Automation.ErrorRecord -ArgumentList $exception, "Freehold.$Id", $Category, $Target
}

# The category that belongs to a status of HTTP.
function Get-FreeholdErrorCategory {
    param([int] $Status)
    $categories = @{
        400 = 'InvalidArgument'
        401 = 'AuthenticationError'
        403 = 'PermissionDenied'
        404 = 'ObjectNotFound'
        405 = 'NotImplemented'
        408 = 'OperationTimeout'
        409 = 'ResourceExists'
        412 = 'InvalidOperation'
        413 = 'LimitsExceeded'
        422 = 'InvalidArgument'
        429 = 'ResourceBusy'
        503 = 'ResourceUnavailable'
    }
    if ($categories.ContainsKey($Status)) {
        return $categories[$Status]
    }
    'InvalidResult'
}

# The server's reason: the detail of application/problem+json (RFC 9457), else its title, else the status alone.
function Get-FreeholdReason {
    param([int] $Status, [string] $Phrase, [string] $Text)
    $problem = $null
    if ($Text -and $Text.TrimStart().StartsWith('{')) {
        try {
            $problem = ConvertFrom-Json -InputObject $Text
        }
        catch {
            $problem = $null
        }
    }
    if ($problem -and $problem.detail) {
        return [string] $problem.detail
    }
    if ($problem -and $problem.title) {
        return [string] $problem.title
    }
    "the server answered $Status $Phrase"
}
