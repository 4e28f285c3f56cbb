"""Makes reparse points with smbprotocol and reads them back: HOST PORT SHARE USER PASSWORD. Prints `done` when all held.

A native symbolic link, and the special files of WSL and of NFS: data on the server, which makes no nodes of its own.
"""
import struct
import sys
import uuid

import smbclient
from smbprotocol.connection import Connection, Dialects
from smbprotocol.exceptions import SMBResponseException
from smbprotocol.ioctl import IOCTLFlags, SMB2IOCTLRequest, SMB2IOCTLResponse
from smbprotocol.open import (CreateDisposition, CreateOptions, FileAttributes, FilePipePrinterAccessMask,
                              ImpersonationLevel, Open, ShareAccess)
from smbprotocol.session import Session
from smbprotocol.tree import TreeConnect

host, port, share, user, password = sys.argv[1:]
options = {'username': user, 'password': password, 'port': int(port), 'auth_protocol': 'ntlm'}
root = r'\\%s\%s' % (host, share)
SET, GET, DELETE = 0x900A4, 0x900A8, 0x900AC
NOT_A_REPARSE_POINT, TAG_MISMATCH, TAG_NOT_HANDLED = 0xC0000275, 0xC0000277, 0xC0000279

connection = Connection(uuid.uuid4(), host, int(port), require_signing=True)
connection.connect(Dialects.SMB_3_1_1)
session = Session(connection, user, password, require_encryption=False, auth_protocol='ntlm')
session.connect()
tree = TreeConnect(session, root)
tree.connect()


def opened(name, create_options=CreateOptions.FILE_OPEN_REPARSE_POINT, disposition=CreateDisposition.FILE_OPEN_IF):
    f = Open(tree, name)
    f.create(ImpersonationLevel.Impersonation, FilePipePrinterAccessMask.GENERIC_ALL, FileAttributes.FILE_ATTRIBUTE_NORMAL,
             ShareAccess.FILE_SHARE_READ | ShareAccess.FILE_SHARE_WRITE | ShareAccess.FILE_SHARE_DELETE, disposition, create_options)
    return f


def fsctl(f, code, data=b''):
    request = SMB2IOCTLRequest()
    request['ctl_code'] = code
    request['file_id'] = f.file_id
    request['max_output_response'] = 16384
    request['flags'] = IOCTLFlags.SMB2_0_IOCTL_IS_FSCTL
    request['buffer'] = data
    sent = connection.send(request, session.session_id, tree.tree_connect_id)
    answer = SMB2IOCTLResponse()
    answer.unpack(connection.receive(sent)['data'].get_value())
    return answer['buffer'].get_value()


def refused(status, function, *arguments):
    try:
        function(*arguments)
    except SMBResponseException as e:
        assert e.status == status, '%#x instead of %#x' % (e.status, status)
        return
    raise AssertionError('%r was not refused' % (arguments,))


def point(tag, data=b''):
    return struct.pack('<IHH', tag, len(data), 0) + data


def nfs(kind, data=b''):
    return point(0x80000014, kind.ljust(8, b'\0') + data)


POINTS = {
    'wsl-fifo': point(0x80000024),
    'wsl-socket': point(0x80000023),
    'wsl-character': point(0x80000025),
    'wsl-block': point(0x80000026),
    'wsl-link': point(0xA000001D, struct.pack('<I', 2) + b'target'),
    'nfs-fifo': nfs(b'FIFO'),
    'nfs-character': nfs(b'CHR', struct.pack('<II', 1, 3)),
    'nfs-link': nfs(b'LNK\x01', 'target'.encode('utf-16-le')),
}
for name, data in POINTS.items():
    f = opened(name)
    refused(NOT_A_REPARSE_POINT, fsctl, f, GET)
    fsctl(f, SET, data)
    assert fsctl(f, GET) == data, name
    refused(TAG_MISMATCH, fsctl, f, SET, point(0xA000000C, bytes(12)))
    f.close()
    refused(TAG_NOT_HANDLED, opened, name, 0, CreateDisposition.FILE_OPEN)
f = opened('plain-again')
fsctl(f, SET, POINTS['wsl-fifo'])
fsctl(f, DELETE, point(0x80000024))
refused(NOT_A_REPARSE_POINT, fsctl, f, GET)
f.close()
opened('plain-again', 0, CreateDisposition.FILE_OPEN).close()

smbclient.mkdir(root + r'\folder', **options)
with smbclient.open_file(root + r'\folder\file', mode='w', **options) as f:
    f.write('by the link')
smbclient.symlink(r'folder\file', root + r'\link', **options)
smbclient.symlink('folder', root + r'\to-folder', target_is_directory=True, **options)
assert smbclient.readlink(root + r'\link', **options).endswith(r'folder\file'), smbclient.readlink(root + r'\link', **options)
# smbprotocol resolves what STATUS_STOPPED_ON_SYMLINK tells it.
for way in (r'\link', r'\to-folder\file'):
    with smbclient.open_file(root + way, mode='r', **options) as f:
        assert f.read() == 'by the link', way
print('done')
