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
    'New-FSxSmbShare' = [ordered] @{
        'Method' = 'POST'
        'Path' = '/v1/shares'
        'Body' = [ordered] @{
            'Name' = 'Name'
            'Path' = 'Path'
            'Volume' = 'Volume'
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
            'Path' = '--path='
            'Volume' = '--volume='
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
        'Commands' = @('New-FreeholdShare', 'Set-FreeholdShare', 'New-FSxSmbShare')
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
        'Parameter' = 'Name'
        'Commands' = @('Get-FreeholdGroup', 'New-FreeholdGroup', 'Remove-FreeholdGroup', 'Add-FreeholdGroupMember', 'Remove-FreeholdGroupMember')
        'From' = 'Get-FreeholdGroup'
        'Property' = 'Name'
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
