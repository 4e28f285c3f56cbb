"""netdfs ([MS-DFSNM]) and referrals as impacket speaks them: HOST PORT NAMESPACE USER PASSWORD ADMINISTRATOR PASSWORD. An administrator
makes, changes, lists and removes links of the namespace, which is empty; a user may look only. Prints `done` when all held."""
import struct
import sys

from impacket.dcerpc.v5 import transport
from impacket.dcerpc.v5.dtypes import DWORD, GUID, LPLONG, LPWSTR, NULL, ULONG, WSTR
from impacket.dcerpc.v5.ndr import NDRCALL, NDRPOINTER, NDRSTRUCT, NDRUNION, NDRUniConformantArray
from impacket.dcerpc.v5.rpcrt import DCERPCException
from impacket.smb3structs import FSCTL_DFS_GET_REFERRALS, SMB2_0_IOCTL_IS_FSCTL
from impacket.smbconnection import SMBConnection
from impacket.uuid import uuidtup_to_bin

host, port, namespace, user, password, admin, admin_password = sys.argv[1:]
NETDFS = uuidtup_to_bin(('4fc742e0-4a10-11cf-8273-00aa004ae673', '3.0'))
ACCESS_DENIED, NOT_FOUND, FILE_EXISTS, INVALID_LEVEL = 5, 1168, 80, 124


class DCERPCSessionError(DCERPCException):
    def __init__(self, error_string=None, error_code=None, packet=None):
        DCERPCException.__init__(self, error_string, error_code, packet)


def pointer(to):
    return type('LP' + to.__name__, (NDRPOINTER,), {'referent': (('Data', to),)})


def array_of(what):
    return type(what.__name__ + '_ARRAY', (NDRUniConformantArray,), {'item': what})


class DFS_STORAGE_INFO(NDRSTRUCT):
    structure = (('State', ULONG), ('ServerName', LPWSTR), ('ShareName', LPWSTR))


class DFS_INFO_1(NDRSTRUCT):
    structure = (('EntryPath', LPWSTR),)


class DFS_INFO_2(NDRSTRUCT):
    structure = (('EntryPath', LPWSTR), ('Comment', LPWSTR), ('State', DWORD), ('NumberOfStorages', DWORD))


class DFS_INFO_3(NDRSTRUCT):
    structure = DFS_INFO_2.structure + (('Storage', pointer(array_of(DFS_STORAGE_INFO))),)


class DFS_INFO_4(NDRSTRUCT):
    structure = (('EntryPath', LPWSTR), ('Comment', LPWSTR), ('State', DWORD), ('Timeout', ULONG), ('Guid', GUID),
                 ('NumberOfStorages', DWORD), ('Storage', pointer(array_of(DFS_STORAGE_INFO))))


class DFS_INFO_100(NDRSTRUCT):
    structure = (('Comment', LPWSTR),)


class DFS_INFO_102(NDRSTRUCT):
    structure = (('Timeout', ULONG),)


class DFS_INFO_300(NDRSTRUCT):
    structure = (('Flags', DWORD), ('DfsName', LPWSTR))


INFOS = {1: DFS_INFO_1, 2: DFS_INFO_2, 3: DFS_INFO_3, 4: DFS_INFO_4, 100: DFS_INFO_100, 102: DFS_INFO_102}
LISTS = {1: DFS_INFO_1, 2: DFS_INFO_2, 3: DFS_INFO_3, 4: DFS_INFO_4, 300: DFS_INFO_300}


class DFS_INFO_STRUCT(NDRUNION):
    commonHdr = (('tag', ULONG),)
    union = {level: ('Info%d' % level, pointer(info)) for level, info in INFOS.items()}


def container(level, info):
    return type('DFS_INFO_%d_CONTAINER' % level, (NDRSTRUCT,),
                {'structure': (('EntriesRead', DWORD), ('Buffer', pointer(array_of(info))))})


class DFS_INFO_CONTAINER(NDRUNION):
    commonHdr = (('tag', DWORD),)
    union = {level: ('Level%d' % level, pointer(container(level, info))) for level, info in LISTS.items()}


class DFS_INFO_ENUM_STRUCT(NDRSTRUCT):
    structure = (('Level', DWORD), ('DfsInfoContainer', DFS_INFO_CONTAINER))


class StatusResponse(NDRCALL):
    structure = (('ErrorCode', ULONG),)


class NetrDfsManagerGetVersion(NDRCALL):
    opnum, structure = 0, ()


class NetrDfsManagerGetVersionResponse(StatusResponse):
    pass


class NetrDfsAdd(NDRCALL):
    opnum = 1
    structure = (('DfsEntryPath', WSTR), ('ServerName', WSTR), ('ShareName', LPWSTR), ('Comment', LPWSTR), ('Flags', DWORD))


class NetrDfsAddResponse(StatusResponse):
    pass


class NetrDfsRemove(NDRCALL):
    opnum = 2
    structure = (('DfsEntryPath', WSTR), ('ServerName', LPWSTR), ('ShareName', LPWSTR))


class NetrDfsRemoveResponse(StatusResponse):
    pass


class NetrDfsSetInfo(NDRCALL):
    opnum = 3
    structure = (('DfsEntryPath', WSTR), ('ServerName', LPWSTR), ('ShareName', LPWSTR), ('Level', DWORD), ('DfsInfo', DFS_INFO_STRUCT))


class NetrDfsSetInfoResponse(StatusResponse):
    pass


class NetrDfsGetInfo(NDRCALL):
    opnum = 4
    structure = (('DfsEntryPath', WSTR), ('ServerName', LPWSTR), ('ShareName', LPWSTR), ('Level', DWORD))


class NetrDfsGetInfoResponse(NDRCALL):
    structure = (('DfsInfo', DFS_INFO_STRUCT), ('ErrorCode', ULONG))


class NetrDfsEnum(NDRCALL):
    opnum = 5
    structure = (('Level', DWORD), ('PrefMaxLen', DWORD), ('DfsEnum', pointer(DFS_INFO_ENUM_STRUCT)), ('ResumeHandle', LPLONG))


class NetrDfsEnumResponse(NDRCALL):
    structure = (('DfsEnum', pointer(DFS_INFO_ENUM_STRUCT)), ('ResumeHandle', LPLONG), ('ErrorCode', ULONG))


class NetrDfsMove(NDRCALL):
    opnum = 6
    structure = (('DfsEntryPath', WSTR), ('NewDfsEntryPath', WSTR), ('Flags', ULONG))


class NetrDfsMoveResponse(StatusResponse):
    pass


class NetrDfsAddStdRoot(NDRCALL):
    opnum = 12
    structure = (('ServerName', WSTR), ('RootShare', WSTR), ('Comment', WSTR), ('ApiFlags', DWORD))


class NetrDfsAddStdRootResponse(StatusResponse):
    pass


class NetrDfsRemoveStdRoot(NDRCALL):
    opnum = 13
    structure = (('ServerName', WSTR), ('RootShare', WSTR), ('ApiFlags', DWORD))


class NetrDfsRemoveStdRootResponse(StatusResponse):
    pass


def pipe(name, secret):
    connection = SMBConnection(host, host, sess_port=int(port))
    connection.login(name, secret)
    rpc = transport.SMBTransport(host, int(port), r'\netdfs', smb_connection=connection).get_dce_rpc()
    rpc.connect()
    rpc.bind(NETDFS)
    return connection, rpc


def call(rpc, kind, wanted=0, **fields):
    """Makes a call; its answer, or None where it has the error that is wanted."""
    request = kind()
    for field, value in fields.items():
        request[field] = value if not isinstance(value, str) else value + '\0'
    try:
        answer = rpc.request(request)
    except DCERPCException as error:
        assert error.get_error_code() == wanted, (kind.__name__, fields, error.get_error_code())
        return None
    assert wanted == 0, (kind.__name__, fields, 'succeeded')
    return answer


def listed(rpc, level, resume=NULL, most=0xFFFFFFFF):
    request = NetrDfsEnum()
    request['Level'], request['PrefMaxLen'], request['ResumeHandle'] = level, most, resume
    request['DfsEnum']['Level'] = level
    request['DfsEnum']['DfsInfoContainer']['tag'] = level
    request['DfsEnum']['DfsInfoContainer']['Level%d' % level]['EntriesRead'] = 0
    request['DfsEnum']['DfsInfoContainer']['Level%d' % level]['Buffer'] = NULL
    answer = rpc.request(request)
    return answer['DfsEnum']['DfsInfoContainer']['Level%d' % level]['Buffer'], answer


def shown(rpc, path, level):
    answer = call(rpc, NetrDfsGetInfo, DfsEntryPath=path, ServerName=NULL, ShareName=NULL, Level=level)
    return answer['DfsInfo']['Info%d' % level]


def text(value):
    return value.rstrip('\0')


_, rpc = pipe(admin, admin_password)
assert rpc.request(NetrDfsManagerGetVersion(), checkError=False)['ErrorCode'] == 6
root = r'\\%s\%s' % (host, namespace)
link = root + r'\teams\red'
call(rpc, NetrDfsAdd, DfsEntryPath=link, ServerName='fs1', ShareName='red', Comment='of red', Flags=1)
call(rpc, NetrDfsAdd, DfsEntryPath=link, ServerName='fs2', ShareName=r'data\red', Comment=NULL, Flags=0)
call(rpc, NetrDfsAdd, FILE_EXISTS, DfsEntryPath=link, ServerName='fs3', ShareName='red', Comment=NULL, Flags=1)
for i in range(40):
    call(rpc, NetrDfsAdd, DfsEntryPath=root + r'\more%02d' % i, ServerName='fs1', ShareName='more', Comment=NULL, Flags=1)

# every level shows the same link
for level in 1, 2, 3, 4:
    info = shown(rpc, link, level)
    assert text(info['EntryPath']).lower().endswith((r'\%s\teams\red' % namespace).lower()), info['EntryPath']
    if level > 1:
        assert (text(info['Comment']), info['NumberOfStorages'], info['State']) == ('of red', 2, 1)
    if level > 2:
        assert [(text(s['ServerName']), text(s['ShareName']), s['State']) for s in info['Storage']] == [('fs1', 'red', 2), ('fs2', r'data\red', 2)]
assert text(shown(rpc, link, 100)['Comment']) == 'of red'
call(rpc, NetrDfsGetInfo, INVALID_LEVEL, DfsEntryPath=link, ServerName=NULL, ShareName=NULL, Level=102)
call(rpc, NetrDfsGetInfo, NOT_FOUND, DfsEntryPath=root + r'\none', ServerName=NULL, ShareName=NULL, Level=1)

for level in 1, 2, 3, 4:
    entries, _ = listed(rpc, level)
    assert len(entries) == 42, (level, len(entries))        # the root too
assert [text(e['DfsName']) for e in listed(rpc, 300)[0]][0].lower().endswith('\\' + namespace.lower())
# a little at a time
found, resume = [], 0
while len(found) < 42:
    entries, answer = listed(rpc, 1, resume, 200)
    assert 1 <= len(entries) < 42
    found += [text(e['EntryPath']) for e in entries]
    resume = answer['ResumeHandle']
assert len(set(found)) == 42, found

request = NetrDfsSetInfo()
request['DfsEntryPath'], request['ServerName'], request['ShareName'], request['Level'] = link + '\0', NULL, NULL, 102
request['DfsInfo']['tag'] = 102
request['DfsInfo']['Info102']['Timeout'] = 77
rpc.request(request)
assert shown(rpc, link, 4)['Timeout'] == 77

# the referral, asked for by FSCTL_DFS_GET_REFERRALS
connection, other = pipe(user, password)
asked = struct.pack('<H', 4) + (r'\%s\%s\teams\red\x' % (host, namespace) + '\0').encode('utf-16-le')
low = connection.getSMBServer()
answer = low.ioctl(connection.connectTree('IPC$'), None, FSCTL_DFS_GET_REFERRALS, SMB2_0_IOCTL_IS_FSCTL, asked, 0, 8192)
consumed, count, flags = struct.unpack_from('<HHI', answer)
assert (consumed, count, flags) == (2 * len(r'\%s\%s\teams\red' % (host, namespace)), 2, 2), (consumed, count, flags)
assert struct.unpack_from('<HHHHI', answer, 8)[::4] == (4, 77), answer.hex()
for target in r'\fs1\red', r'\fs2\data\red':
    assert (target + '\0').encode('utf-16-le') in answer, target

# a user looks, and changes nothing
assert text(shown(other, link, 1)['EntryPath']).lower().endswith('red')
for kind, fields in ((NetrDfsAdd, {'DfsEntryPath': link, 'ServerName': 'fs4', 'ShareName': 'x', 'Comment': NULL, 'Flags': 0}),
                     (NetrDfsRemove, {'DfsEntryPath': link, 'ServerName': NULL, 'ShareName': NULL}),
                     (NetrDfsMove, {'DfsEntryPath': link, 'NewDfsEntryPath': root + r'\blue', 'Flags': 0}),
                     (NetrDfsRemoveStdRoot, {'ServerName': host, 'RootShare': namespace, 'ApiFlags': 0})):
    call(other, kind, ACCESS_DENIED, **fields)

call(rpc, NetrDfsMove, DfsEntryPath=link, NewDfsEntryPath=root + r'\blue', Flags=0)
call(rpc, NetrDfsGetInfo, NOT_FOUND, DfsEntryPath=link, ServerName=NULL, ShareName=NULL, Level=1)
assert shown(rpc, root + r'\blue', 4)['Timeout'] == 77
call(rpc, NetrDfsRemove, DfsEntryPath=root + r'\blue', ServerName='fs1', ShareName='red')
assert shown(rpc, root + r'\blue', 2)['NumberOfStorages'] == 1
call(rpc, NetrDfsRemove, DfsEntryPath=root + r'\blue', ServerName=NULL, ShareName=NULL)
call(rpc, NetrDfsRemove, NOT_FOUND, DfsEntryPath=root + r'\blue', ServerName=NULL, ShareName=NULL)
call(rpc, NetrDfsAddStdRoot, FILE_EXISTS, ServerName=host, RootShare=namespace, Comment='again', ApiFlags=0)
call(rpc, NetrDfsRemoveStdRoot, ServerName=host, RootShare=namespace, ApiFlags=0)
call(rpc, NetrDfsAddStdRoot, ServerName=host, RootShare=namespace, Comment='again', ApiFlags=0)
assert text(shown(rpc, root, 100)['Comment']) == 'again'
assert len(listed(rpc, 1)[0]) == 1
print('done')
