"""CLOSE right behind requests of the same handle, with impacket, none of whose answers is waited for: HOST PORT SHARE USER PASSWORD
FOLDER, the share's folder. Prints a line per case and `done`.

Each request ends with the status that it would have without the close, or with that of a wait that a close ends ([MS-SMB2]
3.3.5.10, 3.3.4.17); the close's answer is the last of its handle; what was written is there.
"""
import pathlib
import struct
import sys

from impacket import smb3structs
from impacket.smbconnection import SMBConnection

host, port, share, user, password, folder = sys.argv[1:]
SUCCESS, NOTIFY_CLEANUP, RANGE_NOT_LOCKED, PIPE_BROKEN, FILE_CLOSED = 0, 0x10B, 0xC000007E, 0xC000014B, 0xC0000128
PIECE, PIECES = 65536, 48
MEBIBYTE = 1 << 20
BIND = bytes.fromhex('05000b03100000004800000001000000b810b8100000000001000000000001'
                     '00c84f324b7016d30112785a47bf6ee18803000000045d888aeb1cc9119fe808002b10486002000000')
folder = pathlib.Path(folder)


def equal(found, wanted, of):
    if found != wanted:
        raise SystemExit('%s: %r, not %r' % (of, found, wanted))


class Client:
    def __init__(self):
        self.connection = SMBConnection(host, host, sess_port=int(port), timeout=60)
        self.connection.login(user, password)
        self.low = self.connection.getSMBServer()
        self.tree = self.connection.connectTree(share)

    def open(self, name, access=0x1301bf, folder=False, tree=None):
        return self.connection.openFile(tree or self.tree, name, desiredAccess=access, shareMode=7, creationDisposition=3,
                                        creationOption=1 if folder else 0)

    def send(self, command, body, tree=None):
        packet = self.low.SMB_PACKET()
        packet['Command'], packet['TreeID'], packet['Data'] = command, tree or self.tree, body
        return self.low.sendSMB(packet)

    def close(self, handle, flags=0, tree=None):
        return self.send(smb3structs.SMB2_CLOSE, struct.pack('<HHL', 24, flags, 0) + handle, tree)

    def write(self, handle, offset, data):
        body = struct.pack('<HHLQ16sLLHHL', 49, 112, len(data), offset, handle, 0, 0, 0, 0, 0)
        return self.send(smb3structs.SMB2_WRITE, body + data)

    def read(self, handle, offset, length, tree=None):
        body = struct.pack('<HBBLQ16sLLLHHB', 49, 80, 0, length, offset, handle, 0, 0, 0, 0, 0, 0)
        return self.send(smb3structs.SMB2_READ, body, tree)

    def control(self, handle, code, data, room, tree=None):
        body = struct.pack('<HHL16sLLLLLLLL', 57, 0, code, handle, 120, len(data), 0, 0, 0, room, 1, 0)
        return self.send(smb3structs.SMB2_IOCTL, body + data, tree)

    def lock(self, handle, flags):
        body = struct.pack('<HHL16sQQLL', 48, 1, 0, handle, 0, 10, flags, 0)
        return self.send(smb3structs.SMB2_LOCK, body)

    def list(self, handle):
        pattern = '*'.encode('utf-16-le')
        body = struct.pack('<HBBL16sHHL', 33, 37, 0, 0, handle, 96, len(pattern), 65536)
        return self.send(smb3structs.SMB2_QUERY_DIRECTORY, body + pattern)

    def watch(self, handle):
        return self.send(smb3structs.SMB2_CHANGE_NOTIFY, struct.pack('<HHL16sLL', 32, 0, 4096, handle, 0xFFF, 0))

    def set(self, handle, kind, data):
        return self.send(smb3structs.SMB2_SET_INFO, struct.pack('<HBBLHHL16s', 33, 1, kind, len(data), 96, 0, 0, handle) + data)

    def ends(self, requests, close, of, wanted=SUCCESS):
        """The answers that come, in their order: the close's is the last, and nothing comes behind it."""
        echo = self.send(smb3structs.SMB2_ECHO, struct.pack('<HH', 4, 0), 0)
        waited, came = set(requests) | {close, echo}, []
        while waited:
            answer = self.low.recvSMB()
            if answer['MessageID'] not in waited:
                raise SystemExit('%s: an answer to %r, which nobody waits for' % (of, answer['MessageID']))
            waited.remove(answer['MessageID'])
            if answer['MessageID'] != echo:
                came.append(answer)
        equal(came[-1]['MessageID'], close, of + ': the last answer')
        equal(came[-1]['Status'], SUCCESS, of + ': the close')
        for answer in came[:-1]:
            equal(answer['Status'], wanted, of)
        print(of, len(came), flush=True)
        return came[-1]


client, other = Client(), Client()
data = b''.join(bytes([at % 251]) * PIECE for at in range(PIECES))

for at in range(4):
    handle = client.open('written')
    writes = [client.write(handle, place * PIECE, data[place * PIECE:(place + 1) * PIECE]) for place in range(PIECES)]
    close = client.ends(writes, client.close(handle, 1), 'writes')
    equal(struct.unpack_from('<Q', close['Data'], 48)[0], len(data), 'the size that the close tells')
    equal((folder / 'written').read_bytes() == data, True, 'what was written')
    (folder / 'written').unlink()

(folder / 'read').write_bytes(data)
handle = client.open('read')
client.ends([client.read(handle, at * PIECE, PIECE) for at in range(PIECES)], client.close(handle), 'reads')

(folder / 'from').write_bytes(data * 5 + data[:MEBIBYTE])
source, target = client.open('from'), client.open('to')
key = client.low.recvSMB(client.control(source, 0x140078, b'', 32))['Data'][48:72]
chunks = b''.join(struct.pack('<QQLL', at * MEBIBYTE, at * MEBIBYTE, MEBIBYTE, 0) for at in range(16))
copy = client.control(target, 0x1480f2, key + struct.pack('<LL', 16, 0) + chunks, 12)
client.ends([copy], client.close(target), 'a copy of 16 MiB')
equal((folder / 'to').read_bytes() == (data * 6)[:16 * MEBIBYTE], True, 'what was copied')
client.low.recvSMB(client.close(source))

target = client.open('to')
zero = client.control(target, 0x980c8, struct.pack('<QQ', 0, 8 * MEBIBYTE), 0)
client.ends([zero], client.close(target), 'zeroes')
equal((folder / 'to').read_bytes() == bytes(8 * MEBIBYTE) + (data * 6)[8 * MEBIBYTE:16 * MEBIBYTE], True, 'what is left')

(folder / 'many').mkdir()
for at in range(2000):
    (folder / 'many' / ('a name of some length %d' % at)).touch()
handle = client.open('many', 0x100081, folder=True)
client.ends([client.list(handle)], client.close(handle), 'a listing')

handle = client.open('many', 0x100081, folder=True)
client.ends([client.watch(handle)], client.close(handle), 'a watch', NOTIFY_CLEANUP)

(folder / 'locked').write_bytes(bytes(100))
handle, holder = client.open('locked'), other.open('locked')
equal(other.low.recvSMB(other.lock(holder, 0x12))['Status'], SUCCESS, 'a lock')
client.ends([client.lock(handle, 2)], client.close(handle), 'a lock that waits', RANGE_NOT_LOCKED)

handle = client.open('renamed')
name = 'has another name'.encode('utf-16-le')
rename = client.set(handle, 10, struct.pack('<B7xQL', 0, 0, len(name)) + name)
client.ends([rename], client.close(handle), 'a rename')
equal((folder / 'has another name').exists(), True, 'the new name')
handle = client.open('has another name')
client.ends([client.set(handle, 13, b'\1')], client.close(handle), 'a deletion')
equal((folder / 'has another name').exists(), False, 'the file')

pipes = client.connection.connectTree('IPC$')
pipe = client.open('srvsvc', 0x12019f, tree=pipes)
call = client.control(pipe, 0x11c017, BIND, 1024, pipes)
client.ends([call], client.close(pipe, tree=pipes), 'a transceive')
pipe = client.open('srvsvc', 0x12019f, tree=pipes)
client.ends([client.read(pipe, 0, 1024, pipes)], client.close(pipe, tree=pipes), 'a read of an empty pipe', PIPE_BROKEN)

handle = client.open('read')
close = client.close(handle)
late = [client.read(handle, 0, 10), client.close(handle)]
came = [client.low.recvSMB() for _ in range(3)]
equal([(answer['MessageID'], answer['Status']) for answer in came],
      [(close, SUCCESS), (late[0], FILE_CLOSED), (late[1], FILE_CLOSED)], 'requests behind a close')
print('done')
