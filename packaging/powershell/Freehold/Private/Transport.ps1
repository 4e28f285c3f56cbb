# The two ways to a server. Both return text: the JSON that the server or the program gave.

# One request over HTTPS. A refusal is thrown as an error record. Long listings come in pages, a text each (RFC 8288).
function Send-FreeholdRequest {
    param(
        [object] $Connection,
        [string] $Method,
        [string] $PathAndQuery,
        [string] $Body,
        [object] $Target
    )
    $next = $PathAndQuery
    while ($next) {
        $answer = Send-FreeholdPage -Connection $Connection -Method $Method -PathAndQuery $next -Body $Body -Target $Target
        $answer.Text
        $next = $answer.Next
    }
}

function Send-FreeholdPage {
    param(
        [object] $Connection,
        [string] $Method,
        [string] $PathAndQuery,
        [string] $Body,
        [object] $Target
    )
    $uri = New-Object -TypeName System.Uri -ArgumentList $Connection.Server, $PathAndQuery
    $verb = New-Object -TypeName System.Net.Http.HttpMethod -ArgumentList $Method
    $request = New-Object -TypeName System.Net.Http.HttpRequestMessage -ArgumentList $verb, $uri
    $response = $null
    try {
        [void] $request.Headers.TryAddWithoutValidation('Accept', 'application/json, application/problem+json')
        if ($Connection.Token) {
            $secret = (New-Object -TypeName System.Net.NetworkCredential -ArgumentList '', $Connection.Token).Password
            $request.Headers.Authorization = New-Object -TypeName System.Net.Http.Headers.AuthenticationHeaderValue -ArgumentList 'Bearer', $secret
        }
        if ($Body) {
            $request.Content = New-Object -TypeName System.Net.Http.StringContent -ArgumentList $Body, ([System.Text.Encoding]::UTF8), 'application/json'
        }
        try {
            $response = $Connection.Client.SendAsync($request).GetAwaiter().GetResult()
            $text = ''
            if ($response.Content) {
                $bytes = $response.Content.ReadAsByteArrayAsync().GetAwaiter().GetResult()
                $text = [System.Text.Encoding]::UTF8.GetString($bytes)
            }
        }
        catch {
            $reason = $_.Exception.GetBaseException().Message
            throw (New-FreeholdError -Message "$($Connection.Server) does not answer: $reason" -Id 'NoAnswer' -Category 'ConnectionError' -Target $Target)
        }
        $status = [int] $response.StatusCode
        if ($status -lt 200 -or $status -ge 300) {
            $reason = Get-FreeholdReason -Status $status -Phrase $response.ReasonPhrase -Text $text
            throw (New-FreeholdError -Message $reason -Id "Http$status" -Category (Get-FreeholdErrorCategory -Status $status) -Target $Target)
        }
        $next = ''
        $links = $null
        if ($response.Headers.TryGetValues('Link', [ref] $links) -and ($links -join ', ') -match '<(/[^>]*)>; *rel="?next"?') {
            $next = $Matches[1]
        }
        @{ Text = $text; Next = $next }
    }
    finally {
        if ($response) {
            $response.Dispose()
        }
        $request.Dispose()
    }
}

# One run of the local program. Its exit status 1 is a refusal, with the reason on its standard error.
function Invoke-FreeholdProgram {
    param(
        [object] $Connection,
        [string[]] $Arguments,
        [string] $StandardInput,
        [object] $Target
    )
    $start = New-Object -TypeName System.Diagnostics.ProcessStartInfo -ArgumentList $Connection.Program
    $start.UseShellExecute = $false
    $start.RedirectStandardInput = $true
    $start.RedirectStandardOutput = $true
    $start.RedirectStandardError = $true
    $start.StandardOutputEncoding = [System.Text.Encoding]::UTF8
    $start.StandardErrorEncoding = [System.Text.Encoding]::UTF8
    if ($Connection.ConfigurationFile) {
        $start.ArgumentList.Add("--config=$($Connection.ConfigurationFile)")
    }
    foreach ($argument in $Arguments) {
        $start.ArgumentList.Add($argument)
    }
    try {
        $process = [System.Diagnostics.Process]::Start($start)
    }
    catch {
        throw (New-FreeholdError -Message "$($Connection.Program) cannot be run: $($_.Exception.GetBaseException().Message); install it, or say which server with Connect-FreeholdServer" -Id 'NoProgram' -Category 'ObjectNotFound' -Target $Connection.Program)
    }
    try {
        $output = $process.StandardOutput.ReadToEndAsync()
        $errors = $process.StandardError.ReadToEndAsync()
        if ($StandardInput) {
            $process.StandardInput.WriteLine($StandardInput)
        }
        $process.StandardInput.Close()
        $process.WaitForExit()
        $text = $output.GetAwaiter().GetResult()
        $reason = $errors.GetAwaiter().GetResult().Trim() -replace '^error: ', ''
        if ($process.ExitCode -eq 0) {
            return $text
        }
        $category = 'InvalidOperation'
        if ($process.ExitCode -eq 2) {
            $category = 'InvalidArgument'
        }
        throw (New-FreeholdError -Message $reason -Id "Exit$($process.ExitCode)" -Category $category -Target $Target)
    }
    finally {
        $process.Dispose()
    }
}
