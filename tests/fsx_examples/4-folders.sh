# Quotas of folders (File Server Resource Manager).

mkdir -p "$folder/demo/volume/files/department/sub1" "$folder/demo/volume/files/test"

# New-FSxFSRMQuotaTemplate -Name "1GB Hard Limit" -Size 1GB -Description "Standard 1GB hard limit template"
example New-FSxFSRMQuotaTemplate freehold quota template add "1GB Hard Limit" --size 1GB --description "Standard 1GB hard limit template"
# New-FSxFSRMQuotaTemplate -Name "5GB Soft Limit" -Size 5GB -Description ... -SoftLimit -ThresholdConfigurations $thresholds
example New-FSxFSRMQuotaTemplate freehold quota template add "5GB Soft Limit" --size 5GB --description "with 90% warning" --soft-limit --threshold 90
# Get-FSxFSRMQuotaTemplate
example Get-FSxFSRMQuotaTemplate freehold quota template list -o json
has Name Size SoftLimit Description Threshold
shows '[row for row in rows if row["Name"] == "5GB Soft Limit"][0]["Threshold"] == [90]'

# New-FSxFSRMQuota -Folder "share\test" -Size 5GB
example New-FSxFSRMQuota freehold quota folder add files:/test --size 5GB
# New-FSxFSRMQuota -Folder "share\department" -Template "1GB Hard Limit"
example New-FSxFSRMQuota freehold quota folder add files:/department --template "1GB Hard Limit"
# Get-FSxFSRMQuota
example Get-FSxFSRMQuota freehold quota folder list -o json
has Path Description Size SoftLimit Disabled Template MatchesTemplate Usage PeakUsage Threshold
shows '[row["MatchesTemplate"] for row in rows if row["Path"] == "files/department"] == [True]'
# Set-FSxFSRMQuota -Folder "share\department" -Size 2GB -Description "Updated quota for department share"
example Set-FSxFSRMQuota freehold quota folder set files:/department --size 2GB --description "Updated quota for department share"
# Get-FSxFSRMQuota -Folder "share\department"
example Get-FSxFSRMQuota freehold quota folder list files:/department -o json
shows '[(row["Size"], row["Description"], row["MatchesTemplate"]) for row in rows] == [(2 << 30, "Updated quota for department share", False)]'
# Set-FSxFSRMQuota -Folder "share\department" -Disabled: $true
example Set-FSxFSRMQuota freehold quota folder set files:/department --disabled true
# Reset-FSxFSRMQuota -Folder "share\department" -Template "1GB Hard Limit"
example Reset-FSxFSRMQuota freehold quota folder set files:/department --template "1GB Hard Limit"
example Get-FSxFSRMQuota freehold quota folder list files:/department -o json
shows 'rows[0]["Size"] == 1 << 30 and rows[0]["Template"] == "1GB Hard Limit"'
# Set-FSxFSRMQuotaTemplate -Name "1GB Hard Limit" -Size 3GB -UpdateDerived
example Set-FSxFSRMQuotaTemplate freehold quota template set "1GB Hard Limit" --size 3GB --apply-to all
example Get-FSxFSRMQuota freehold quota folder list files:/department -o json
shows 'rows[0]["Size"] == 3 << 30'
# Remove-FSxFSRMQuota -Folder "share\department"
example Remove-FSxFSRMQuota freehold quota folder remove files:/department

# New-FSxFSRMAutoQuota -Folder "share\department" -Template "1GB Hard Limit"
example New-FSxFSRMAutoQuota freehold quota auto add files:/department --template "1GB Hard Limit"
# Get-FSxFSRMAutoQuota
example Get-FSxFSRMAutoQuota freehold quota auto list -o json
has Path Template Disabled
example Get-FSxFSRMQuota freehold quota folder list files:/department/sub1 -o json
shows 'rows[0]["Size"] == 3 << 30'
# Set-FSxFSRMAutoQuota -Folder "share\department" -Template "5GB Soft Limit"
example Set-FSxFSRMAutoQuota freehold quota auto set files:/department --template "5GB Soft Limit"
# Remove-FSxFSRMAutoQuota -Folder "share\department"
example Remove-FSxFSRMAutoQuota freehold quota auto remove files:/department
example Get-FSxFSRMAutoQuota freehold quota auto list -o json
shows 'rows == []'
