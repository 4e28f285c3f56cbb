# Argument completion: names of shares, volumes, accounts, groups, templates, as the server has them now.

function Get-FreeholdCompletion {
    param([string] $Command, [string] $Property, [string] $Word)
    $known = $script:FreeholdCommands[$Command]
    $pattern = [System.Management.Automation.WildcardPattern]::Escape($Word.Trim('''"')) + '*'
    try {
        $connection = Get-FreeholdCurrentConnection
        $text = Send-FreeholdCommand -Command $known -Parameters @{} -Connection $connection
        $rows = @(foreach ($page in $text) { ConvertFrom-Json -InputObject $page })
        if ($Property -eq 'Volumes') {
            $names = @($rows.Volumes | ForEach-Object { $_.Name })
        }
        else {
            $names = @($rows | ForEach-Object { $_ } | ForEach-Object { $_.$Property })
        }
    }
    catch {
        # No server, no completion: the command itself will say why.
        return
    }
    foreach ($name in ($names | Where-Object { $_ -like $pattern } | Sort-Object -Unique)) {
        $quoted = $name
        if ($name -match '[^\w.\-]') {
            $quoted = "'" + $name.Replace("'", "''") + "'"
        }
        New-Object -TypeName System.Management.Automation.CompletionResult -ArgumentList $quoted, $name, 'ParameterValue', $name
    }
}

function Register-FreeholdArgumentCompleter {
    foreach ($completer in $script:FreeholdCompleters) {
        $block = [scriptblock]::Create(@"
param(`$commandName, `$parameterName, `$wordToComplete, `$commandAst, `$fakeBoundParameters)
Get-FreeholdCompletion -Command '$($completer.From)' -Property '$($completer.Property)' -Word `$wordToComplete
"@)
        # Bound to this module, so that it sees the module's own functions.
        $bound = $ExecutionContext.SessionState.Module.NewBoundScriptBlock($block)
        Register-ArgumentCompleter -CommandName $completer.Commands -ParameterName $completer.Parameter -ScriptBlock $bound
    }
}
