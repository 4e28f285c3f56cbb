"""Sets the SACL of a file or folder: HOST PORT SHARE USER PASSWORD PATH ENTRY...

An entry is FLAGS:MASK:SID, the first two in hexadecimal: 0x40 records what is granted, 0x80 what is refused, 0x01 and 0x02 are
inherited by files and folders. Without entries the SACL is empty. Prints `done`.
"""
import struct
import sys
import uuid

from smbprotocol.connection import Connection, Dialects
from smbprotocol.open import (CreateDisposition, CreateOptions, FileAttributes, ImpersonationLevel, Open, ShareAccess,
                              SMB2SetInfoRequest, SMB2SetInfoResponse)
from smbprotocol.session import Session
from smbprotocol.tree import TreeConnect

ACCESS_SYSTEM_SECURITY = 0x01000000
SACL_SECURITY_INFORMATION = 8
SYSTEM_AUDIT_ACE_TYPE = 2


def sid_bytes(text):
    parts = [int(p) for p in text.split('-')[1:]]
    return struct.pack('BB', parts[0], len(parts) - 2) + parts[1].to_bytes(6, 'big') + b''.join(
        struct.pack('<I', p) for p in parts[2:])


def ace(entry):
    flags, mask, sid = entry.split(':')
    body = struct.pack('<I', int(mask, 16)) + sid_bytes(sid)
    return struct.pack('<BBH', SYSTEM_AUDIT_ACE_TYPE, int(flags, 16), 4 + len(body)) + body


def descriptor(entries):
    """MS-DTYP 2.4.6, with a SACL alone (SACL_PRESENT, SELF_RELATIVE)."""
    aces = [ace(e) for e in entries]
    size = 8 + sum(map(len, aces))
    return struct.pack('<BBHIIII', 1, 0, 0x8010, 0, 0, 20, 0) + struct.pack('<BBHHH', 2, 0, size, len(aces), 0) + b''.join(aces)


host, port, share, user, password, path, *entries = sys.argv[1:]
connection = Connection(uuid.uuid4(), host, int(port), require_signing=True)
connection.connect(Dialects.SMB_3_1_1)
session = Session(connection, user, password, require_encryption=False, auth_protocol='ntlm')
session.connect()
tree = TreeConnect(session, r'\\%s\%s' % (host, share))
tree.connect()
f = Open(tree, path)
f.create(ImpersonationLevel.Impersonation, ACCESS_SYSTEM_SECURITY, FileAttributes.FILE_ATTRIBUTE_NORMAL,
         ShareAccess.FILE_SHARE_READ | ShareAccess.FILE_SHARE_WRITE | ShareAccess.FILE_SHARE_DELETE,
         CreateDisposition.FILE_OPEN, CreateOptions.FILE_OPEN_REPARSE_POINT)
change = SMB2SetInfoRequest()
change['info_type'] = 3
change['file_info_class'] = 0
change['additional_information'] = SACL_SECURITY_INFORMATION
change['file_id'] = f.file_id
change['buffer'] = descriptor(entries)
request = connection.send(change, session.session_id, tree.tree_connect_id)
SMB2SetInfoResponse().unpack(connection.receive(request)['data'].get_value())
f.close()
session.disconnect()
connection.disconnect()
print('done')
