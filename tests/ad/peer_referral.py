"""Which targets a referral has: HOST PATH USER PASSWORD [SITE]. Prints them as JSON, a list of target sets.

With SITE the request is FSCTL_DFS_GET_REFERRALS_EX and names the client's site; without it is FSCTL_DFS_GET_REFERRALS.
"""
import json
import struct
import sys
import uuid

from smbprotocol.connection import Connection
from smbprotocol.ioctl import CtlCode, IOCTLFlags, SMB2IOCTLRequest, SMB2IOCTLResponse
from smbprotocol.session import Session
from smbprotocol.tree import TreeConnect

SET_BOUNDARY = 4        # [MS-DFSC] 2.2.5.4 TargetSetBoundary


def counted(text):
    data = (text + '\0').encode('utf-16-le')
    return struct.pack('<H', len(data)) + data


def request(path, site):
    """[MS-DFSC] 2.2.2, 2.2.3."""
    if site is None:
        return struct.pack('<H', 4) + (path + '\0').encode('utf-16-le')
    names = counted(path) + counted(site)
    return struct.pack('<HHI', 4, 1, len(names)) + names


def text_at(data, offset):
    end = offset
    while data[end:end + 2] != b'\0\0':
        end += 2
    return data[offset:end].decode('utf-16-le')


def targets(data):
    """[MS-DFSC] 2.2.4, 2.2.5.4: addresses, in sets."""
    count, sets, offset = struct.unpack_from('<H', data, 2)[0], [], 8
    for _ in range(count):
        version, size, _, flags, _ = struct.unpack_from('<HHHHI', data, offset)
        assert version == 4, version
        address = struct.unpack_from('<H', data, offset + 16)[0]
        if flags & SET_BOUNDARY:
            sets.append([])
        sets[-1].append(text_at(data, offset + address))
        offset += size
    return sets


host, path, user, password, *site = sys.argv[1:]
connection = Connection(uuid.uuid4(), host, 445)
connection.connect(timeout=20)
session = Session(connection, user, password, auth_protocol='ntlm')
session.connect()
tree = TreeConnect(session, r'\\%s\IPC$' % host)
tree.connect()
call = SMB2IOCTLRequest()
call['ctl_code'] = CtlCode.FSCTL_DFS_GET_REFERRALS_EX if site else CtlCode.FSCTL_DFS_GET_REFERRALS
call['file_id'] = b'\xff' * 16
call['max_output_response'] = 16384
call['flags'] = IOCTLFlags.SMB2_0_IOCTL_IS_FSCTL
call['buffer'] = request(path, site[0] if site else None)
sent = connection.send(call, sid=session.session_id, tid=tree.tree_connect_id)
answer = SMB2IOCTLResponse()
answer.unpack(connection.receive(sent)['data'].get_value())
print(json.dumps(targets(answer['buffer'].get_value())))
connection.disconnect()
