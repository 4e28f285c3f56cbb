# Freehold.psm1 - administers Freehold servers from Windows PowerShell 5.1 and PowerShell 7.
#
# Private/Commands.ps1 says what each command asks of a server: method, path, where each parameter goes, what comes back.
# Private/Invoke.ps1 carries those out. The functions below Public and FSx are only parameters and help. All three are made by
# ../generate.py from ../commands and the server's OpenAPI document, and are not edited by hand.

$script:FreeholdConnection = $null

foreach ($folder in 'Private', 'Public', 'FSx') {
    $files = Get-ChildItem -LiteralPath (Join-Path -Path $PSScriptRoot -ChildPath $folder) -Filter '*.ps1'
    foreach ($file in $files) {
        . $file.FullName
    }
}

Register-FreeholdArgumentCompleter
