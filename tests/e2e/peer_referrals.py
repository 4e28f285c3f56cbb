"""Sends referral requests byte for byte: HOST PORT USER PASSWORD [SHARE]. A line of JSON on standard input is a request: Code
(plain or ex), Input (hexadecimal), MaxOutput; a line on standard output is its reply: Status, Output. They go by a tree connect to
SHARE (IPC$), one after the other over one connection."""
import json
import sys
import uuid

from smbprotocol.connection import Connection
from smbprotocol.exceptions import SMBResponseException
from smbprotocol.ioctl import CtlCode, IOCTLFlags, SMB2IOCTLRequest, SMB2IOCTLResponse
from smbprotocol.session import Session
from smbprotocol.tree import TreeConnect

host, port, user, password = sys.argv[1:5]
share = sys.argv[5] if len(sys.argv) > 5 else 'IPC$'
CODES = {'plain': 0x00060194, 'ex': 0x000601B0}
CtlCode.FSCTL_DFS_GET_REFERRALS_EX = CODES['ex']        # smbprotocol knows the first only

connection = Connection(uuid.uuid4(), host, int(port), require_signing=True)
connection.connect()
session = Session(connection, user, password, require_encryption=False, auth_protocol='ntlm')
session.connect()
tree = TreeConnect(session, r'\\%s\%s' % (host, share))
tree.connect()
for line in sys.stdin:
    asked = json.loads(line)
    request = SMB2IOCTLRequest()
    request['ctl_code'] = CODES[asked['Code']]
    request['file_id'] = b'\xff' * 16
    request['flags'] = IOCTLFlags.SMB2_0_IOCTL_IS_FSCTL
    request['max_output_response'] = asked.get('MaxOutput', 8192)
    request['buffer'] = bytes.fromhex(asked['Input'])
    sent = connection.send(request, sid=session.session_id, tid=tree.tree_connect_id)
    try:
        reply = connection.receive(sent)
        status = 0
    except SMBResponseException as e:
        # a warning comes with the usual response ([MS-SMB2] 3.3.4.4), an error with another
        reply, status = e.header, e.status
    output = b''
    if status in (0, 0x80000005):
        answer = SMB2IOCTLResponse()
        answer.unpack(reply['data'].get_value())
        output = answer['buffer'].get_value()
    print(json.dumps({'Status': '0x%08X' % status, 'Output': output.hex()}), flush=True)
connection.disconnect(True)
