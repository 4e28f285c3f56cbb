"""Reads a file's DACL with impacket: HOST PORT SHARE USER PASSWORD NAME. Prints the number of its entries."""
import sys

from impacket import smb3structs
from impacket.ldap import ldaptypes
from impacket.smbconnection import SMBConnection

host, port, share, user, password, name = sys.argv[1:]
c = SMBConnection(host, host, sess_port=int(port))
c.login(user, password)
low = c.getSMBServer()
tree = c.connectTree(share)
handle = c.openFile(tree, name, desiredAccess=0x00020000)
raw = low.queryInfo(tree, handle, infoType=smb3structs.SMB2_0_INFO_SECURITY, fileInfoClass=0, additionalInformation=7, flags=0)
sd = ldaptypes.SR_SECURITY_DESCRIPTOR(data=raw)
print(len(sd['Dacl'].aces))
