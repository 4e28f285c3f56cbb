# User sessions and open files; encryption in transit.

# A client with a file open: it waits for a reader of its pipe. The file is there before: a client that put it would have it open twice.
mkfifo "$folder/pipe"
echo text > "$folder/demo/volume/files/plan.txt"
smbclient -s /dev/null "//127.0.0.1/files" -p "$port" -U "$user%$password" \
    -c "get plan.txt $folder/pipe" > "$folder/client" 2>&1 < /dev/null &
client=$!
for _ in $(seq 100); do
    freehold openfile list -o json 2> /dev/null | grep -q plan.txt && break
    sleep 0.1
done

# Get-FSxSmbSession
example Get-FSxSmbSession freehold session list -o json
has SessionId ClientComputerName ClientUserName NumOpens SecondsExists SecondsIdle Dialect
shows 'any(row["NumOpens"] >= 1 and row["ClientUserName"].endswith("demo") and row["Dialect"] == "3.1.1" for row in rows)'
# Get-FSxSmbOpenFile
example Get-FSxSmbOpenFile freehold openfile list -o json
has FileId SessionId Path ShareRelativePath ClientComputerName ClientUserName Permissions Locks
shows '[row["ShareRelativePath"] for row in rows if row["ShareRelativePath"]] == ["plan.txt"]'
file=$(python3 -c 'import json,sys; print([row["FileId"] for row in json.load(open(sys.argv[1])) if row["ShareRelativePath"]][0])' "$folder/out")
# Close-FSxSmbOpenFile -FileId ... -Confirm:$false
example Close-FSxSmbOpenFile freehold openfile close "$file" --force
example Get-FSxSmbOpenFile freehold openfile list -o json
shows 'not any(row["ShareRelativePath"] == "plan.txt" for row in rows)'
refused freehold openfile close "$file" --force
# Close-FSxSmbSession -ClientUserName demo -Confirm:$False
example Close-FSxSmbSession freehold session close --user "$user" --force
example Get-FSxSmbSession freehold session list -o json
shows 'rows == []'
kill "$client" 2> /dev/null
wait "$client" 2> /dev/null
client=

# Set-FSxSmbServerConfiguration -EncryptData $True -RejectUnencryptedAccess $True -Confirm:$False
example Set-FSxSmbServerConfiguration freehold server set --encrypt-data true --reject-unencrypted-access true
# Get-FSxSmbServerConfiguration
example Get-FSxSmbServerConfiguration freehold server show -o json
has EncryptData RejectUnencryptedAccess
shows 'rows[0]["EncryptData"] is True and rows[0]["RejectUnencryptedAccess"] is True'
refused timeout 20 smbclient -s /dev/null "//127.0.0.1/files" -p "$port" -U "$user%$password" -m SMB2_10 -c ls
example Set-FSxSmbServerConfiguration freehold server set --encrypt-data false --reject-unencrypted-access false
