"""A client written with impacket: HOST PORT SHARE USER PASSWORD clear|encrypted. Prints `done` when all held."""
import io
import os
import sys

from impacket import smb3structs
from impacket.dcerpc.v5 import srvs, transport
from impacket.ldap import ldaptypes
from impacket.smbconnection import SessionError, SMBConnection

host, port, share, user, password, mode = sys.argv[1:]


def files(dialect):
    c = SMBConnection(host, host, sess_port=int(port), preferredDialect=dialect)
    c.login(user, password)
    low = c.getSMBServer()
    if mode == 'encrypted' and dialect is not None and dialect >= smb3structs.SMB2_DIALECT_30:
        low._Session['SessionFlags'] |= smb3structs.SMB2_SESSION_FLAG_ENCRYPT_DATA
    assert share in [s['shi1_netname'][:-1] for s in c.listShares()]
    c.createDirectory(share, 'dir')
    body = os.urandom(200_000)
    c.putFile(share, 'dir/a.bin', io.BytesIO(body).read)
    back = io.BytesIO()
    c.getFile(share, 'dir/a.bin', back.write)
    assert back.getvalue() == body
    names = [f.get_longname() for f in c.listPath(share, 'dir/*')]
    assert sorted(names) == ['.', '..', 'a.bin'], names
    assert [f.get_filesize() for f in c.listPath(share, 'dir/A.BIN')] == [200_000]

    tree = c.connectTree(share)
    handle = c.openFile(tree, 'dir\\a.bin', desiredAccess=0x001F01FF)
    c.writeFile(tree, handle, b'changed', 10)
    assert c.readFile(tree, handle, 8, 12) == body[8:10] + b'changed' + body[17:20]
    raw = low.queryInfo(tree, handle, infoType=smb3structs.SMB2_0_INFO_SECURITY, fileInfoClass=0,
                        additionalInformation=7, flags=0)
    sd = ldaptypes.SR_SECURITY_DESCRIPTOR(data=raw)
    assert sd['OwnerSid'].formatCanonical().startswith('S-1-'), sd['OwnerSid']
    assert len(sd['Dacl'].aces) >= 1
    # one more entry: Everyone may read; it must come back
    ace = ldaptypes.ACE()
    ace['AceType'], ace['AceFlags'] = ldaptypes.ACCESS_ALLOWED_ACE.ACE_TYPE, 0
    allowed = ldaptypes.ACCESS_ALLOWED_ACE()
    allowed['Mask'] = ldaptypes.ACCESS_MASK()
    allowed['Mask']['Mask'] = 0x00120089
    allowed['Sid'] = ldaptypes.LDAP_SID()
    allowed['Sid'].fromCanonical('S-1-1-0')
    ace['Ace'] = allowed
    sd['Dacl'].aces.append(ace)
    only_dacl = ldaptypes.SR_SECURITY_DESCRIPTOR()
    only_dacl['Revision'], only_dacl['Sbz1'], only_dacl['Control'] = b'\x01', b'\x00', 0x8004
    only_dacl['OwnerSid'] = only_dacl['GroupSid'] = only_dacl['Sacl'] = b''
    only_dacl['Dacl'] = sd['Dacl']
    low.setInfo(tree, handle, infoType=smb3structs.SMB2_0_INFO_SECURITY, fileInfoClass=0, additionalInformation=4,
                inputBlob=only_dacl.getData())
    again = ldaptypes.SR_SECURITY_DESCRIPTOR(data=low.queryInfo(
        tree, handle, infoType=smb3structs.SMB2_0_INFO_SECURITY, fileInfoClass=0, additionalInformation=7, flags=0))
    assert any(a['Ace']['Sid'].formatCanonical() == 'S-1-1-0' and a['Ace']['Mask']['Mask'] == 0x00120089
               for a in again['Dacl'].aces), [a['Ace']['Sid'].formatCanonical() for a in again['Dacl'].aces]
    c.closeFile(tree, handle)
    c.rename(share, 'dir\\a.bin', 'dir\\b.bin')
    try:
        c.getFile(share, 'dir/a.bin', back.write)
        raise AssertionError('the old name still opens')
    except SessionError as e:
        assert e.getErrorCode() == 0xC0000034, hex(e.getErrorCode())
    c.deleteFile(share, 'dir/b.bin')
    c.deleteDirectory(share, 'dir')
    c.logoff()


def rpc():
    where = transport.DCERPCTransportFactory(r'ncacn_np:%s[\pipe\srvsvc]' % host)
    where.set_dport(int(port))
    where.set_credentials(user, password)
    dce = where.get_dce_rpc()
    dce.connect()
    dce.bind(srvs.MSRPC_UUID_SRVS)
    answer = srvs.hNetrShareEnum(dce, 1)
    entries = answer['InfoStruct']['ShareInfo']['Level1']['Buffer']
    assert {'IPC$\0', share + '\0'} <= {e['shi1_netname'] for e in entries}
    one = srvs.hNetrShareGetInfo(dce, share + '\0', 1)
    assert one['InfoStruct']['ShareInfo1']['shi1_netname'] == share + '\0'
    server = srvs.hNetrServerGetInfo(dce, 101)
    assert server['InfoStruct']['ServerInfo101']['sv101_platform_id'] == 500
    assert srvs.hNetrRemoteTOD(dce)['BufferPtr']['tod_elapsedt'] > 1_700_000_000
    dce.disconnect()


for dialect in ((smb3structs.SMB2_DIALECT_30, smb3structs.SMB2_DIALECT_311) if mode == 'encrypted' else
                (None, smb3structs.SMB2_DIALECT_002, smb3structs.SMB2_DIALECT_21, smb3structs.SMB2_DIALECT_311)):
    files(dialect)
rpc()
print('done')
