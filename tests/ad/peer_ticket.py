"""Reads files with the ticket in the cache: HOST ADDRESS SHARE USER FILE... Prints each one's content, or the NT status."""
import io
import sys

from impacket.smbconnection import SessionError, SMBConnection

host, address, share, user, *files = sys.argv[1:]
c = SMBConnection(host, address)
assert c.kerberosLogin(user, '', 'CORP.EXAMPLE', useCache=True)
for name in files:
    back = io.BytesIO()
    try:
        c.getFile(share, name, back.write)
        print(back.getvalue().decode())
    except SessionError as e:
        print('0x%08x' % e.getErrorCode())
