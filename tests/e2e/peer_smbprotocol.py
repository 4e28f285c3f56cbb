"""A client written with smbprotocol: HOST PORT SHARE USER PASSWORD clear|encrypted. Prints `done` when all held."""
import os
import sys
import uuid

import smbclient
from smbprotocol.connection import Connection, Dialects
from smbprotocol.create_contexts import (CreateContextName, SMB2CreateContextRequest, SMB2CreateQueryMaximalAccessRequest)
from smbprotocol.open import (CreateDisposition, CreateOptions, FileAttributes, FilePipePrinterAccessMask,
                              ImpersonationLevel, Open, ShareAccess)
from smbprotocol.security_descriptor import SMB2CreateSDBuffer
from smbprotocol.session import Session
from smbprotocol.tree import TreeConnect

host, port, share, user, password, mode = sys.argv[1:]
encrypted = mode == 'encrypted'
options = {'username': user, 'password': password, 'port': int(port), 'encrypt': encrypted, 'auth_protocol': 'ntlm'}
root = r'\\%s\%s' % (host, share)


def high_level():
    path = root + r'\Ordner ü'
    smbclient.mkdir(path, **options)
    body = os.urandom(300_000)
    with smbclient.open_file(path + r'\a.bin', mode='wb', **options) as f:
        f.write(body)
    with smbclient.open_file(path + r'\a.bin', mode='rb', **options) as f:
        assert f.read() == body
        f.seek(1000)
        assert f.read(10) == body[1000:1010]
    with smbclient.open_file(path + r'\a.bin', mode='ab', **options) as f:
        f.write(b'end')
    assert smbclient.stat(path + r'\a.bin', **options).st_size == 300_003
    smbclient.rename(path + r'\a.bin', path + r'\b.bin', **options)
    smbclient.truncate(path + r'\b.bin', 5, **options)
    assert smbclient.path.getsize(path + r'\b.bin', **options) == 5
    with smbclient.open_file(path + r'\b.bin:note', mode='w', **options) as f:
        f.write('a stream')
    with smbclient.open_file(path + r'\b.bin:NOTE', mode='r', **options) as f:
        assert f.read() == 'a stream'
    smbclient.remove(path + r'\b.bin:note', **options)
    try:
        smbclient.open_file(path + r'\b.bin:note', mode='r', **options)
        raise AssertionError('the removed stream opens')
    except OSError:
        pass
    smbclient.link(path + r'\b.bin', path + r'\c.bin', **options)
    assert smbclient.stat(path + r'\c.bin', **options).st_nlink == 2
    smbclient.copyfile(path + r'\b.bin', path + r'\copy.bin', **options)     # on the server (FSCTL_SRV_COPYCHUNK)
    with smbclient.open_file(path + r'\copy.bin', mode='rb', **options) as f:
        assert f.read() == body[:5]
    smbclient.utime(path + r'\b.bin', times=(1_000_000_000, 1_100_000_000), **options)
    assert smbclient.stat(path + r'\b.bin', **options).st_mtime == 1_100_000_000
    assert sorted(smbclient.listdir(path, **options)) == ['b.bin', 'c.bin', 'copy.bin']
    for i in range(300):
        with smbclient.open_file(path + r'\n%03d' % i, mode='w', **options) as f:
            f.write(str(i))
    assert len(list(smbclient.scandir(path, search_pattern='n*', **options))) == 300
    assert sum(len(files) for _, _, files in smbclient.walk(root, **options)) == 303
    volume = smbclient.stat_volume(root, **options)
    assert 0 < volume.caller_available_size <= volume.total_size
    for entry in list(smbclient.scandir(path, **options)):
        smbclient.remove(entry.path, **options)
    smbclient.rmdir(path, **options)
    assert smbclient.listdir(root, **options) == []


def descriptor_and_contexts():
    connection = Connection(uuid.uuid4(), host, int(port), require_signing=True)
    connection.connect(Dialects.SMB_3_1_1)
    session = Session(connection, user, password, require_encryption=encrypted, auth_protocol='ntlm')
    session.connect()
    assert session.encrypt_data == encrypted
    tree = TreeConnect(session, root)
    tree.connect()
    f = Open(tree, 'with-acl.txt')
    maximal = SMB2CreateContextRequest()
    maximal['buffer_name'] = CreateContextName.SMB2_CREATE_QUERY_MAXIMAL_ACCESS_REQUEST
    maximal['buffer_data'] = SMB2CreateQueryMaximalAccessRequest()
    answers = f.create(ImpersonationLevel.Impersonation, FilePipePrinterAccessMask.GENERIC_ALL,
                       FileAttributes.FILE_ATTRIBUTE_NORMAL, ShareAccess.FILE_SHARE_READ, CreateDisposition.FILE_CREATE,
                       CreateOptions.FILE_NON_DIRECTORY_FILE, create_contexts=[maximal])
    assert len(answers) == 1 and answers[0]['query_status'].get_value() == 0, answers
    assert answers[0]['maximal_access'].get_value() & 0x1F01FF == 0x1F01FF, answers[0]
    from smbprotocol.open import SMB2QueryInfoRequest, SMB2QueryInfoResponse
    query = SMB2QueryInfoRequest()
    query['info_type'] = 3                      # SMB2_0_INFO_SECURITY
    query['output_buffer_length'] = 65535
    query['additional_information'] = 7         # owner, group, DACL
    query['file_id'] = f.file_id
    request = connection.send(query, session.session_id, tree.tree_connect_id)
    answer = SMB2QueryInfoResponse()
    answer.unpack(connection.receive(request)['data'].get_value())
    sd = SMB2CreateSDBuffer()
    sd.unpack(answer['buffer'].get_value())
    dacl = sd.get_dacl()
    assert sd.get_owner() is not None and len(dacl['aces'].get_value()) >= 1, sd
    f.close()
    session.disconnect()
    connection.disconnect()


high_level()
descriptor_and_contexts()
print('done')
