# Made by ../generate.py from ../manifest.psd1.in; not edited by hand.
@{
    RootModule = 'Freehold.psm1'
    ModuleVersion = '0.1.0'
    GUID = '5b0f3c1e-8c1d-4f4e-9a53-0a7d1d6e2f70'
    Author = 'The Freehold developers'
    CompanyName = 'The Freehold developers'
    Copyright = 'MIT or Apache-2.0'
    Description = 'Administers Freehold file servers: shares, sessions, open files, quotas, local accounts. Also under the names of Amazon FSx for Windows File Server.'
    PowerShellVersion = '5.1'
    CompatiblePSEditions = @('Desktop', 'Core')
    FormatsToProcess = @('Freehold.format.ps1xml')
    FunctionsToExport = @(
        'Add-FreeholdGroupMember'
        'Block-FSxSmbShareAccess'
        'Block-FreeholdShareAccess'
        'Close-FSxSmbOpenFile'
        'Close-FSxSmbSession'
        'Close-FreeholdOpenFile'
        'Close-FreeholdSession'
        'Connect-FreeholdServer'
        'Disconnect-FreeholdServer'
        'Export-FreeholdConfiguration'
        'Get-FSxSmbOpenFile'
        'Get-FSxSmbServerConfiguration'
        'Get-FSxSmbSession'
        'Get-FSxSmbShare'
        'Get-FSxSmbShareAccess'
        'Get-FreeholdGroup'
        'Get-FreeholdOpenFile'
        'Get-FreeholdServerConfiguration'
        'Get-FreeholdSession'
        'Get-FreeholdShare'
        'Get-FreeholdShareAccess'
        'Get-FreeholdStatus'
        'Get-FreeholdUser'
        'Grant-FSxSmbShareAccess'
        'Grant-FreeholdShareAccess'
        'Import-FreeholdConfiguration'
        'Invoke-FreeholdEndpointCommand'
        'New-FSxSmbShare'
        'New-FreeholdGroup'
        'New-FreeholdShare'
        'New-FreeholdUser'
        'Remove-FSxSmbShare'
        'Remove-FreeholdGroup'
        'Remove-FreeholdGroupMember'
        'Remove-FreeholdShare'
        'Remove-FreeholdUser'
        'Reset-FreeholdServerConfiguration'
        'Revoke-FSxSmbShareAccess'
        'Revoke-FreeholdShareAccess'
        'Set-FSxSmbServerConfiguration'
        'Set-FSxSmbShare'
        'Set-FreeholdServerConfiguration'
        'Set-FreeholdShare'
        'Set-FreeholdUser'
        'Unblock-FSxSmbShareAccess'
        'Unblock-FreeholdShareAccess'
    )
    CmdletsToExport = @()
    VariablesToExport = @()
    AliasesToExport = @()
    PrivateData = @{
        PSData = @{
            Tags = @('SMB', 'FileServer', 'Quota', 'FSx')
        }
    }
}
