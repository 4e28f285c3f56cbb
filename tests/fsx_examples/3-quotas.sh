# Storage quotas of users.

# Enable-FSxUserQuotas -Track -DefaultLimit 20GB -DefaultWarningLimit 15GB
example Enable-FSxUserQuotas freehold quota mode demo track
example Enable-FSxUserQuotas freehold quota default demo --limit 20GB --warning-limit 15GB
# Get-FSxUserQuotaSettings
example Get-FSxUserQuotaSettings freehold quota settings demo -o json
has DefaultWarningLimit DefaultLimit State
shows 'rows == [{**rows[0], "State": "Track", "DefaultLimit": 20 << 30, "DefaultWarningLimit": 15 << 30}]'
# Enable-FSxUserQuotas -Enforce -DefaultLimit 4000000 -DefaultWarningLimit 3000000
example Enable-FSxUserQuotas freehold quota mode demo enforce
example Enable-FSxUserQuotas freehold quota default demo --limit 4000000 --warning-limit 3000000
example Get-FSxUserQuotaSettings freehold quota settings demo -o json
shows '(rows[0]["State"], rows[0]["DefaultLimit"], rows[0]["DefaultWarningLimit"]) == ("Enforce", 4000000, 3000000)'

# Set-FSxUserQuotas -Domain ... -Name user1 -Limit 60000 -WarningLimit 40000
printf 'User1-Passw0rd\n' > "$folder/password"
example New-LocalUser freehold user add user1 --password-file "$folder/password"
example Set-FSxUserQuotas freehold quota set user1 --volume demo --limit 60000 --warning-limit 40000
head -c 61440 /dev/zero > "$folder/61440"
head -c 50000 /dev/zero > "$folder/50000"
example "a file of 50,000 bytes" smbclient -s /dev/null "//127.0.0.1/files" -p "$port" -U 'user1%User1-Passw0rd' -c "put $folder/50000 a.bin"
# Get-FSxUserQuotaEntries
example Get-FSxUserQuotaEntries freehold quota list demo -o json
has WarningLimit DiskSpaceUsed QuotaVolume Limit Status User
shows '[(row["DiskSpaceUsed"], row["Limit"], row["WarningLimit"], row["Status"]) for row in rows if row["User"].endswith("user1")] == [(50000, 60000, 40000, "Warning")]'
refused smbclient -s /dev/null "//127.0.0.1/files" -p "$port" -U 'user1%User1-Passw0rd' -c "put $folder/61440 b.bin"
example Set-FSxUserQuotas freehold quota set user1 --volume demo --limit 45000
example Get-FSxUserQuotaEntries freehold quota list demo -o json
shows '[row["Status"] for row in rows if row["User"].endswith("user1")] == ["Exceeded"]'
# Disable-FSxUserQuotas
example Disable-FSxUserQuotas freehold quota mode demo off
example Get-FSxUserQuotaSettings freehold quota settings demo -o json
shows 'rows[0]["State"] == "Off"'
