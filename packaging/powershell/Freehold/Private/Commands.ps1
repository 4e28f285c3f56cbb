# What each command asks of a server. The keys are explained in Invoke.ps1.
# Made by ../../generate.py from ../../commands and docs/openapi.json; not edited by hand.

$script:FreeholdPort = 8445

$script:FreeholdCommands = @{
    'Get-FreeholdShare' = [ordered] @{
        'Method' = 'GET'
        'Path' = '/v1/shares'
        'Output' = 'Freehold.Share'
        'Filter' = [ordered] @{
            'Name' = 'Name'
        }
        'Program' = @('share', 'list', '-o', 'json')
    }
    'New-FreeholdShare' = [ordered] @{
        'Method' = 'POST'
        'Path' = '/v1/shares'
        'Body' = [ordered] @{
            'Name' = 'Name'
            'Volume' = 'Volume'
            'Path' = 'Path'
            'Description' = 'Description'
            'FolderEnumerationMode' = 'FolderEnumerationMode'
            'CachingMode' = 'CachingMode'
            'EncryptData' = 'EncryptData'
            'ContinuouslyAvailable' = 'ContinuouslyAvailable'
            'CATimeout' = 'CATimeout'
            'ConcurrentUserLimit' = 'ConcurrentUserLimit'
            'Audit' = 'Audit'
            'SecurityDescriptor' = 'SecurityDescriptor'
            'FullAccess' = 'FullAccess'
            'ChangeAccess' = 'ChangeAccess'
            'ReadAccess' = 'ReadAccess'
            'NoAccess' = 'NoAccess'
        }
        'Convert' = [ordered] @{
            'Path' = 'VolumePath'
        }
        'OptionConvert' = [ordered] @{
            'FolderEnumerationMode' = 'AccessBased'
            'Audit' = 'Lower'
        }
        'Volume' = $true
        'Target' = '{Name}'
        'Action' = 'Make the share'
        'Then' = 'Get-FreeholdShare'
        'Key' = [ordered] @{
            'Name' = '{Name}'
        }
        'Output' = 'Freehold.Share'
        'Program' = @('share', 'add', '{Name}')
        'Options' = [ordered] @{
            'Volume' = '--volume='
            'Path' = '--path='
            'Description' = '--description='
            'FolderEnumerationMode' = '--access-based-enumeration'
            'CachingMode' = '--caching-mode='
            'EncryptData' = '--encrypt-data'
            'ContinuouslyAvailable' = '--continuously-available'
            'CATimeout' = '--ca-timeout='
            'ConcurrentUserLimit' = '--concurrent-user-limit='
            'Audit' = '--audit='
            'SecurityDescriptor' = '--security-descriptor='
            'FullAccess' = '--full-access='
            'ChangeAccess' = '--change-access='
            'ReadAccess' = '--read-access='
            'NoAccess' = '--no-access='
        }
    }
    'Set-FreeholdShare' = [ordered] @{
        'Method' = 'PATCH'
        'Path' = '/v1/shares/{Name}'
        'Body' = [ordered] @{
            'Volume' = 'Volume'
            'Path' = 'Path'
            'Description' = 'Description'
            'FolderEnumerationMode' = 'FolderEnumerationMode'
            'CachingMode' = 'CachingMode'
            'EncryptData' = 'EncryptData'
            'ContinuouslyAvailable' = 'ContinuouslyAvailable'
            'CATimeout' = 'CATimeout'
            'ConcurrentUserLimit' = 'ConcurrentUserLimit'
            'Audit' = 'Audit'
            'SecurityDescriptor' = 'SecurityDescriptor'
        }
        'Convert' = [ordered] @{
            'Path' = 'VolumePath'
        }
        'OptionConvert' = [ordered] @{
            'FolderEnumerationMode' = 'AccessBased'
            'Audit' = 'Lower'
        }
        'Each' = 'Name'
        'Target' = '{Name}'
        'Action' = 'Change the share'
        'Then' = 'Get-FreeholdShare'
        'Key' = [ordered] @{
            'Name' = '{Name}'
        }
        'PassThru' = $true
        'Output' = 'Freehold.Share'
        'Program' = @('share', 'set', '{Name}')
        'Options' = [ordered] @{
            'Volume' = '--volume='
            'Path' = '--path='
            'Description' = '--description='
            'FolderEnumerationMode' = '--access-based-enumeration='
            'CachingMode' = '--caching-mode='
            'EncryptData' = '--encrypt-data='
            'ContinuouslyAvailable' = '--continuously-available='
            'CATimeout' = '--ca-timeout='
            'ConcurrentUserLimit' = '--concurrent-user-limit='
            'Audit' = '--audit='
            'SecurityDescriptor' = '--security-descriptor='
        }
    }
    'Remove-FreeholdShare' = [ordered] @{
        'Method' = 'DELETE'
        'Path' = '/v1/shares/{Name}'
        'Each' = 'Name'
        'Target' = '{Name}'
        'Action' = 'Remove the share'
        'Program' = @('share', 'remove', '{Name}', '--force')
    }
    'Get-FreeholdShareAccess' = [ordered] @{
        'Method' = 'GET'
        'Path' = '/v1/shares/{Name}/access'
        'Each' = 'Name'
        'Output' = 'Freehold.ShareAccess'
        'Program' = @('share', 'access', '{Name}', '-o', 'json')
    }
    'Grant-FreeholdShareAccess' = [ordered] @{
        'Method' = 'POST'
        'Path' = '/v1/shares/{Name}/access'
        'Body' = [ordered] @{
            'AccountName' = 'Account'
            'AccessRight' = 'Right'
        }
        'OptionConvert' = [ordered] @{
            'AccessRight' = 'Lower'
        }
        'Each' = 'AccountName'
        'Target' = '{Name}, {AccountName}'
        'Action' = 'Grant access'
        'Then' = 'Get-FreeholdShareAccess'
        'Key' = [ordered] @{
            'Name' = '{Name}'
        }
        'PassThru' = $true
        'Output' = 'Freehold.ShareAccess'
        'Program' = @('share', 'grant', '{Name}', '{AccountName}', '{AccessRight}')
    }
    'Revoke-FreeholdShareAccess' = [ordered] @{
        'Method' = 'DELETE'
        'Path' = '/v1/shares/{Name}/access/{AccountName}'
        'Each' = 'AccountName'
        'Target' = '{Name}, {AccountName}'
        'Action' = 'Revoke access'
        'Then' = 'Get-FreeholdShareAccess'
        'Key' = [ordered] @{
            'Name' = '{Name}'
        }
        'PassThru' = $true
        'Output' = 'Freehold.ShareAccess'
        'Program' = @('share', 'revoke', '{Name}', '{AccountName}')
    }
    'Block-FreeholdShareAccess' = [ordered] @{
        'Method' = 'POST'
        'Path' = '/v1/shares/{Name}/block'
        'Body' = [ordered] @{
            'AccountName' = 'Account'
        }
        'Each' = 'AccountName'
        'Target' = '{Name}, {AccountName}'
        'Action' = 'Block access'
        'Then' = 'Get-FreeholdShareAccess'
        'Key' = [ordered] @{
            'Name' = '{Name}'
        }
        'PassThru' = $true
        'Output' = 'Freehold.ShareAccess'
        'Program' = @('share', 'block', '{Name}', '{AccountName}')
    }
    'Unblock-FreeholdShareAccess' = [ordered] @{
        'Method' = 'DELETE'
        'Path' = '/v1/shares/{Name}/block/{AccountName}'
        'Each' = 'AccountName'
        'Target' = '{Name}, {AccountName}'
        'Action' = 'Unblock access'
        'Then' = 'Get-FreeholdShareAccess'
        'Key' = [ordered] @{
            'Name' = '{Name}'
        }
        'PassThru' = $true
        'Output' = 'Freehold.ShareAccess'
        'Program' = @('share', 'unblock', '{Name}', '{AccountName}')
    }
    'Get-FreeholdStatus' = [ordered] @{
        'Method' = 'GET'
        'Path' = '/v1/status'
        'Output' = 'Freehold.Status'
        'Program' = @('status', '-o', 'json')
    }
    'Get-FreeholdServerConfiguration' = [ordered] @{
        'Method' = 'GET'
        'Path' = '/v1/server'
        'Output' = 'Freehold.ServerConfiguration'
        'Program' = @('server', 'show', '-o', 'json')
    }
    'Set-FreeholdServerConfiguration' = [ordered] @{
        'Method' = 'PATCH'
        'Path' = '/v1/server'
        'Body' = [ordered] @{
            'EncryptData' = 'EncryptData'
            'RejectUnencryptedAccess' = 'RejectUnencryptedAccess'
        }
        'Target' = 'the server'
        'Action' = 'Change the configuration'
        'Then' = 'Get-FreeholdServerConfiguration'
        'PassThru' = $true
        'Output' = 'Freehold.ServerConfiguration'
        'Program' = @('server', 'set')
        'Options' = [ordered] @{
            'EncryptData' = '--encrypt-data='
            'RejectUnencryptedAccess' = '--reject-unencrypted-access='
        }
    }
    'Reset-FreeholdServerConfiguration' = [ordered] @{
        'Method' = 'DELETE'
        'Path' = '/v1/server'
        'Target' = 'the server'
        'Action' = 'Take back the configuration'
        'Program' = @('server', 'reset')
    }
    'Get-FreeholdSession' = [ordered] @{
        'Method' = 'GET'
        'Path' = '/v1/sessions'
        'Output' = 'Freehold.Session'
        'Filter' = [ordered] @{
            'SessionId' = 'SessionId'
            'ClientComputerName' = 'ClientComputerName'
            'ClientUserName' = 'ClientUserName'
        }
        'Program' = @('session', 'list', '-o', 'json')
    }
    'Close-FreeholdSession' = [ordered] @{
        'Method' = 'DELETE'
        'Path' = '/v1/sessions/{SessionId}'
        'Each' = 'SessionId'
        'Target' = '{SessionId}'
        'Action' = 'End the session'
        'From' = 'Get-FreeholdSession'
        'Program' = @('session', 'close', '{SessionId}', '--force')
    }
    'Get-FreeholdOpenFile' = [ordered] @{
        'Method' = 'GET'
        'Path' = '/v1/open-files'
        'Output' = 'Freehold.OpenFile'
        'Filter' = [ordered] @{
            'FileId' = 'FileId'
            'SessionId' = 'SessionId'
            'ClientComputerName' = 'ClientComputerName'
            'ClientUserName' = 'ClientUserName'
            'ShareRelativePath' = 'ShareRelativePath'
        }
        'Program' = @('openfile', 'list', '-o', 'json')
    }
    'Close-FreeholdOpenFile' = [ordered] @{
        'Method' = 'DELETE'
        'Path' = '/v1/open-files/{FileId}'
        'Each' = 'FileId'
        'Target' = '{FileId}'
        'Action' = 'Close the open file'
        'From' = 'Get-FreeholdOpenFile'
        'Program' = @('openfile', 'close', '{FileId}', '--force')
    }
    'Get-FreeholdUser' = [ordered] @{
        'Method' = 'GET'
        'Path' = '/v1/users'
        'Output' = 'Freehold.User'
        'Filter' = [ordered] @{
            'Name' = 'Name'
        }
        'Program' = @('user', 'list', '-o', 'json')
    }
    'New-FreeholdUser' = [ordered] @{
        'Method' = 'POST'
        'Path' = '/v1/users'
        'Body' = [ordered] @{
            'Name' = 'Name'
            'Password' = 'Password'
            'FullName' = 'FullName'
            'Comment' = 'Comment'
            'Group' = 'Groups'
            'Disabled' = 'Disabled'
        }
        'Convert' = [ordered] @{
            'Password' = 'Secret'
        }
        'Target' = '{Name}'
        'Action' = 'Make the account'
        'Then' = 'Get-FreeholdUser'
        'Key' = [ordered] @{
            'Name' = '{Name}'
        }
        'Output' = 'Freehold.User'
        'Program' = @('user', 'add', '{Name}', '--password-stdin')
        'Options' = [ordered] @{
            'FullName' = '--full-name='
            'Comment' = '--comment='
            'Group' = '--group='
            'Disabled' = '--disabled'
        }
        'Secret' = 'Password'
    }
    'Set-FreeholdUser' = [ordered] @{
        'Method' = 'PATCH'
        'Path' = '/v1/users/{Name}'
        'Body' = [ordered] @{
            'Password' = 'Password'
            'Disabled' = 'Disabled'
            'FullName' = 'FullName'
            'Comment' = 'Comment'
        }
        'Convert' = [ordered] @{
            'Password' = 'Secret'
        }
        'Each' = 'Name'
        'Target' = '{Name}'
        'Action' = 'Change the account'
        'Then' = 'Get-FreeholdUser'
        'Key' = [ordered] @{
            'Name' = '{Name}'
        }
        'PassThru' = $true
        'Output' = 'Freehold.User'
    }
    'Remove-FreeholdUser' = [ordered] @{
        'Method' = 'DELETE'
        'Path' = '/v1/users/{Name}'
        'Each' = 'Name'
        'Target' = '{Name}'
        'Action' = 'Remove the account'
        'Program' = @('user', 'remove', '{Name}', '--force')
    }
    'Get-FreeholdGroup' = [ordered] @{
        'Method' = 'GET'
        'Path' = '/v1/groups'
        'Output' = 'Freehold.Group'
        'Filter' = [ordered] @{
            'Name' = 'Name'
        }
        'Program' = @('group', 'list', '-o', 'json')
    }
    'New-FreeholdGroup' = [ordered] @{
        'Method' = 'POST'
        'Path' = '/v1/groups'
        'Body' = [ordered] @{
            'Name' = 'Name'
            'Comment' = 'Comment'
        }
        'Target' = '{Name}'
        'Action' = 'Make the group'
        'Then' = 'Get-FreeholdGroup'
        'Key' = [ordered] @{
            'Name' = '{Name}'
        }
        'Output' = 'Freehold.Group'
        'Program' = @('group', 'add', '{Name}')
        'Options' = [ordered] @{
            'Comment' = '--comment='
        }
    }
    'Set-FreeholdGroup' = [ordered] @{
        'Method' = 'PATCH'
        'Path' = '/v1/groups/{Name}'
        'Body' = [ordered] @{
            'Comment' = 'Comment'
        }
        'Each' = 'Name'
        'Target' = '{Name}'
        'Action' = 'Change the group'
        'Then' = 'Get-FreeholdGroup'
        'Key' = [ordered] @{
            'Name' = '{Name}'
        }
        'PassThru' = $true
        'Output' = 'Freehold.Group'
        'Program' = @('group', 'set', '{Name}')
        'Options' = [ordered] @{
            'Comment' = '--comment='
        }
    }
    'Remove-FreeholdGroup' = [ordered] @{
        'Method' = 'DELETE'
        'Path' = '/v1/groups/{Name}'
        'Each' = 'Name'
        'Target' = '{Name}'
        'Action' = 'Remove the group'
        'Program' = @('group', 'remove', '{Name}', '--force')
    }
    'Add-FreeholdGroupMember' = [ordered] @{
        'Method' = 'PUT'
        'Path' = '/v1/groups/{Name}/members/{Member}'
        'Each' = 'Member'
        'Target' = '{Name}, {Member}'
        'Action' = 'Add the member'
        'Program' = @('group', 'add-member', '{Name}', '{Member}')
    }
    'Remove-FreeholdGroupMember' = [ordered] @{
        'Method' = 'DELETE'
        'Path' = '/v1/groups/{Name}/members/{Member}'
        'Each' = 'Member'
        'Target' = '{Name}, {Member}'
        'Action' = 'Remove the member'
        'Program' = @('group', 'remove-member', '{Name}', '{Member}')
    }
    'Export-FreeholdConfiguration' = [ordered] @{
        'Method' = 'GET'
        'Path' = '/v1/declaration'
        'Output' = 'Freehold.Configuration'
        'Program' = @('export', '-o', 'json')
    }
    'Import-FreeholdConfiguration' = [ordered] @{
        'Method' = 'PUT'
        'Path' = '/v1/declaration'
        'Body' = [ordered] @{
            'Declaration' = 'Declaration'
            'Prune' = 'Prune'
            'Plan' = 'WhatIf'
        }
        'Convert' = [ordered] @{
            'Declaration' = 'Json'
        }
        'Target' = 'the server'
        'Action' = 'Apply the declaration'
        'Output' = 'Freehold.Change'
        'Program' = @('apply', '-', '-o', 'json')
        'Options' = [ordered] @{
            'Prune' = '--prune'
            'Plan' = '--what-if'
        }
        'Secret' = 'Declaration'
    }
    'Get-FreeholdUserQuotaSettings' = [ordered] @{
        'Method' = 'GET'
        'Path' = '/v1/quotas/{Volume}'
        'Volume' = $true
        'Output' = 'Freehold.UserQuotaSettings'
        'Program' = @('quota', 'settings', '{Volume}', '-o', 'json')
    }
    'Set-FreeholdUserQuotaSettings' = [ordered] @{
        'Method' = 'PATCH'
        'Path' = '/v1/quotas/{Volume}'
        'Body' = [ordered] @{
            'DefaultLimit' = 'Settings.DefaultLimit'
            'DefaultWarningLimit' = 'Settings.DefaultWarningLimit'
            'RecordWarning' = 'Settings.RecordWarning'
            'RecordLimit' = 'Settings.RecordLimit'
        }
        'Convert' = [ordered] @{
            'DefaultLimit' = 'Size'
            'DefaultWarningLimit' = 'Size'
        }
        'Volume' = $true
        'Target' = '{Volume}'
        'Action' = 'Change the treatment of quotas'
        'PassThru' = $true
        'Output' = 'Freehold.UserQuotaSettings'
        'Program' = @('quota', 'default', '{Volume}', '-o', 'json')
        'Options' = [ordered] @{
            'DefaultLimit' = '--limit='
            'DefaultWarningLimit' = '--warning='
            'RecordWarning' = '--record-warning='
            'RecordLimit' = '--record-limit='
        }
    }
    'Enable-FreeholdUserQuotas' = [ordered] @{
        'Method' = 'PATCH'
        'Path' = '/v1/quotas/{Volume}'
        'Body' = [ordered] @{
            'State' = 'Settings.State'
        }
        'Volume' = $true
        'Target' = '{Volume}'
        'Action' = 'Turn quotas on'
        'PassThru' = $true
        'Output' = 'Freehold.UserQuotaSettings'
        'Program' = @('quota', 'mode', '{Volume}', '{State}', '-o', 'json')
    }
    'Disable-FreeholdUserQuotas' = [ordered] @{
        'Method' = 'PATCH'
        'Path' = '/v1/quotas/{Volume}'
        'Fixed' = [ordered] @{
            'Settings.State' = 'Off'
        }
        'Volume' = $true
        'Target' = '{Volume}'
        'Action' = 'Turn quotas off'
        'PassThru' = $true
        'Output' = 'Freehold.UserQuotaSettings'
        'Program' = @('quota', 'mode', '{Volume}', '{=off}', '-o', 'json')
    }
    'Get-FreeholdUserQuota' = [ordered] @{
        'Method' = 'GET'
        'Path' = '/v1/quotas/{Volume}/users?limit=10000'
        'Volume' = $true
        'Output' = 'Freehold.UserQuota'
        'Filter' = [ordered] @{
            'User' = 'User'
        }
        'Program' = @('quota', 'list', '{Volume}', '-o', 'json')
    }
    'Set-FreeholdUserQuota' = [ordered] @{
        'Method' = 'PUT'
        'Path' = '/v1/quotas/{Volume}/users/{User}'
        'Body' = [ordered] @{
            'Limit' = 'Limit'
            'WarningLimit' = 'WarningLimit'
        }
        'Convert' = [ordered] @{
            'Limit' = 'Size'
            'WarningLimit' = 'Size'
        }
        'Each' = 'User'
        'Volume' = $true
        'Target' = '{User}'
        'Action' = 'Set the quota'
        'PassThru' = $true
        'Output' = 'Freehold.UserQuota'
        'Program' = @('quota', 'set', '{User}', '-o', 'json')
        'Options' = [ordered] @{
            'Limit' = '--limit='
            'WarningLimit' = '--warning='
            'Volume' = '--volume='
        }
    }
    'Remove-FreeholdUserQuota' = [ordered] @{
        'Method' = 'DELETE'
        'Path' = '/v1/quotas/{Volume}/users/{User}'
        'Each' = 'User'
        'Volume' = $true
        'Target' = '{User}'
        'Action' = 'Remove the quota'
        'Program' = @('quota', 'remove', '{User}')
        'Options' = [ordered] @{
            'Volume' = '--volume='
        }
    }
    'Get-FreeholdGroupQuota' = [ordered] @{
        'Method' = 'GET'
        'Path' = '/v1/quotas/{Volume}/groups'
        'Volume' = $true
        'Output' = 'Freehold.GroupQuota'
        'Filter' = [ordered] @{
            'Group' = 'Group'
        }
        'Program' = @('quota', 'group', 'list', '{Volume}', '-o', 'json')
    }
    'Set-FreeholdGroupQuota' = [ordered] @{
        'Method' = 'PUT'
        'Path' = '/v1/quotas/{Volume}/groups/{Group}'
        'Body' = [ordered] @{
            'Limit' = 'Limit'
            'WarningLimit' = 'WarningLimit'
        }
        'Convert' = [ordered] @{
            'Limit' = 'Size'
            'WarningLimit' = 'Size'
        }
        'Each' = 'Group'
        'Volume' = $true
        'Target' = '{Group}'
        'Action' = 'Set the rule'
        'PassThru' = $true
        'Output' = 'Freehold.GroupQuota'
        'Program' = @('quota', 'group', 'set', '{Group}', '-o', 'json')
        'Options' = [ordered] @{
            'Limit' = '--limit='
            'WarningLimit' = '--warning='
            'Volume' = '--volume='
        }
    }
    'Remove-FreeholdGroupQuota' = [ordered] @{
        'Method' = 'DELETE'
        'Path' = '/v1/quotas/{Volume}/groups/{Group}'
        'Each' = 'Group'
        'Volume' = $true
        'Target' = '{Group}'
        'Action' = 'Remove the rule'
        'Program' = @('quota', 'group', 'remove', '{Group}')
        'Options' = [ordered] @{
            'Volume' = '--volume='
        }
    }
    'Get-FreeholdFolderQuota' = [ordered] @{
        'Method' = 'GET'
        'Path' = '/v1/folder-quotas'
        'Output' = 'Freehold.FolderQuota'
        'Filter' = [ordered] @{
            'Path' = 'Path'
        }
        'Program' = @('quota', 'folder', 'list', '-o', 'json')
    }
    'New-FreeholdFolderQuota' = [ordered] @{
        'Method' = 'POST'
        'Path' = '/v1/folder-quotas'
        'Body' = [ordered] @{
            'Folder' = 'Path'
            'Template' = 'Settings.Template'
            'Size' = 'Settings.Size'
            'SoftLimit' = 'Settings.SoftLimit'
            'Threshold' = 'Settings.Threshold'
            'Description' = 'Settings.Description'
            'Disabled' = 'Settings.Disabled'
        }
        'Convert' = [ordered] @{
            'Folder' = 'Folder'
            'Size' = 'Size'
            'Threshold' = 'Threshold'
        }
        'Target' = '{Folder}'
        'Action' = 'Make the quota'
        'Output' = 'Freehold.FolderQuota'
        'Program' = @('quota', 'folder', 'add', '{Folder}', '-o', 'json')
        'Options' = [ordered] @{
            'Template' = '--template='
            'Size' = '--size='
            'SoftLimit' = '--soft-limit='
            'Threshold' = '--threshold='
            'Description' = '--description='
            'Disabled' = '--disabled='
        }
    }
    'Set-FreeholdFolderQuota' = [ordered] @{
        'Method' = 'PATCH'
        'Path' = '/v1/folder-quotas'
        'Body' = [ordered] @{
            'Folder' = 'Path'
            'Template' = 'Settings.Template'
            'Size' = 'Settings.Size'
            'SoftLimit' = 'Settings.SoftLimit'
            'Threshold' = 'Settings.Threshold'
            'Description' = 'Settings.Description'
            'Disabled' = 'Settings.Disabled'
        }
        'Convert' = [ordered] @{
            'Folder' = 'Folder'
            'Size' = 'Size'
            'Threshold' = 'Threshold'
        }
        'Each' = 'Folder'
        'Target' = '{Folder}'
        'Action' = 'Change the quota'
        'Output' = 'Freehold.FolderQuota'
        'Program' = @('quota', 'folder', 'set', '{Folder}', '-o', 'json')
        'Options' = [ordered] @{
            'Template' = '--template='
            'Size' = '--size='
            'SoftLimit' = '--soft-limit='
            'Threshold' = '--threshold='
            'Description' = '--description='
            'Disabled' = '--disabled='
        }
    }
    'Remove-FreeholdFolderQuota' = [ordered] @{
        'Method' = 'DELETE'
        'Path' = '/v1/folder-quotas'
        'Query' = [ordered] @{
            'Folder' = 'path'
        }
        'Convert' = [ordered] @{
            'Folder' = 'Folder'
        }
        'Each' = 'Folder'
        'Target' = '{Folder}'
        'Action' = 'Remove the quota'
        'Program' = @('quota', 'folder', 'remove', '{Folder}')
    }
    'Get-FreeholdQuotaTemplate' = [ordered] @{
        'Method' = 'GET'
        'Path' = '/v1/quota-templates'
        'Output' = 'Freehold.QuotaTemplate'
        'Filter' = [ordered] @{
            'Name' = 'Name'
        }
        'Program' = @('quota', 'template', 'list', '-o', 'json')
    }
    'New-FreeholdQuotaTemplate' = [ordered] @{
        'Method' = 'POST'
        'Path' = '/v1/quota-templates'
        'Body' = [ordered] @{
            'Name' = 'Name'
            'Size' = 'Settings.Size'
            'SoftLimit' = 'Settings.SoftLimit'
            'Threshold' = 'Settings.Threshold'
            'Description' = 'Settings.Description'
        }
        'Convert' = [ordered] @{
            'Size' = 'Size'
            'Threshold' = 'Threshold'
        }
        'Target' = '{Name}'
        'Action' = 'Make the template'
        'Output' = 'Freehold.QuotaTemplate'
        'Program' = @('quota', 'template', 'add', '{Name}', '-o', 'json')
        'Options' = [ordered] @{
            'Size' = '--size='
            'SoftLimit' = '--soft-limit='
            'Threshold' = '--threshold='
            'Description' = '--description='
        }
    }
    'Set-FreeholdQuotaTemplate' = [ordered] @{
        'Method' = 'PATCH'
        'Path' = '/v1/quota-templates/{Name}'
        'Body' = [ordered] @{
            'Size' = 'Settings.Size'
            'SoftLimit' = 'Settings.SoftLimit'
            'Threshold' = 'Settings.Threshold'
            'Description' = 'Settings.Description'
            'ApplyTo' = 'ApplyTo'
        }
        'Convert' = [ordered] @{
            'Size' = 'Size'
            'Threshold' = 'Threshold'
        }
        'OptionConvert' = [ordered] @{
            'ApplyTo' = 'Lower'
        }
        'Each' = 'Name'
        'Target' = '{Name}'
        'Action' = 'Change the template'
        'Output' = 'Freehold.QuotaTemplate'
        'Program' = @('quota', 'template', 'set', '{Name}', '-o', 'json')
        'Options' = [ordered] @{
            'Size' = '--size='
            'SoftLimit' = '--soft-limit='
            'Threshold' = '--threshold='
            'Description' = '--description='
            'ApplyTo' = '--apply-to='
        }
    }
    'Remove-FreeholdQuotaTemplate' = [ordered] @{
        'Method' = 'DELETE'
        'Path' = '/v1/quota-templates/{Name}'
        'Each' = 'Name'
        'Target' = '{Name}'
        'Action' = 'Remove the template'
        'Program' = @('quota', 'template', 'remove', '{Name}')
    }
    'Get-FreeholdAutoQuota' = [ordered] @{
        'Method' = 'GET'
        'Path' = '/v1/auto-quotas'
        'Output' = 'Freehold.AutoQuota'
        'Filter' = [ordered] @{
            'Path' = 'Path'
        }
        'Program' = @('quota', 'auto', 'list', '-o', 'json')
    }
    'New-FreeholdAutoQuota' = [ordered] @{
        'Method' = 'POST'
        'Path' = '/v1/auto-quotas'
        'Body' = [ordered] @{
            'Folder' = 'Path'
            'Template' = 'Template'
        }
        'Convert' = [ordered] @{
            'Folder' = 'Folder'
        }
        'Target' = '{Folder}'
        'Action' = 'Make the auto quota'
        'Output' = 'Freehold.AutoQuota'
        'Program' = @('quota', 'auto', 'add', '{Folder}', '-o', 'json')
        'Options' = [ordered] @{
            'Template' = '--template='
        }
    }
    'Set-FreeholdAutoQuota' = [ordered] @{
        'Method' = 'PATCH'
        'Path' = '/v1/auto-quotas'
        'Body' = [ordered] @{
            'Folder' = 'Path'
            'Template' = 'Template'
            'Disabled' = 'Disabled'
            'ApplyTo' = 'ApplyTo'
        }
        'Convert' = [ordered] @{
            'Folder' = 'Folder'
        }
        'OptionConvert' = [ordered] @{
            'ApplyTo' = 'Lower'
        }
        'Each' = 'Folder'
        'Target' = '{Folder}'
        'Action' = 'Change the auto quota'
        'Output' = 'Freehold.AutoQuota'
        'Program' = @('quota', 'auto', 'set', '{Folder}', '-o', 'json')
        'Options' = [ordered] @{
            'Template' = '--template='
            'Disabled' = '--disabled='
            'ApplyTo' = '--apply-to='
        }
    }
    'Remove-FreeholdAutoQuota' = [ordered] @{
        'Method' = 'DELETE'
        'Path' = '/v1/auto-quotas'
        'Query' = [ordered] @{
            'Folder' = 'path'
        }
        'Convert' = [ordered] @{
            'Folder' = 'Folder'
        }
        'Each' = 'Folder'
        'Target' = '{Folder}'
        'Action' = 'Remove the auto quota'
        'Program' = @('quota', 'auto', 'remove', '{Folder}')
    }
    'Get-FreeholdQuotaReport' = [ordered] @{
        'Method' = 'GET'
        'Path' = '/v1/quotas/{Volume}/report'
        'Query' = [ordered] @{
            'By' = 'by'
            'Top' = 'top'
        }
        'OptionConvert' = [ordered] @{
            'By' = 'Lower'
        }
        'Volume' = $true
        'Output' = 'Freehold.QuotaReport'
        'Program' = @('quota', 'report', '{Volume}', '-o', 'json')
        'Options' = [ordered] @{
            'By' = '--by='
            'Top' = '--top='
        }
    }
    'Get-FreeholdQuotaForecast' = [ordered] @{
        'Method' = 'GET'
        'Path' = '/v1/quotas/{Volume}/forecast'
        'Query' = [ordered] @{
            'Top' = 'top'
        }
        'Volume' = $true
        'Output' = 'Freehold.QuotaForecast'
        'Program' = @('quota', 'forecast', '{Volume}', '-o', 'json')
        'Options' = [ordered] @{
            'Top' = '--top='
        }
    }
    'Get-FreeholdDfsnRoot' = [ordered] @{
        'Method' = 'GET'
        'Path' = '/v1/dfs/namespaces'
        'Output' = 'Freehold.DfsnRoot'
        'Filter' = [ordered] @{
            'Path' = 'Name'
        }
        'FilterConvert' = [ordered] @{
            'Path' = 'DfsnName'
        }
        'Program' = @('dfs', 'namespace', 'list', '-o', 'json')
    }
    'New-FreeholdDfsnRoot' = [ordered] @{
        'Method' = 'POST'
        'Path' = '/v1/dfs/namespaces'
        'Body' = [ordered] @{
            'Path' = 'Name'
            'Volume' = 'Volume'
            'Folder' = 'Path'
            'Type' = 'Domain'
            'Description' = 'Settings.Description'
            'State' = 'Settings.State'
            'TimeToLiveSec' = 'Settings.TimeToLiveSec'
            'EnableInsiteReferrals' = 'Settings.EnableInsiteReferrals'
            'EnableSiteCosting' = 'Settings.EnableSiteCosting'
            'EnableRootScalability' = 'Settings.EnableRootScalability'
            'EnableAccessBasedEnumeration' = 'Settings.EnableAccessBasedEnumeration'
            'EnableTargetFailback' = 'Settings.EnableTargetFailback'
        }
        'Convert' = [ordered] @{
            'Folder' = 'VolumePath'
            'Type' = 'DfsnType'
        }
        'Target' = '{Path}'
        'Action' = 'Make the namespace'
        'Then' = 'Get-FreeholdDfsnRoot'
        'Key' = [ordered] @{
            'Path' = '{Path}'
        }
        'Output' = 'Freehold.DfsnRoot'
        'Program' = @('dfs', 'namespace', 'add', '{Path}')
        'Options' = [ordered] @{
            'Volume' = '--volume='
            'Folder' = '--path='
            'Type' = '--domain'
            'Description' = '--description='
            'State' = '--state='
            'TimeToLiveSec' = '--ttl='
            'EnableInsiteReferrals' = '--insite-referrals='
            'EnableSiteCosting' = '--site-costing='
            'EnableRootScalability' = '--root-scalability='
            'EnableAccessBasedEnumeration' = '--access-based-enumeration='
            'EnableTargetFailback' = '--target-failback='
        }
    }
    'Set-FreeholdDfsnRoot' = [ordered] @{
        'Method' = 'PATCH'
        'Path' = '/v1/dfs/namespaces/{Path}'
        'Body' = [ordered] @{
            'Description' = 'Settings.Description'
            'State' = 'Settings.State'
            'TimeToLiveSec' = 'Settings.TimeToLiveSec'
            'EnableInsiteReferrals' = 'Settings.EnableInsiteReferrals'
            'EnableSiteCosting' = 'Settings.EnableSiteCosting'
            'EnableRootScalability' = 'Settings.EnableRootScalability'
            'EnableAccessBasedEnumeration' = 'Settings.EnableAccessBasedEnumeration'
            'EnableTargetFailback' = 'Settings.EnableTargetFailback'
        }
        'Each' = 'Path'
        'Target' = '{Path}'
        'Action' = 'Change the namespace'
        'Then' = 'Get-FreeholdDfsnRoot'
        'Key' = [ordered] @{
            'Path' = '{Path}'
        }
        'PassThru' = $true
        'Output' = 'Freehold.DfsnRoot'
        'Program' = @('dfs', 'namespace', 'set', '{Path}')
        'Options' = [ordered] @{
            'Description' = '--description='
            'State' = '--state='
            'TimeToLiveSec' = '--ttl='
            'EnableInsiteReferrals' = '--insite-referrals='
            'EnableSiteCosting' = '--site-costing='
            'EnableRootScalability' = '--root-scalability='
            'EnableAccessBasedEnumeration' = '--access-based-enumeration='
            'EnableTargetFailback' = '--target-failback='
        }
    }
    'Remove-FreeholdDfsnRoot' = [ordered] @{
        'Method' = 'DELETE'
        'Path' = '/v1/dfs/namespaces/{Path}'
        'Each' = 'Path'
        'Target' = '{Path}'
        'Action' = 'Remove the namespace'
        'Program' = @('dfs', 'namespace', 'remove', '{Path}', '--force')
    }
    'Get-FreeholdDfsnFolder' = [ordered] @{
        'Method' = 'GET'
        'Path' = '/v1/dfs/folders'
        'Query' = [ordered] @{
            'Path' = 'path'
        }
        'Convert' = [ordered] @{
            'Path' = 'DfsnPath'
        }
        'Each' = 'Path'
        'Output' = 'Freehold.DfsnFolder'
        'Program' = @('dfs', 'folder', 'list', '{Path}', '-o', 'json')
    }
    'New-FreeholdDfsnFolder' = [ordered] @{
        'Method' = 'POST'
        'Path' = '/v1/dfs/folders'
        'Body' = [ordered] @{
            'Path' = 'Path'
            'TargetPath' = 'TargetPaths'
            'Description' = 'Settings.Description'
            'State' = 'Settings.State'
            'TimeToLiveSec' = 'Settings.TimeToLiveSec'
            'EnableInsiteReferrals' = 'Settings.EnableInsiteReferrals'
            'EnableTargetFailback' = 'Settings.EnableTargetFailback'
            'Interlink' = 'Settings.Interlink'
            'SecurityDescriptor' = 'Settings.SecurityDescriptor'
            'TargetState' = 'Targets.State'
            'ReferralPriorityClass' = 'Targets.ReferralPriorityClass'
            'ReferralPriorityRank' = 'Targets.ReferralPriorityRank'
        }
        'Target' = '{Path}'
        'Action' = 'Make the folder'
        'Then' = 'Get-FreeholdDfsnFolder'
        'Key' = [ordered] @{
            'Path' = '{Path}'
        }
        'Output' = 'Freehold.DfsnFolder'
        'Program' = @('dfs', 'folder', 'add', '{Path}')
        'Options' = [ordered] @{
            'TargetPath' = '--target='
            'Description' = '--description='
            'State' = '--folder-state='
            'TimeToLiveSec' = '--ttl='
            'EnableInsiteReferrals' = '--insite-referrals='
            'EnableTargetFailback' = '--target-failback='
            'Interlink' = '--interlink='
            'SecurityDescriptor' = '--access='
            'TargetState' = '--state='
            'ReferralPriorityClass' = '--class='
            'ReferralPriorityRank' = '--rank='
        }
    }
    'Set-FreeholdDfsnFolder' = [ordered] @{
        'Method' = 'PATCH'
        'Path' = '/v1/dfs/folders'
        'Body' = [ordered] @{
            'Path' = 'Path'
            'Description' = 'Settings.Description'
            'State' = 'Settings.State'
            'TimeToLiveSec' = 'Settings.TimeToLiveSec'
            'EnableInsiteReferrals' = 'Settings.EnableInsiteReferrals'
            'EnableTargetFailback' = 'Settings.EnableTargetFailback'
            'Interlink' = 'Settings.Interlink'
            'SecurityDescriptor' = 'Settings.SecurityDescriptor'
        }
        'Each' = 'Path'
        'Target' = '{Path}'
        'Action' = 'Change the folder'
        'Then' = 'Get-FreeholdDfsnFolder'
        'Key' = [ordered] @{
            'Path' = '{Path}'
        }
        'PassThru' = $true
        'Output' = 'Freehold.DfsnFolder'
        'Program' = @('dfs', 'folder', 'set', '{Path}')
        'Options' = [ordered] @{
            'Description' = '--description='
            'State' = '--state='
            'TimeToLiveSec' = '--ttl='
            'EnableInsiteReferrals' = '--insite-referrals='
            'EnableTargetFailback' = '--target-failback='
            'Interlink' = '--interlink='
            'SecurityDescriptor' = '--access='
        }
    }
    'Move-FreeholdDfsnFolder' = [ordered] @{
        'Method' = 'POST'
        'Path' = '/v1/dfs/folders/move'
        'Body' = [ordered] @{
            'Path' = 'Path'
            'NewPath' = 'NewPath'
        }
        'Target' = '{Path}, {NewPath}'
        'Action' = 'Move the folder'
        'Then' = 'Get-FreeholdDfsnFolder'
        'Key' = [ordered] @{
            'Path' = '{NewPath}'
        }
        'Output' = 'Freehold.DfsnFolder'
        'Program' = @('dfs', 'folder', 'move', '{Path}', '{NewPath}')
    }
    'Remove-FreeholdDfsnFolder' = [ordered] @{
        'Method' = 'DELETE'
        'Path' = '/v1/dfs/folders'
        'Query' = [ordered] @{
            'Path' = 'path'
        }
        'Each' = 'Path'
        'Target' = '{Path}'
        'Action' = 'Remove the folder'
        'Program' = @('dfs', 'folder', 'remove', '{Path}', '--force')
    }
    'Get-FreeholdDfsnFolderTarget' = [ordered] @{
        'Method' = 'GET'
        'Path' = '/v1/dfs/targets'
        'Query' = [ordered] @{
            'Path' = 'path'
        }
        'Convert' = [ordered] @{
            'Path' = 'DfsnPath'
        }
        'Each' = 'Path'
        'Output' = 'Freehold.DfsnFolderTarget'
        'Filter' = [ordered] @{
            'TargetPath' = 'TargetPath'
        }
        'FilterConvert' = [ordered] @{
            'TargetPath' = 'Backslash'
        }
        'Program' = @('dfs', 'target', 'list', '{Path}', '-o', 'json')
    }
    'New-FreeholdDfsnFolderTarget' = [ordered] @{
        'Method' = 'POST'
        'Path' = '/v1/dfs/targets'
        'Body' = [ordered] @{
            'Path' = 'Path'
            'TargetPath' = 'TargetPath'
            'State' = 'Settings.State'
            'ReferralPriorityClass' = 'Settings.ReferralPriorityClass'
            'ReferralPriorityRank' = 'Settings.ReferralPriorityRank'
        }
        'Target' = '{Path}, {TargetPath}'
        'Action' = 'Add the target'
        'Then' = 'Get-FreeholdDfsnFolderTarget'
        'Key' = [ordered] @{
            'Path' = '{Path}'
            'TargetPath' = '{TargetPath}'
        }
        'Output' = 'Freehold.DfsnFolderTarget'
        'Program' = @('dfs', 'target', 'add', '{Path}', '{TargetPath}')
        'Options' = [ordered] @{
            'State' = '--state='
            'ReferralPriorityClass' = '--class='
            'ReferralPriorityRank' = '--rank='
        }
    }
    'Set-FreeholdDfsnFolderTarget' = [ordered] @{
        'Method' = 'PATCH'
        'Path' = '/v1/dfs/targets'
        'Body' = [ordered] @{
            'Path' = 'Path'
            'TargetPath' = 'TargetPath'
            'State' = 'Settings.State'
            'ReferralPriorityClass' = 'Settings.ReferralPriorityClass'
            'ReferralPriorityRank' = 'Settings.ReferralPriorityRank'
        }
        'Target' = '{Path}, {TargetPath}'
        'Action' = 'Change the target'
        'Then' = 'Get-FreeholdDfsnFolderTarget'
        'Key' = [ordered] @{
            'Path' = '{Path}'
            'TargetPath' = '{TargetPath}'
        }
        'PassThru' = $true
        'Output' = 'Freehold.DfsnFolderTarget'
        'Program' = @('dfs', 'target', 'set', '{Path}', '{TargetPath}')
        'Options' = [ordered] @{
            'State' = '--state='
            'ReferralPriorityClass' = '--class='
            'ReferralPriorityRank' = '--rank='
        }
    }
    'Remove-FreeholdDfsnFolderTarget' = [ordered] @{
        'Method' = 'DELETE'
        'Path' = '/v1/dfs/targets'
        'Query' = [ordered] @{
            'Path' = 'path'
            'TargetPath' = 'targetPath'
        }
        'Target' = '{Path}, {TargetPath}'
        'Action' = 'Remove the target'
        'Program' = @('dfs', 'target', 'remove', '{Path}', '{TargetPath}', '--force')
    }
    'Test-FreeholdDfsnFolderTarget' = [ordered] @{
        'Method' = 'GET'
        'Path' = '/v1/dfs/test'
        'Query' = [ordered] @{
            'Path' = 'path'
        }
        'Convert' = [ordered] @{
            'Path' = 'DfsnPath'
        }
        'Each' = 'Path'
        'Output' = 'Freehold.DfsnTest'
    }
    'Get-FreeholdDfsnSite' = [ordered] @{
        'Method' = 'GET'
        'Path' = '/v1/dfs/sites'
        'Query' = [ordered] @{
            'From' = 'from'
        }
        'Output' = 'Freehold.DfsnSite'
        'Filter' = [ordered] @{
            'Name' = 'Name'
        }
        'Program' = @('dfs', 'site', 'list', '-o', 'json')
        'Options' = [ordered] @{
            'From' = '--from='
        }
    }
    'Resolve-FreeholdDfsnPath' = [ordered] @{
        'Method' = 'GET'
        'Path' = '/v1/dfs/resolve'
        'Query' = [ordered] @{
            'Path' = 'path'
            'Client' = 'client'
        }
        'Output' = 'Freehold.DfsnResolution'
        'Program' = @('dfs', 'resolve', '{Path}', '-o', 'json')
        'Options' = [ordered] @{
            'Client' = '--client='
        }
    }
    'New-FSxSmbShare' = [ordered] @{
        'Method' = 'POST'
        'Path' = '/v1/shares'
        'Body' = [ordered] @{
            'Name' = 'Name'
            'Volume' = 'Volume'
            'Path' = 'Path'
            'Description' = 'Description'
            'FolderEnumerationMode' = 'FolderEnumerationMode'
            'CachingMode' = 'CachingMode'
            'EncryptData' = 'EncryptData'
            'ContinuouslyAvailable' = 'ContinuouslyAvailable'
            'CATimeout' = 'CATimeout'
            'ConcurrentUserLimit' = 'ConcurrentUserLimit'
            'SecurityDescriptor' = 'SecurityDescriptor'
            'FullAccess' = 'FullAccess'
            'ChangeAccess' = 'ChangeAccess'
            'ReadAccess' = 'ReadAccess'
            'NoAccess' = 'NoAccess'
        }
        'Convert' = [ordered] @{
            'Path' = 'VolumePath'
        }
        'OptionConvert' = [ordered] @{
            'FolderEnumerationMode' = 'AccessBased'
        }
        'Volume' = $true
        'Target' = '{Name}'
        'Action' = 'Make the share'
        'Then' = 'Get-FSxSmbShare'
        'Key' = [ordered] @{
            'Name' = '{Name}'
        }
        'Output' = 'Freehold.FSx.SmbShare'
        'Program' = @('share', 'add', '{Name}')
        'Options' = [ordered] @{
            'Volume' = '--volume='
            'Path' = '--path='
            'Description' = '--description='
            'FolderEnumerationMode' = '--access-based-enumeration'
            'CachingMode' = '--caching-mode='
            'EncryptData' = '--encrypt-data'
            'ContinuouslyAvailable' = '--continuously-available'
            'CATimeout' = '--ca-timeout='
            'ConcurrentUserLimit' = '--concurrent-user-limit='
            'SecurityDescriptor' = '--security-descriptor='
            'FullAccess' = '--full-access='
            'ChangeAccess' = '--change-access='
            'ReadAccess' = '--read-access='
            'NoAccess' = '--no-access='
        }
    }
    'Remove-FSxSmbShare' = [ordered] @{
        'Method' = 'DELETE'
        'Path' = '/v1/shares/{Name}'
        'Each' = 'Name'
        'Target' = '{Name}'
        'Action' = 'Remove the share'
        'Program' = @('share', 'remove', '{Name}', '--force')
    }
    'Set-FSxSmbShare' = [ordered] @{
        'Method' = 'PATCH'
        'Path' = '/v1/shares/{Name}'
        'Body' = [ordered] @{
            'Description' = 'Description'
            'FolderEnumerationMode' = 'FolderEnumerationMode'
            'CachingMode' = 'CachingMode'
            'EncryptData' = 'EncryptData'
            'ContinuouslyAvailable' = 'ContinuouslyAvailable'
            'CATimeout' = 'CATimeout'
            'ConcurrentUserLimit' = 'ConcurrentUserLimit'
            'SecurityDescriptor' = 'SecurityDescriptor'
        }
        'OptionConvert' = [ordered] @{
            'FolderEnumerationMode' = 'AccessBased'
        }
        'Each' = 'Name'
        'Target' = '{Name}'
        'Action' = 'Change the share'
        'Then' = 'Get-FSxSmbShare'
        'Key' = [ordered] @{
            'Name' = '{Name}'
        }
        'PassThru' = $true
        'Output' = 'Freehold.FSx.SmbShare'
        'Program' = @('share', 'set', '{Name}')
        'Options' = [ordered] @{
            'Description' = '--description='
            'FolderEnumerationMode' = '--access-based-enumeration='
            'CachingMode' = '--caching-mode='
            'EncryptData' = '--encrypt-data='
            'ContinuouslyAvailable' = '--continuously-available='
            'CATimeout' = '--ca-timeout='
            'ConcurrentUserLimit' = '--concurrent-user-limit='
            'SecurityDescriptor' = '--security-descriptor='
        }
    }
    'Get-FSxSmbShare' = [ordered] @{
        'Method' = 'GET'
        'Path' = '/v1/shares'
        'Output' = 'Freehold.FSx.SmbShare'
        'Map' = [ordered] @{
            'Name' = 'Name'
            'ScopeName' = '|Scope'
            'Path' = 'Path|DrivePath'
            'Description' = 'Description'
            'FolderEnumerationMode' = 'FolderEnumerationMode'
            'CachingMode' = 'CachingMode'
            'EncryptData' = 'EncryptData'
            'ContinuouslyAvailable' = 'ContinuouslyAvailable'
            'CATimeout' = 'CATimeout'
            'ConcurrentUserLimit' = 'ConcurrentUserLimit'
            'CurrentUsers' = 'CurrentUsers'
            'SecurityDescriptor' = 'SecurityDescriptor'
            'Volume' = 'Volume'
        }
        'Filter' = [ordered] @{
            'Name' = 'Name'
        }
        'Program' = @('share', 'list', '-o', 'json')
    }
    'Get-FSxSmbShareAccess' = [ordered] @{
        'Method' = 'GET'
        'Path' = '/v1/shares/{Name}/access'
        'Each' = 'Name'
        'Output' = 'Freehold.FSx.SmbShareAccess'
        'Map' = [ordered] @{
            'Name' = 'Name'
            'ScopeName' = '|Scope'
            'AccountName' = 'AccountName'
            'AccessControlType' = 'AccessControlType'
            'AccessRight' = 'AccessRight'
        }
        'Program' = @('share', 'access', '{Name}', '-o', 'json')
    }
    'Grant-FSxSmbShareAccess' = [ordered] @{
        'Method' = 'POST'
        'Path' = '/v1/shares/{Name}/access'
        'Body' = [ordered] @{
            'AccountName' = 'Account'
            'AccessRight' = 'Right'
        }
        'OptionConvert' = [ordered] @{
            'AccessRight' = 'Lower'
        }
        'Each' = 'AccountName'
        'Target' = '{Name}, {AccountName}'
        'Action' = 'Grant access'
        'Then' = 'Get-FSxSmbShareAccess'
        'Key' = [ordered] @{
            'Name' = '{Name}'
        }
        'Output' = 'Freehold.FSx.SmbShareAccess'
        'Program' = @('share', 'grant', '{Name}', '{AccountName}', '{AccessRight}')
    }
    'Revoke-FSxSmbShareAccess' = [ordered] @{
        'Method' = 'DELETE'
        'Path' = '/v1/shares/{Name}/access/{AccountName}'
        'Each' = 'AccountName'
        'Target' = '{Name}, {AccountName}'
        'Action' = 'Revoke access'
        'Then' = 'Get-FSxSmbShareAccess'
        'Key' = [ordered] @{
            'Name' = '{Name}'
        }
        'Output' = 'Freehold.FSx.SmbShareAccess'
        'Program' = @('share', 'revoke', '{Name}', '{AccountName}')
    }
    'Block-FSxSmbShareAccess' = [ordered] @{
        'Method' = 'POST'
        'Path' = '/v1/shares/{Name}/block'
        'Body' = [ordered] @{
            'AccountName' = 'Account'
        }
        'Each' = 'AccountName'
        'Target' = '{Name}, {AccountName}'
        'Action' = 'Block access'
        'Then' = 'Get-FSxSmbShareAccess'
        'Key' = [ordered] @{
            'Name' = '{Name}'
        }
        'Output' = 'Freehold.FSx.SmbShareAccess'
        'Program' = @('share', 'block', '{Name}', '{AccountName}')
    }
    'Unblock-FSxSmbShareAccess' = [ordered] @{
        'Method' = 'DELETE'
        'Path' = '/v1/shares/{Name}/block/{AccountName}'
        'Each' = 'AccountName'
        'Target' = '{Name}, {AccountName}'
        'Action' = 'Unblock access'
        'Then' = 'Get-FSxSmbShareAccess'
        'Key' = [ordered] @{
            'Name' = '{Name}'
        }
        'Output' = 'Freehold.FSx.SmbShareAccess'
        'Program' = @('share', 'unblock', '{Name}', '{AccountName}')
    }
    'Get-FSxSmbSession' = [ordered] @{
        'Method' = 'GET'
        'Path' = '/v1/sessions'
        'Output' = 'Freehold.FSx.SmbSession'
        'Map' = [ordered] @{
            'SessionId' = 'SessionId'
            'ClientComputerName' = 'ClientComputerName'
            'ClientUserName' = 'ClientUserName'
            'NumOpens' = 'NumOpens'
            'SecondsExists' = 'SecondsExists'
            'SecondsIdle' = 'SecondsIdle'
            'Dialect' = 'Dialect'
            'ScopeName' = '|Scope'
        }
        'Filter' = [ordered] @{
            'SessionId' = 'SessionId'
            'ClientComputerName' = 'ClientComputerName'
            'ClientUserName' = 'ClientUserName'
        }
        'Program' = @('session', 'list', '-o', 'json')
    }
    'Close-FSxSmbSession' = [ordered] @{
        'Method' = 'DELETE'
        'Path' = '/v1/sessions/{SessionId}'
        'Each' = 'SessionId'
        'Target' = '{SessionId}'
        'Action' = 'End the session'
        'From' = 'Get-FSxSmbSession'
        'Program' = @('session', 'close', '{SessionId}', '--force')
    }
    'Get-FSxSmbOpenFile' = [ordered] @{
        'Method' = 'GET'
        'Path' = '/v1/open-files'
        'Output' = 'Freehold.FSx.SmbOpenFile'
        'Map' = [ordered] @{
            'FileId' = 'FileId'
            'SessionId' = 'SessionId'
            'Path' = 'Path'
            'ShareRelativePath' = 'ShareRelativePath'
            'ClientComputerName' = 'ClientComputerName'
            'ClientUserName' = 'ClientUserName'
            'Permissions' = 'Permissions'
            'Locks' = 'Locks'
            'ContinuouslyAvailable' = 'ContinuouslyAvailable'
            'Encrypted' = 'Encrypted'
            'Signed' = 'Signed'
            'ScopeName' = '|Scope'
        }
        'Filter' = [ordered] @{
            'FileId' = 'FileId'
            'SessionId' = 'SessionId'
            'ClientComputerName' = 'ClientComputerName'
            'ClientUserName' = 'ClientUserName'
            'ShareRelativePath' = 'ShareRelativePath'
        }
        'Program' = @('openfile', 'list', '-o', 'json')
    }
    'Close-FSxSmbOpenFile' = [ordered] @{
        'Method' = 'DELETE'
        'Path' = '/v1/open-files/{FileId}'
        'Each' = 'FileId'
        'Target' = '{FileId}'
        'Action' = 'Close the open file'
        'From' = 'Get-FSxSmbOpenFile'
        'Program' = @('openfile', 'close', '{FileId}', '--force')
    }
    'Get-FSxSmbServerConfiguration' = [ordered] @{
        'Method' = 'GET'
        'Path' = '/v1/server'
        'Output' = 'Freehold.FSx.SmbServerConfiguration'
        'Map' = [ordered] @{
            'EncryptData' = 'EncryptData'
            'RejectUnencryptedAccess' = 'RejectUnencryptedAccess'
        }
        'Program' = @('server', 'show', '-o', 'json')
    }
    'Set-FSxSmbServerConfiguration' = [ordered] @{
        'Method' = 'PATCH'
        'Path' = '/v1/server'
        'Body' = [ordered] @{
            'EncryptData' = 'EncryptData'
            'RejectUnencryptedAccess' = 'RejectUnencryptedAccess'
        }
        'Target' = 'the server'
        'Action' = 'Change the configuration'
        'Program' = @('server', 'set')
        'Options' = [ordered] @{
            'EncryptData' = '--encrypt-data='
            'RejectUnencryptedAccess' = '--reject-unencrypted-access='
        }
    }
    'Enable-FSxUserQuotas' = [ordered] @{
        'Method' = 'PATCH'
        'Path' = '/v1/quotas/{Volume}'
        'Body' = [ordered] @{
            'Track' = 'Settings.State'
            'Enforce' = 'Settings.State'
            'DefaultLimit' = 'Settings.DefaultLimit'
            'DefaultWarningLimit' = 'Settings.DefaultWarningLimit'
        }
        'Convert' = [ordered] @{
            'Track' = 'TrackState'
            'Enforce' = 'EnforceState'
            'DefaultLimit' = 'Size'
            'DefaultWarningLimit' = 'Size'
        }
        'Volume' = $true
        'Target' = 'the server'
        'Action' = 'Turn quotas on'
        'Program' = @('quota', 'mode', '{Volume}', '{Track}', '{Enforce}')
        'Also' = @('quota', 'default', '{Volume}')
        'AlsoOptions' = [ordered] @{
            'DefaultLimit' = '--limit='
            'DefaultWarningLimit' = '--warning='
        }
    }
    'Disable-FSxUserQuotas' = [ordered] @{
        'Method' = 'PATCH'
        'Path' = '/v1/quotas/{Volume}'
        'Fixed' = [ordered] @{
            'Settings.State' = 'Off'
        }
        'Volume' = $true
        'Target' = 'the server'
        'Action' = 'Turn quotas off'
        'Program' = @('quota', 'mode', '{Volume}', '{=off}')
    }
    'Get-FSxUserQuotaSettings' = [ordered] @{
        'Method' = 'GET'
        'Path' = '/v1/quotas/{Volume}'
        'Volume' = $true
        'Output' = 'Freehold.FSx.UserQuotaSettings'
        'Map' = [ordered] @{
            'DefaultWarningLimit' = 'DefaultWarningLimit|Unlimited'
            'DefaultLimit' = 'DefaultLimit|Unlimited'
            'State' = 'State|DisabledState'
        }
        'Program' = @('quota', 'settings', '{Volume}', '-o', 'json')
    }
    'Get-FSxUserQuotaEntries' = [ordered] @{
        'Method' = 'GET'
        'Path' = '/v1/quotas/{Volume}/users?limit=10000'
        'Volume' = $true
        'Output' = 'Freehold.FSx.UserQuotaEntry'
        'Map' = [ordered] @{
            'WarningLimit' = 'WarningLimit|Unlimited'
            'DiskSpaceUsed' = 'DiskSpaceUsed'
            'QuotaVolume' = 'QuotaVolume|DriveReference'
            'Limit' = 'Limit|Unlimited'
            'Status' = 'Status'
            'User' = 'User|UserReference'
        }
        'Program' = @('quota', 'list', '{Volume}', '-o', 'json')
    }
    'Set-FSxUserQuotas' = [ordered] @{
        'Method' = 'PUT'
        'Path' = '/v1/quotas/{Volume}/users/{Name}'
        'Body' = [ordered] @{
            'Limit' = 'Limit'
            'WarningLimit' = 'WarningLimit'
        }
        'Convert' = [ordered] @{
            'Name' = 'Account'
            'Limit' = 'Size'
            'WarningLimit' = 'Size'
        }
        'Volume' = $true
        'Target' = '{Name}'
        'Action' = 'Set the quota'
        'Program' = @('quota', 'set', '{Name}')
        'Options' = [ordered] @{
            'Limit' = '--limit='
            'WarningLimit' = '--warning='
            'Volume' = '--volume='
        }
    }
    'New-FSxFSRMQuota' = [ordered] @{
        'Method' = 'POST'
        'Path' = '/v1/folder-quotas'
        'Body' = [ordered] @{
            'Folder' = 'Path'
            'Size' = 'Settings.Size'
            'Template' = 'Settings.Template'
            'Description' = 'Settings.Description'
            'SoftLimit' = 'Settings.SoftLimit'
            'Disabled' = 'Settings.Disabled'
            'ThresholdConfigurations' = 'Settings.Threshold'
        }
        'Convert' = [ordered] @{
            'Folder' = 'Folder'
            'Size' = 'Size'
            'ThresholdConfigurations' = 'Threshold'
        }
        'Target' = '{Folder}'
        'Action' = 'Make the quota'
        'Then' = 'Get-FSxFSRMQuota'
        'Key' = [ordered] @{
            'Folder' = '{Folder}'
        }
        'Output' = 'Freehold.FSx.FsrmQuota'
        'Program' = @('quota', 'folder', 'add', '{Folder}')
        'Options' = [ordered] @{
            'Size' = '--size='
            'Template' = '--template='
            'Description' = '--description='
            'SoftLimit' = '--soft-limit='
            'Disabled' = '--disabled='
            'ThresholdConfigurations' = '--threshold='
        }
    }
    'Get-FSxFSRMQuota' = [ordered] @{
        'Method' = 'GET'
        'Path' = '/v1/folder-quotas'
        'Query' = [ordered] @{
            'Folder' = 'path'
        }
        'Convert' = [ordered] @{
            'Folder' = 'Folder'
        }
        'Output' = 'Freehold.FSx.FsrmQuota'
        'Map' = [ordered] @{
            'Folder' = 'Path|DrivePath'
            'Path' = 'Path|DrivePath'
            'Description' = 'Description'
            'Size' = 'Size'
            'SoftLimit' = 'SoftLimit'
            'Disabled' = 'Disabled'
            'Template' = 'Template'
            'MatchesTemplate' = 'MatchesTemplate'
            'Usage' = 'Usage'
            'PeakUsage' = 'PeakUsage'
            'Threshold' = 'Threshold'
        }
        'Program' = @('quota', 'folder', 'list', '{Folder}', '-o', 'json')
    }
    'Remove-FSxFSRMQuota' = [ordered] @{
        'Method' = 'DELETE'
        'Path' = '/v1/folder-quotas'
        'Query' = [ordered] @{
            'Folder' = 'path'
        }
        'Convert' = [ordered] @{
            'Folder' = 'Folder'
        }
        'Target' = '{Folder}'
        'Action' = 'Remove the quota'
        'Then' = 'Get-FSxFSRMQuota'
        'Key' = [ordered] @{
            'Folder' = '{Folder}'
        }
        'PassThru' = $true
        'Before' = $true
        'Output' = 'Freehold.FSx.FsrmQuota'
        'Program' = @('quota', 'folder', 'remove', '{Folder}')
    }
    'Set-FSxFSRMQuota' = [ordered] @{
        'Method' = 'PATCH'
        'Path' = '/v1/folder-quotas'
        'Body' = [ordered] @{
            'Folder' = 'Path'
            'Description' = 'Settings.Description'
            'Size' = 'Settings.Size'
            'SoftLimit' = 'Settings.SoftLimit'
            'Disabled' = 'Settings.Disabled'
            'ThresholdConfigurations' = 'Settings.Threshold'
        }
        'Convert' = [ordered] @{
            'Folder' = 'Folder'
            'Size' = 'Size'
            'ThresholdConfigurations' = 'Threshold'
        }
        'Target' = '{Folder}'
        'Action' = 'Change the quota'
        'Then' = 'Get-FSxFSRMQuota'
        'Key' = [ordered] @{
            'Folder' = '{Folder}'
        }
        'PassThru' = $true
        'Output' = 'Freehold.FSx.FsrmQuota'
        'Program' = @('quota', 'folder', 'set', '{Folder}')
        'Options' = [ordered] @{
            'Description' = '--description='
            'Size' = '--size='
            'SoftLimit' = '--soft-limit='
            'Disabled' = '--disabled='
            'ThresholdConfigurations' = '--threshold='
        }
    }
    'Update-FSxFSRMQuota' = [ordered] @{
        'Method' = 'GET'
        'Path' = '/v1/folder-quotas'
        'Query' = [ordered] @{
            'Folder' = 'path'
        }
        'Convert' = [ordered] @{
            'Folder' = 'Folder'
        }
        'Target' = '{Folder}'
        'Action' = 'Update the quota'
        'Then' = 'Get-FSxFSRMQuota'
        'Key' = [ordered] @{
            'Folder' = '{Folder}'
        }
        'PassThru' = $true
        'Output' = 'Freehold.FSx.FsrmQuota'
        'Program' = @('quota', 'folder', 'list', '{Folder}', '-o', 'json')
    }
    'Reset-FSxFSRMQuota' = [ordered] @{
        'Method' = 'PATCH'
        'Path' = '/v1/folder-quotas'
        'Body' = [ordered] @{
            'Folder' = 'Path'
            'Template' = 'Settings.Template'
        }
        'Convert' = [ordered] @{
            'Folder' = 'Folder'
        }
        'Target' = '{Folder}'
        'Action' = 'Reset the quota'
        'Then' = 'Get-FSxFSRMQuota'
        'Key' = [ordered] @{
            'Folder' = '{Folder}'
        }
        'Output' = 'Freehold.FSx.FsrmQuota'
        'Program' = @('quota', 'folder', 'set', '{Folder}')
        'Options' = [ordered] @{
            'Template' = '--template='
        }
    }
    'New-FSxFSRMQuotaTemplate' = [ordered] @{
        'Method' = 'POST'
        'Path' = '/v1/quota-templates'
        'Body' = [ordered] @{
            'Name' = 'Name'
            'Size' = 'Settings.Size'
            'Description' = 'Settings.Description'
            'SoftLimit' = 'Settings.SoftLimit'
            'ThresholdConfigurations' = 'Settings.Threshold'
        }
        'Convert' = [ordered] @{
            'Size' = 'Size'
            'ThresholdConfigurations' = 'Threshold'
        }
        'Target' = '{Name}'
        'Action' = 'Make the template'
        'Then' = 'Get-FSxFSRMQuotaTemplate'
        'Key' = [ordered] @{
            'Name' = '{Name}'
        }
        'Output' = 'Freehold.FSx.FsrmQuotaTemplate'
        'Program' = @('quota', 'template', 'add', '{Name}')
        'Options' = [ordered] @{
            'Size' = '--size='
            'Description' = '--description='
            'SoftLimit' = '--soft-limit='
            'ThresholdConfigurations' = '--threshold='
        }
    }
    'Get-FSxFSRMQuotaTemplate' = [ordered] @{
        'Method' = 'GET'
        'Path' = '/v1/quota-templates'
        'Output' = 'Freehold.FSx.FsrmQuotaTemplate'
        'Map' = [ordered] @{
            'Name' = 'Name'
            'Description' = 'Description'
            'Size' = 'Size'
            'SoftLimit' = 'SoftLimit'
            'Threshold' = 'Threshold'
        }
        'Filter' = [ordered] @{
            'Name' = 'Name'
        }
        'Program' = @('quota', 'template', 'list', '-o', 'json')
    }
    'Set-FSxFSRMQuotaTemplate' = [ordered] @{
        'Method' = 'PATCH'
        'Path' = '/v1/quota-templates/{Name}'
        'Body' = [ordered] @{
            'Description' = 'Settings.Description'
            'Size' = 'Settings.Size'
            'SoftLimit' = 'Settings.SoftLimit'
            'ThresholdConfigurations' = 'Settings.Threshold'
            'UpdateDerived' = 'ApplyTo'
            'UpdateDerivedMatching' = 'ApplyTo'
        }
        'Convert' = [ordered] @{
            'Size' = 'Size'
            'ThresholdConfigurations' = 'Threshold'
            'UpdateDerived' = 'ApplyAll'
            'UpdateDerivedMatching' = 'ApplyUnmodified'
        }
        'OptionConvert' = [ordered] @{
            'UpdateDerived' = 'ApplyAllWord'
            'UpdateDerivedMatching' = 'ApplyUnmodifiedWord'
        }
        'Target' = '{Name}'
        'Action' = 'Change the template'
        'Then' = 'Get-FSxFSRMQuotaTemplate'
        'Key' = [ordered] @{
            'Name' = '{Name}'
        }
        'PassThru' = $true
        'Output' = 'Freehold.FSx.FsrmQuotaTemplate'
        'Program' = @('quota', 'template', 'set', '{Name}')
        'Options' = [ordered] @{
            'Description' = '--description='
            'Size' = '--size='
            'SoftLimit' = '--soft-limit='
            'ThresholdConfigurations' = '--threshold='
            'UpdateDerived' = '--apply-to='
            'UpdateDerivedMatching' = '--apply-to='
        }
    }
    'New-FSxFSRMAutoQuota' = [ordered] @{
        'Method' = 'POST'
        'Path' = '/v1/auto-quotas'
        'Body' = [ordered] @{
            'Folder' = 'Path'
            'Template' = 'Template'
        }
        'Convert' = [ordered] @{
            'Folder' = 'Folder'
        }
        'Target' = '{Folder}'
        'Action' = 'Make the auto quota'
        'Then' = 'Get-FSxFSRMAutoQuota'
        'Key' = [ordered] @{
            'Folder' = '{Folder}'
        }
        'Output' = 'Freehold.FSx.FsrmAutoQuota'
        'Program' = @('quota', 'auto', 'add', '{Folder}')
        'Options' = [ordered] @{
            'Template' = '--template='
        }
    }
    'Get-FSxFSRMAutoQuota' = [ordered] @{
        'Method' = 'GET'
        'Path' = '/v1/auto-quotas'
        'Output' = 'Freehold.FSx.FsrmAutoQuota'
        'Map' = [ordered] @{
            'Folder' = 'Path|DrivePath'
            'Path' = 'Path|DrivePath'
            'Template' = 'Template'
            'Disabled' = 'Disabled'
        }
        'Filter' = [ordered] @{
            'Folder' = 'Path'
        }
        'FilterConvert' = [ordered] @{
            'Folder' = 'FolderOnVolume'
        }
        'Program' = @('quota', 'auto', 'list', '-o', 'json')
    }
    'Remove-FSxFSRMAutoQuota' = [ordered] @{
        'Method' = 'DELETE'
        'Path' = '/v1/auto-quotas'
        'Query' = [ordered] @{
            'Folder' = 'path'
        }
        'Convert' = [ordered] @{
            'Folder' = 'Folder'
        }
        'Target' = '{Folder}'
        'Action' = 'Remove the auto quota'
        'Then' = 'Get-FSxFSRMAutoQuota'
        'Key' = [ordered] @{
            'Folder' = '{Folder}'
        }
        'PassThru' = $true
        'Before' = $true
        'Output' = 'Freehold.FSx.FsrmAutoQuota'
        'Program' = @('quota', 'auto', 'remove', '{Folder}')
    }
    'Set-FSxFSRMAutoQuota' = [ordered] @{
        'Method' = 'PATCH'
        'Path' = '/v1/auto-quotas'
        'Body' = [ordered] @{
            'Folder' = 'Path'
            'Template' = 'Template'
            'Disabled' = 'Disabled'
            'UpdateDerived' = 'ApplyTo'
            'UpdateDerivedMatching' = 'ApplyTo'
        }
        'Convert' = [ordered] @{
            'Folder' = 'Folder'
            'UpdateDerived' = 'ApplyAll'
            'UpdateDerivedMatching' = 'ApplyUnmodified'
        }
        'OptionConvert' = [ordered] @{
            'UpdateDerived' = 'ApplyAllWord'
            'UpdateDerivedMatching' = 'ApplyUnmodifiedWord'
        }
        'Target' = '{Folder}'
        'Action' = 'Change the auto quota'
        'Then' = 'Get-FSxFSRMAutoQuota'
        'Key' = [ordered] @{
            'Folder' = '{Folder}'
        }
        'PassThru' = $true
        'Output' = 'Freehold.FSx.FsrmAutoQuota'
        'Program' = @('quota', 'auto', 'set', '{Folder}')
        'Options' = [ordered] @{
            'Template' = '--template='
            'Disabled' = '--disabled='
            'UpdateDerived' = '--apply-to='
            'UpdateDerivedMatching' = '--apply-to='
        }
    }
    'Update-FSxFSRMAutoQuota' = [ordered] @{
        'Method' = 'GET'
        'Path' = '/v1/auto-quotas'
        'Target' = '{Folder}'
        'Action' = 'Update the auto quota'
        'Then' = 'Get-FSxFSRMAutoQuota'
        'Key' = [ordered] @{
            'Folder' = '{Folder}'
        }
        'PassThru' = $true
        'Output' = 'Freehold.FSx.FsrmAutoQuota'
        'Program' = @('quota', 'auto', 'list', '-o', 'json')
    }
}

$script:FreeholdCompleters = @(
    @{
        'Parameter' = 'Name'
        'Commands' = @('Get-FreeholdShare', 'New-FreeholdShare', 'Set-FreeholdShare', 'Remove-FreeholdShare', 'Get-FreeholdShareAccess', 'Grant-FreeholdShareAccess', 'Revoke-FreeholdShareAccess', 'Block-FreeholdShareAccess', 'Unblock-FreeholdShareAccess', 'New-FSxSmbShare', 'Remove-FSxSmbShare', 'Set-FSxSmbShare', 'Get-FSxSmbShare', 'Get-FSxSmbShareAccess', 'Grant-FSxSmbShareAccess', 'Revoke-FSxSmbShareAccess', 'Block-FSxSmbShareAccess', 'Unblock-FSxSmbShareAccess')
        'From' = 'Get-FreeholdShare'
        'Property' = 'Name'
    }
    @{
        'Parameter' = 'Volume'
        'Commands' = @('New-FreeholdShare', 'Set-FreeholdShare', 'Get-FreeholdUserQuotaSettings', 'Set-FreeholdUserQuotaSettings', 'Enable-FreeholdUserQuotas', 'Disable-FreeholdUserQuotas', 'Get-FreeholdUserQuota', 'Set-FreeholdUserQuota', 'Remove-FreeholdUserQuota', 'Get-FreeholdGroupQuota', 'Set-FreeholdGroupQuota', 'Remove-FreeholdGroupQuota', 'Get-FreeholdQuotaReport', 'Get-FreeholdQuotaForecast', 'New-FreeholdDfsnRoot', 'New-FSxSmbShare')
        'From' = 'Get-FreeholdStatus'
        'Property' = 'Volumes'
    }
    @{
        'Parameter' = 'Name'
        'Commands' = @('Get-FreeholdUser', 'New-FreeholdUser', 'Set-FreeholdUser', 'Remove-FreeholdUser')
        'From' = 'Get-FreeholdUser'
        'Property' = 'Name'
    }
    @{
        'Parameter' = 'User'
        'Commands' = @('Get-FreeholdUserQuota', 'Set-FreeholdUserQuota', 'Remove-FreeholdUserQuota')
        'From' = 'Get-FreeholdUserQuota'
        'Property' = 'User'
    }
    @{
        'Parameter' = 'Name'
        'Commands' = @('Get-FreeholdGroup', 'New-FreeholdGroup', 'Set-FreeholdGroup', 'Remove-FreeholdGroup', 'Add-FreeholdGroupMember', 'Remove-FreeholdGroupMember')
        'From' = 'Get-FreeholdGroup'
        'Property' = 'Name'
    }
    @{
        'Parameter' = 'Name'
        'Commands' = @('Get-FreeholdQuotaTemplate', 'New-FreeholdQuotaTemplate', 'Set-FreeholdQuotaTemplate', 'Remove-FreeholdQuotaTemplate', 'New-FSxFSRMQuotaTemplate', 'Get-FSxFSRMQuotaTemplate', 'Set-FSxFSRMQuotaTemplate')
        'From' = 'Get-FreeholdQuotaTemplate'
        'Property' = 'Name'
    }
    @{
        'Parameter' = 'Template'
        'Commands' = @('New-FreeholdFolderQuota', 'Set-FreeholdFolderQuota', 'New-FreeholdAutoQuota', 'Set-FreeholdAutoQuota', 'New-FSxFSRMQuota', 'Reset-FSxFSRMQuota', 'New-FSxFSRMAutoQuota', 'Set-FSxFSRMAutoQuota')
        'From' = 'Get-FreeholdQuotaTemplate'
        'Property' = 'Name'
    }
    @{
        'Parameter' = 'Path'
        'Commands' = @('Get-FreeholdDfsnRoot', 'New-FreeholdDfsnRoot', 'Set-FreeholdDfsnRoot', 'Remove-FreeholdDfsnRoot')
        'From' = 'Get-FreeholdDfsnRoot'
        'Property' = 'Path'
    }
    @{
        'Parameter' = 'SessionId'
        'Commands' = @('Get-FreeholdSession', 'Close-FreeholdSession', 'Get-FSxSmbSession', 'Close-FSxSmbSession')
        'From' = 'Get-FreeholdSession'
        'Property' = 'SessionId'
    }
    @{
        'Parameter' = 'FileId'
        'Commands' = @('Get-FreeholdOpenFile', 'Close-FreeholdOpenFile', 'Get-FSxSmbOpenFile', 'Close-FSxSmbOpenFile')
        'From' = 'Get-FreeholdOpenFile'
        'Property' = 'FileId'
    }
)
