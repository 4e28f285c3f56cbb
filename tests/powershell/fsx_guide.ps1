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

# quotas of users
$QuotaLimit = 100GB
$QuotaWarningLimit = 90GB
Invoke-Command -ComputerName $FSxWindowsRemotePowerShellEndpoint -ConfigurationName FSxRemoteAdmin -ScriptBlock { Enable-FSxUserQuotas -Track -DefaultLimit $Using:QuotaLimit -DefaultWarningLimit $Using:QuotaWarningLimit }
Invoke-Command -ComputerName $FSxWindowsRemotePowerShellEndpoint -ConfigurationName FSxRemoteAdmin -ScriptBlock { Enable-FSxUserQuotas -Enforce -DefaultLimit $Using:QuotaLimit -DefaultWarningLimit $Using:QuotaWarningLimit }
Set-FSxUserQuotas -Domain "corp.example.com" -Name "user1" -Limit 60000 -WarningLimit 40000
Get-FSxUserQuotaSettings
Get-FSxUserQuotaEntries
Disable-FSxUserQuotas

# quotas of folders
New-FSxFSRMQuota -Folder "share\test" -Size 5GB
$thresholds = [System.Collections.ArrayList]@()
$warning = @{
    ThresholdPercentage = 75
    Action = @(
        @{
            ActionType = "Event"
            EventType = "Warning"
            MessageBody = "Quota usage has reached 75%"
        }
    )
}
$null = $thresholds.Add($warning)
Invoke-Command -ComputerName $FSxWindowsRemotePowerShellEndpoint -ConfigurationName FSxRemoteAdmin -ArgumentList ($thresholds) -ScriptBlock {
    param($thresholds)
    New-FSxFSRMQuota -Folder "share/test" -Size 1GB -Description "Test quota" -SoftLimit -ThresholdConfigurations $Using:thresholds
}
Get-FSxFSRMQuota
Get-FSxFSRMQuota -Folder "share\department"
Set-FSxFSRMQuota -Folder "share\department" -Size 2GB -Description "Updated quota for department share"
Set-FSxFSRMQuota -Folder "share\department" -Disabled: $true
Update-FSxFSRMQuota -Folder "share\department" -PassThru
Reset-FSxFSRMQuota -Folder "share\department" -Template "1GB Hard Limit"
Remove-FSxFSRMQuota -Folder "share\test" -PassThru

# templates
New-FSxFSRMQuotaTemplate -Name "1GB Hard Limit" -Size 1GB -Description "Standard 1GB hard limit template"
New-FSxFSRMQuotaTemplate -Name "5GB Soft Limit" -Size 5GB -Description "5GB soft limit with 90% warning" -SoftLimit -ThresholdConfigurations $thresholds
Get-FSxFSRMQuotaTemplate
Get-FSxFSRMQuotaTemplate -Name "1GB Hard Limit"
Set-FSxFSRMQuotaTemplate -Name "5GB Soft Limit" -Size 10GB -Description "Updated to 10GB soft limit"
Set-FSxFSRMQuotaTemplate -Name "1GB Hard Limit" -Size 2GB -UpdateDerived
Set-FSxFSRMQuotaTemplate -Name "1GB Hard Limit" -Size 2GB -UpdateDerivedMatching -PassThru

# auto apply quotas
New-FSxFSRMAutoQuota -Folder "share\department" -Template "250 MB Extended Limit"
Get-FSxFSRMAutoQuota
Set-FSxFSRMAutoQuota -Folder "share\department" -Template "100 MB Limit"
Set-FSxFSRMAutoQuota -Folder "share\department" -Disabled: $true -UpdateDerived
Update-FSxFSRMAutoQuota -Folder "share\department" -PassThru
Remove-FSxFSRMAutoQuota -Folder "share\department" -PassThru
