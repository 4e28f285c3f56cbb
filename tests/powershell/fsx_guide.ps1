# Command lines as FSx for Windows File Server's user guide has them: what a script written for FSx says. They are read by a
# grammar, and their commands and parameters looked for in the module (case_grammar.py).

$FSxWindowsRemotePowerShellEndpoint = "amznfsx0123abcd.corp.example.com"

# shares
New-FSxSmbShare -Name "New CA Share" -Path "D:\share" -Description "CA share" -ContinuouslyAvailable $True
New-FSxSmbShare -Name "SQLDB" -Path "D:\share" -Description "SQL Databases Share" -ContinuouslyAvailable $true -FolderEnumerationMode AccessBased -EncryptData $true
Invoke-Command -ComputerName $FSxWindowsRemotePowerShellEndpoint -ConfigurationName FSxRemoteAdmin -ScriptBlock {
    New-FSxSmbShare -Name $Using:ShareName -Path "D:\share" -Description "MyNewShare" -Credential $Using:Credential
    Get-FSxSmbShare -Name $Using:ShareName
    Set-FSxSmbShare -Name $Using:ShareName -CachingMode Documents -ConcurrentUserLimit 20 -Force
    Remove-FSxSmbShare -Name $Using:ShareName -Confirm:$False
}
Grant-FSxSmbShareAccess -Name share -AccountName "CORP\Engineering", "CORP\Admin" -AccessRight Full -Force
Revoke-FSxSmbShareAccess -Name share -AccountName "Everyone" -Force
Block-FSxSmbShareAccess -Name share -AccountName "CORP\Interns" -Force
Unblock-FSxSmbShareAccess -Name share -AccountName "CORP\Interns" -Confirm:$false
Get-FSxSmbShareAccess -Name share

# encryption in transit
Invoke-Command -ComputerName $FSxWindowsRemotePowerShellEndpoint -ConfigurationName FSxRemoteAdmin -ScriptBlock { Set-FsxSmbServerConfiguration -EncryptData $True -RejectUnencryptedAccess $True -Confirm:$False }
Invoke-Command -ComputerName $FSxWindowsRemotePowerShellEndpoint -ConfigurationName FSxRemoteAdmin -ScriptBlock { Get-FSxSmbServerConfiguration }

# sessions and open files
Invoke-Command -ComputerName $FSxWindowsRemotePowerShellEndpoint -ConfigurationName FSxRemoteAdmin -ScriptBlock { Get-FSxSmbSession }
Invoke-Command -ComputerName $FSxWindowsRemotePowerShellEndpoint -ConfigurationName FSxRemoteAdmin -ScriptBlock { Close-FSxSmbSession -Confirm:$False }
Invoke-Command -ComputerName $FSxWindowsRemotePowerShellEndpoint -ConfigurationName FSxRemoteAdmin -ScriptBlock { Get-FSxSmbOpenFile }
Invoke-Command -ComputerName $FSxWindowsRemotePowerShellEndpoint -ConfigurationName FSxRemoteAdmin -ScriptBlock { Close-FSxSmbOpenFile -Confirm:$false }
Close-FSxSmbSession -SessionId 4415226380297 -Force
Close-FSxSmbOpenFile -FileId 4415226382229 -SessionId 4415226380297 -ClientUserName "CORP\anna" -ClientComputerName "10.0.0.8"
