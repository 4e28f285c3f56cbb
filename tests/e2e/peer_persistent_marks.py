"""Persistent opens of smbprotocol before and after the server was killed: HOST PORT SHARE USER PASSWORD CLIENT_GUID before|after [FILE_IDS].

`before` opens a file that another of its opens marks for deletion, and a stream that it renames, prints their FileIds and is gone without
a close. `after` takes both up again and prints `done` when the file goes with its open, and the stream is the one of the new name.
"""
import os
import sys
import uuid

from smbprotocol.connection import Connection, Dialects
from smbprotocol.create_contexts import (CreateContextName, SMB2CreateContextRequest, SMB2CreateDurableHandleReconnectV2,
                                         SMB2CreateDurableHandleRequestV2)
from smbprotocol.exceptions import SMBResponseException
from smbprotocol.file_info import FileDispositionInformation, FileRenameInformation
from smbprotocol.header import NtStatus
from smbprotocol.open import (CreateDisposition, CreateOptions, FileAttributes, FilePipePrinterAccessMask,
                              ImpersonationLevel, Open, SMB2SetInfoRequest, ShareAccess)
from smbprotocol.session import Session
from smbprotocol.tree import TreeConnect

host, port, share, user, password, client, when, *ids = sys.argv[1:]
PERSISTENT = 2
EVERYBODY = ShareAccess.FILE_SHARE_READ | ShareAccess.FILE_SHARE_WRITE | ShareAccess.FILE_SHARE_DELETE
# STATUS_DELETE_PENDING and STATUS_OBJECT_NAME_NOT_FOUND
DELETE_PENDING, NOT_FOUND = 0xC0000056, NtStatus.STATUS_OBJECT_NAME_NOT_FOUND

connection = Connection(uuid.UUID(client), host, int(port))
# SMB2_GLOBAL_CAP_PERSISTENT_HANDLES, which smbprotocol has no use for itself
connection.client_capabilities |= 0x10
connection.connect(Dialects.SMB_3_1_1)
session = Session(connection, user, password, require_encryption=False, auth_protocol='ntlm')
session.connect()
tree = TreeConnect(session, r'\\%s\%s' % (host, share))
tree.connect()


def opened(name, context=None, disposition=CreateDisposition.FILE_OPEN):
    f = Open(tree, name)
    contexts = None
    if context is not None:
        wrapped = SMB2CreateContextRequest()
        wrapped['buffer_name'] = context.NAME
        wrapped['buffer_data'] = context
        contexts = [wrapped]
    f.create(ImpersonationLevel.Impersonation, FilePipePrinterAccessMask.MAXIMUM_ALLOWED, FileAttributes.FILE_ATTRIBUTE_NORMAL,
             EVERYBODY, disposition, CreateOptions.FILE_NON_DIRECTORY_FILE, create_contexts=contexts)
    return f


def guid_of(number):
    return uuid.uuid5(uuid.UUID(client), str(number))


def persistent(name, number):
    ask = SMB2CreateDurableHandleRequestV2()
    ask['timeout'], ask['flags'], ask['create_guid'] = 300_000, PERSISTENT, guid_of(number)
    return opened(name, ask, CreateDisposition.FILE_OPEN_IF)


def taken_up(name, number, file_id):
    ask = SMB2CreateDurableHandleReconnectV2()
    ask['file_id'], ask['create_guid'], ask['flags'] = file_id, guid_of(number), PERSISTENT
    return opened(name, ask)


def change(f, information):
    request = SMB2SetInfoRequest()
    request['info_type'], request['file_info_class'] = information.INFO_TYPE, information.INFO_CLASS
    request['file_id'], request['buffer'] = f.file_id, information
    connection.receive(connection.send(request, session.session_id, tree.tree_connect_id))


def refused(name):
    try:
        opened(name)
    except SMBResponseException as e:
        return e.status
    return 0


if when == 'before':
    doomed, stream = persistent('doomed', 1), persistent('kept:before', 2)
    disposition = FileDispositionInformation()
    disposition['delete_pending'] = True
    change(opened('doomed'), disposition)
    rename = FileRenameInformation()
    rename['file_name'] = ':after'.encode('utf-16-le')
    change(stream, rename)
    print(doomed.file_id.hex(), stream.file_id.hex(), flush=True)
    # the connection goes with the process, and nothing is closed
    os._exit(0)
doomed_id, stream_id = map(bytes.fromhex, ids)
assert refused('doomed') == DELETE_PENDING, hex(refused('doomed'))
doomed = taken_up('doomed', 1, doomed_id)
stream = taken_up('kept:after', 2, stream_id)
assert stream.write(b'written after', 0) == 13
stream.close()
doomed.close()
assert refused('doomed') == NOT_FOUND, hex(refused('doomed'))
assert refused('kept:before') == NOT_FOUND, hex(refused('kept:before'))
assert opened('kept:after').read(0, 100) == b'written after'
print('done')
