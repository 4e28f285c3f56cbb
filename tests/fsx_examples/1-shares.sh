# File shares ("Managing file shares").

# New-FSxSmbShare -Name "New CA Share" -Path "D:\share" -Description "CA share" -ContinuouslyAvailable $True
example New-FSxSmbShare freehold share add "New CA Share" --volume demo --path share --description "CA share" --continuously-available
# New-FSxSmbShare -Name "SQLDB" -Path "D:\sql" -Description "SQL Databases Share" -FolderEnumerationMode AccessBased -EncryptData $true
example New-FSxSmbShare freehold share add SQLDB --volume demo --path sql --description "SQL Databases Share" \
    --access-based-enumeration --encrypt-data
# Get-FSxSmbShare
example Get-FSxSmbShare freehold share list -o json
has Name Path Description ContinuouslyAvailable EncryptData FolderEnumerationMode CachingMode ConcurrentUserLimit CATimeout SecurityDescriptor
shows '[row for row in rows if row["Name"] == "New CA Share"][0]["ContinuouslyAvailable"] is True'
shows '[row for row in rows if row["Name"] == "SQLDB"][0]["FolderEnumerationMode"] == "AccessBased"'
shows '[row for row in rows if row["Name"] == "SQLDB"][0]["EncryptData"] is True'
# Set-FSxSmbShare -Name SQLDB -CachingMode None -ConcurrentUserLimit 20 -Force
example Set-FSxSmbShare freehold share set SQLDB --caching-mode none --concurrent-user-limit 20
example Get-FSxSmbShare freehold share list -o json
shows '[(row["CachingMode"], row["ConcurrentUserLimit"]) for row in rows if row["Name"] == "SQLDB"] == [("None", 20)]'

# Grant-FSxSmbShareAccess -Name SQLDB -AccountName demo -AccessRight Full -Force
example Grant-FSxSmbShareAccess freehold share grant SQLDB demo full
# Block-FSxSmbShareAccess -Name SQLDB -AccountName Guests -Force
example Block-FSxSmbShareAccess freehold share block SQLDB Guests
# Get-FSxSmbShareAccess -Name SQLDB
example Get-FSxSmbShareAccess freehold share access SQLDB -o json
has Name AccountName AccessControlType AccessRight
shows 'any(row["AccountName"].endswith("demo") and row["AccessControlType"] == "Allow" and row["AccessRight"] == "Full" for row in rows)'
shows 'any(row["AccessControlType"] == "Deny" for row in rows)'
# Revoke-FSxSmbShareAccess -Name SQLDB -AccountName demo -Force; Unblock-FSxSmbShareAccess -Name SQLDB -AccountName Guests -Force
example Revoke-FSxSmbShareAccess freehold share revoke SQLDB demo
example Unblock-FSxSmbShareAccess freehold share unblock SQLDB Guests
example Get-FSxSmbShareAccess freehold share access SQLDB -o json
shows 'not any(row["AccountName"].endswith("demo") or row["AccessControlType"] == "Deny" for row in rows)'
# Remove-FSxSmbShare -Name SQLDB -Force
example Remove-FSxSmbShare freehold share remove SQLDB --force
refused freehold share set SQLDB --max-users 1
