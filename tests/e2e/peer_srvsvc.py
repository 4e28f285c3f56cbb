"""srvsvc as impacket speaks it: HOST PORT SHARE USER PASSWORD ADMINISTRATOR PASSWORD. One client has a file open; an administrator sees
it, closes it, and ends the client's session. Both bind with a logon of their own, sealed. Prints `done` when all held."""
import sys

from impacket.dcerpc.v5 import rpcrt, srvs, transport, wkst
from impacket.nt_errors import STATUS_FILE_CLOSED, STATUS_NETWORK_NAME_DELETED, STATUS_USER_SESSION_DELETED
from impacket.smbconnection import SessionError, SMBConnection

host, port, share, user, password, admin, admin_password = sys.argv[1:]


def connect(name, secret):
    connection = SMBConnection('*SMBSERVER', host, sess_port=int(port))
    connection.login(name, secret)
    return connection


def bind(connection, pipe, interface, name, secret, level):
    rpc = transport.SMBTransport(host, int(port), pipe, smb_connection=connection).get_dce_rpc()
    rpc.set_credentials(name, secret)
    rpc.set_auth_level(level)
    rpc.connect()
    rpc.bind(interface)
    return rpc


def text(value):
    return value.rstrip('\0')


holder = connect(user, password)
tree = holder.connectTree(share)
file = holder.createFile(tree, 'held.txt')
holder.writeFile(tree, file, b'data')

operator = connect(admin, admin_password)
for level in (rpcrt.RPC_C_AUTHN_LEVEL_CONNECT, rpcrt.RPC_C_AUTHN_LEVEL_PKT_INTEGRITY, rpcrt.RPC_C_AUTHN_LEVEL_PKT_PRIVACY):
    rpc = bind(operator, r'\srvsvc', srvs.MSRPC_UUID_SRVS, admin, admin_password, level)
    shares = srvs.hNetrShareEnum(rpc, 1)['InfoStruct']['ShareInfo']['Level1']['Buffer']
    assert share in [text(entry['shi1_netname']) for entry in shares], shares

# What impacket's netview looks at.
sessions = srvs.hNetrSessionEnum(rpc, '\0', '\0', 10)['InfoStruct']['SessionInfo']['Level10']['Buffer']
assert user in [text(entry['sesi10_username']) for entry in sessions], sessions
logged_on = wkst.hNetrWkstaUserEnum(bind(operator, r'\wkssvc', wkst.MSRPC_UUID_WKST, admin, admin_password,
                                         rpcrt.RPC_C_AUTHN_LEVEL_PKT_PRIVACY), 1)
assert logged_on['UserInfo']['WkstaUserInfo']['Level1']['EntriesRead'] == 0

# The caller of a bind with a logon of its own is that one, on an administrator's session too.
other = bind(operator, r'\srvsvc', srvs.MSRPC_UUID_SRVS, user, password, rpcrt.RPC_C_AUTHN_LEVEL_PKT_PRIVACY)
try:
    srvs.hNetrSessionEnum(other, '\0', '\0', 10)
    raise AssertionError('an ordinary user may list sessions')
except rpcrt.DCERPCException as error:
    assert error.get_error_code() == 5, error

files = srvs.hNetrFileEnum(rpc, '\0', '\0', 3)['InfoStruct']['FileInfo']['Level3']['Buffer']
held = [entry for entry in files if text(entry['fi3_path_name']).endswith('held.txt')]
assert len(held) == 1 and text(held[0]['fi3_username']) == user, files
srvs.hNetrFileClose(rpc, held[0]['fi3_id'])
try:
    holder.readFile(tree, file)
    raise AssertionError('a closed file is read')
except SessionError as error:
    assert error.getErrorCode() == STATUS_FILE_CLOSED, error
try:
    srvs.hNetrFileClose(rpc, held[0]['fi3_id'])
    raise AssertionError('a file is closed twice')
except srvs.DCERPCSessionError as error:
    assert error.get_error_code() == 2314, error

address = [text(entry['sesi10_cname']) for entry in sessions if text(entry['sesi10_username']) == user][0]
srvs.hNetrSessionDel(rpc, '\\\\' + address + '\0', user + '\0')
try:
    holder.createFile(tree, 'another.txt')
    raise AssertionError('an ended session goes on')
except SessionError as error:
    assert error.getErrorCode() in (STATUS_USER_SESSION_DELETED, STATUS_NETWORK_NAME_DELETED), error

assert srvs.hNetrRemoteTOD(rpc)['BufferPtr']['tod_year'] >= 2026
disks = srvs.hNetrServerDiskEnum(rpc, 0)['DiskInfoStruct']['Buffer']
assert disks is not None
secured = srvs.hNetrpGetFileSecurity(rpc, share + '\0', '\\\0', 7)
assert len(secured) > 20, secured

# Who ends the own session has the answer first.
own = [entry for entry in srvs.hNetrSessionEnum(rpc, '\0', '\0', 10)['InfoStruct']['SessionInfo']['Level10']['Buffer']
       if text(entry['sesi10_username']) == admin]
assert own, 'the own session is not listed'
assert srvs.hNetrSessionDel(rpc, '\0', admin + '\0')['ErrorCode'] == 0
try:
    operator.connectTree(share)
    raise AssertionError('the own session goes on')
except SessionError as error:
    assert error.getErrorCode() in (STATUS_USER_SESSION_DELETED, STATUS_NETWORK_NAME_DELETED), error
print('done')
