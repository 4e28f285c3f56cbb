"""A client written with impacket: HOST ADDRESS SHARE USER PASSWORD ntlm|kerberos signed|encrypted. Prints `done`.

Kerberos takes the ticket from the cache: the KDC refuses the requests for tickets that impacket makes (no checksum).
"""
import io
import os
import sys

from impacket import smb3structs
from impacket.smbconnection import SMBConnection

host, address, share, user, password, how, protection = sys.argv[1:]


def files(dialect):
    c = SMBConnection(host, address, preferredDialect=dialect)
    if how == 'kerberos':
        assert c.kerberosLogin(user, '', 'CORP.EXAMPLE', useCache=True)
    else:
        c.login(user, password, 'CORP')
    low = c.getSMBServer()
    if protection == 'encrypted':
        low._Session['SessionFlags'] |= smb3structs.SMB2_SESSION_FLAG_ENCRYPT_DATA
    assert share in [s['shi1_netname'][:-1] for s in c.listShares()]
    body = os.urandom(100_000)
    c.putFile(share, 'a.bin', io.BytesIO(body).read)
    back = io.BytesIO()
    c.getFile(share, 'a.bin', back.write)
    assert back.getvalue() == body
    c.deleteFile(share, 'a.bin')
    c.logoff()


for wanted in ((smb3structs.SMB2_DIALECT_30, smb3structs.SMB2_DIALECT_311) if protection == 'encrypted' else
               (None, smb3structs.SMB2_DIALECT_21, smb3structs.SMB2_DIALECT_311)):
    files(wanted)
print('done')
