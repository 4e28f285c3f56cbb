"""Does what lines on standard input say, as users of the domain, with smbprotocol: HOST SHARE. Each line is JSON,
[USER, VERB, ARGUMENT...], and is answered with a line of JSON: an NT status, or a list that begins with one.

A user has one session; `alice#2` is a second one of alice, from another machine. Handles have names of their own.
"""
import json
import struct
import sys
import uuid

from smbprotocol.connection import Connection
from smbprotocol.create_contexts import (CreateContextName, SMB2CreateContextRequest, SMB2CreateDurableHandleReconnectV2,
                                         SMB2CreateDurableHandleRequestV2)
from smbprotocol.exceptions import SMBResponseException
from smbprotocol.file_info import FileInformationClass
from smbprotocol.ioctl import IOCTLFlags, SMB2IOCTLRequest, SMB2IOCTLResponse
from smbprotocol.open import (ImpersonationLevel, Open, RequestedOplockLevel, SMB2QueryInfoRequest, SMB2QueryInfoResponse,
                              SMB2SetInfoRequest)
from smbprotocol.session import Session
from smbprotocol.structure import IntField
from smbprotocol.tree import TreeConnect

HOST, SHARE = sys.argv[1:]
FILE, FILE_SYSTEM, SECURITY, QUOTA = 1, 2, 3, 4
SUPERSEDE, OPEN, CREATE, OPEN_IF, OVERWRITE, OVERWRITE_IF = range(6)
DIRECTORY_FILE, DELETE_ON_CLOSE, DIRECTORY_ATTRIBUTE = 0x1, 0x1000, 0x10
ALL = 0x1F01FF
OWNER_SECURITY_INFORMATION = 1
END_OF_FILE, ALLOCATION, DISPOSITION, RENAME, LINK = 20, 19, 13, 10, 11
REQUEST_RESUME_KEY, COPYCHUNK_WRITE, SET_SPARSE, SET_ZERO_DATA = 0x140078, 0x1480F2, 0x900C4, 0x980C8
PATTERN = bytes(range(256)) * 4096

passwords = {'Administrator': 'Adm1n.Passw0rd'}
trees, handles, guids = {}, {}, {}


def connect(user):
    name = user.partition('#')[0]
    connection = Connection(uuid.uuid4(), HOST, 445)
    connection.connect()
    session = Session(connection, 'CORP\\' + name, passwords.get(name, 'Passw0rd.' + name), require_encryption=False, auth_protocol='ntlm')
    session.connect()
    tree = trees[user] = TreeConnect(session, r'\\%s\%s' % (HOST, SHARE))
    tree.connect()
    return tree


def tree_of(user):
    return trees.get(user) or connect(user)


def call(tree, message):
    connection = tree.session.connection
    return connection.receive(connection.send(message, tree.session.session_id, tree.tree_connect_id))


def plain(message, name, size, value):
    """A field that takes any number: the library knows some values only."""
    field = IntField(size=size)
    field.name, field.structure = name, message
    message.fields[name] = field
    field.set_value(value)


def set_information(handle, kind, number, data, additional=0):
    tree, f = handle
    message = SMB2SetInfoRequest()
    plain(message, 'info_type', 1, kind)
    plain(message, 'file_info_class', 1, number)
    plain(message, 'additional_information', 4, additional)
    message['file_id'] = f.file_id
    message['buffer'] = data
    call(tree, message)


def query(handle, kind, number, data=b'', size=65536):
    tree, f = handle
    message = SMB2QueryInfoRequest()
    plain(message, 'info_type', 1, kind)
    plain(message, 'file_info_class', 1, number)
    message['output_buffer_length'] = size
    message['file_id'] = f.file_id
    if data:
        message['buffer'] = data
    answer = SMB2QueryInfoResponse()
    answer.unpack(call(tree, message)['data'].get_value())
    return answer['buffer'].get_value()


def ioctl(handle, code, data, size=0):
    tree, f = handle
    message = SMB2IOCTLRequest()
    plain(message, 'ctl_code', 4, code)
    message['file_id'] = f.file_id
    message['max_output_response'] = size
    message['flags'] = IOCTLFlags.SMB2_0_IOCTL_IS_FSCTL
    message['buffer'] = data
    answer = SMB2IOCTLResponse()
    answer.unpack(call(tree, message)['data'].get_value())
    return answer['buffer'].get_value()


def new_open(user, handle, name, disposition=OPEN_IF, options=0, access=ALL, **more):
    tree = tree_of(user)
    f = Open(tree, name)
    f.create(ImpersonationLevel.Impersonation, access, 0, 7, disposition, options, **more)
    handles[handle] = (tree, f)


def sid_bytes(text):
    parts = text.split('-')
    subs = [int(p) for p in parts[3:]]
    return struct.pack('>BBHI', int(parts[1]), len(subs), 0, int(parts[2])) + struct.pack('<%dI' % len(subs), *subs)


def sid_text(raw):
    count = raw[1]
    return '-'.join(['S', str(raw[0]), str(int.from_bytes(raw[2:8], 'big'))] + [str(n) for n in struct.unpack_from('<%dI' % count, raw, 8)])


def entries(raw):
    """FILE_QUOTA_INFORMATION: SID, used, threshold, limit."""
    found, at = [], 0
    while True:
        step, length, _, used, threshold, limit = struct.unpack_from('<IIqqqq', raw, at)
        found.append([sid_text(raw[at + 40:at + 40 + length]), used, threshold, limit])
        if step == 0:
            return found
        at += step


def listed(f):
    """What is in a folder, without the dots."""
    found = []
    while True:
        try:
            found += f.query_directory('*', FileInformationClass.FILE_DIRECTORY_INFORMATION)
        except SMBResponseException as e:
            if e.status not in (0x80000006, 0xC000000F):
                raise
            return [e for e in found if e['file_name'].get_value().decode('utf-16-le') not in ('.', '..')]


class Verbs:
    """What a line can say. Each returns nothing, or what follows the status in the answer."""

    def create(self, user, handle, name):
        new_open(user, handle, name)

    def open(self, user, handle, name):
        new_open(user, handle, name, OPEN)

    def mkdir(self, user, handle, name):
        new_open(user, handle, name, OPEN_IF, DIRECTORY_FILE)

    def supersede(self, user, handle, name):
        new_open(user, handle, name, SUPERSEDE)

    def overwrite(self, user, handle, name):
        new_open(user, handle, name, OVERWRITE)

    def temporary(self, user, handle, name):
        """Goes when it is closed."""
        new_open(user, handle, name, OPEN_IF, DELETE_ON_CLOSE)

    def durable(self, user, handle, name):
        guid = guids[handle] = uuid.uuid4()
        wanted = SMB2CreateDurableHandleRequestV2()
        wanted['create_guid'] = guid
        context = SMB2CreateContextRequest()
        context['buffer_name'] = CreateContextName.SMB2_CREATE_DURABLE_HANDLE_REQUEST_V2
        context['buffer_data'] = wanted
        new_open(user, handle, name, create_contexts=[context], oplock_level=RequestedOplockLevel.SMB2_OPLOCK_LEVEL_BATCH)

    def reconnect(self, user, handle, name):
        """Cuts the user's connection and takes the durable handle up on another."""
        tree, f = handles[handle]
        tree.session.connection.disconnect(False)
        del trees[user]
        wanted = SMB2CreateDurableHandleReconnectV2()
        wanted['file_id'] = f.file_id
        wanted['create_guid'] = guids[handle]
        context = SMB2CreateContextRequest()
        context['buffer_name'] = CreateContextName.SMB2_CREATE_DURABLE_HANDLE_RECONNECT_V2
        context['buffer_data'] = wanted
        new_open(user, handle, name, OPEN, create_contexts=[context], oplock_level=RequestedOplockLevel.SMB2_OPLOCK_LEVEL_BATCH)

    def close(self, user, handle):
        handles.pop(handle)[1].close()

    def write(self, user, handle, offset, length):
        handles[handle][1].write(PATTERN[:length], offset)

    def compound(self, user, handle, name, length):
        """CREATE and WRITE in one packet: the status of each."""
        tree = tree_of(user)
        connection, f = tree.session.connection, Open(tree, name)
        create, made = f.create(ImpersonationLevel.Impersonation, ALL, 0, 7, OPEN_IF, 0, send=False)
        write, written = f.write(PATTERN[:length], 0, send=False)
        sent = connection.send_compound([create, write], tree.session.session_id, tree.tree_connect_id, related=True)
        made(sent[0])
        handles[handle] = (tree, f)
        written(sent[1])

    def race(self, user, one, other, length, count):
        """Writes of both handles under way at once, each growing its file: how many were done."""
        sent = []
        for n in range(count):
            for name in (one, other):
                tree, f = handles[name]
                message, done = f.write(PATTERN[:length], n * length, send=False)
                request = tree.session.connection.send(message, tree.session.session_id, tree.tree_connect_id)
                sent.append((done, request))
        finished = 0
        for done, request in sent:
            try:
                done(request)
                finished += 1
            except SMBResponseException as e:
                if e.status != 0xC000007F:
                    raise
        return [finished]

    def eof(self, user, handle, size):
        set_information(handles[handle], FILE, END_OF_FILE, struct.pack('<q', size))

    def allocate(self, user, handle, size):
        set_information(handles[handle], FILE, ALLOCATION, struct.pack('<q', size))

    def delete(self, user, handle):
        set_information(handles[handle], FILE, DISPOSITION, b'\x01')

    def rename(self, user, handle, name, number=RENAME):
        raw = name.encode('utf-16-le')
        set_information(handles[handle], FILE, number, struct.pack('<BxxxxxxxQI', 0, 0, len(raw)) + raw)

    def link(self, user, handle, name):
        self.rename(user, handle, name, LINK)

    def sparse(self, user, handle):
        ioctl(handles[handle], SET_SPARSE, b'\x01')

    def zero(self, user, handle, offset, end):
        ioctl(handles[handle], SET_ZERO_DATA, struct.pack('<qq', offset, end))

    def copy(self, user, source, target, length, offset=0):
        key = ioctl(handles[source], REQUEST_RESUME_KEY, b'', 32)[:24]
        ioctl(handles[target], COPYCHUNK_WRITE, key + struct.pack('<II', 1, 0) + struct.pack('<QQII', 0, offset, length, 0), 12)

    def own(self, user, handle, sid):
        raw = sid_bytes(sid)
        set_information(handles[handle], SECURITY, 0, struct.pack('<BBHIIII', 1, 0, 0x8000, 20, 0, 0, 0) + raw, OWNER_SECURITY_INFORMATION)

    def size(self, user, handle):
        return [struct.unpack_from('<qq', query(handles[handle], FILE, 5))[1]]

    def space(self, user, handle):
        """The caller's total and available bytes, and the disk's."""
        full = lambda: struct.unpack('<qqqII', query(handles[handle], FILE_SYSTEM, 7))
        before, short, after = full(), struct.unpack('<qqII', query(handles[handle], FILE_SYSTEM, 3)), full()
        # a limit that comes or goes meanwhile is in the later two, or in the later one; where nothing limits the caller, others use the disk
        agrees = lambda total, mine, *_: short[0] == total and abs(short[1] - mine) <= mine // 50
        assert agrees(*before) or agrees(*after), (before, short, after)
        total, mine, free, sectors, size = after
        return [n * sectors * size for n in (total, mine, free)]

    def entry(self, user, handle, sid):
        raw = sid_bytes(sid)
        named = struct.pack('<II', 0, len(raw)) + raw
        return entries(query(handles[handle], QUOTA, 0, struct.pack('<BBHIII', 0, 0, 0, len(named), 0, 0) + named))[0][1:]

    def entries(self, user, handle):
        """All that are shown, from the first on, one answer of 200 bytes at a time."""
        found, restart = [], 1
        while True:
            try:
                found += entries(query(handles[handle], QUOTA, 0, struct.pack('<BBHIII', 0, restart, 0, 0, 0, 0), 200))
            except SMBResponseException as e:
                if e.status != 0x8000001A:
                    raise
                return found
            restart = 0

    def limit(self, user, handle, sid, threshold, limit):
        raw = sid_bytes(sid)
        set_information(handles[handle], QUOTA, 0, struct.pack('<IIqqqq', 0, len(raw), 0, 0, threshold, limit) + raw)

    def control(self, user, handle, threshold, limit, flags):
        set_information(handles[handle], FILE_SYSTEM, 6, struct.pack('<qqqqqII', 0, 0, 0, threshold, limit, flags, 0))

    def settings(self, user, handle):
        return list(struct.unpack('<qqqqqII', query(handles[handle], FILE_SYSTEM, 6)))[3:6]

    def index(self, user, handle):
        new_open(user, handle, '$Extend\\$Quota:$Q:$INDEX_ALLOCATION', OPEN, access=0x2019F)

    def wipe(self, user, name):
        """Removes a folder with everything in it."""
        new_open(user, 'wiped', name, OPEN)
        tree, f = handles.pop('wiped')
        for entry in listed(f):
            path = '%s\\%s' % (name, entry['file_name'].get_value().decode('utf-16-le'))
            if entry['file_attributes'].get_value() & DIRECTORY_ATTRIBUTE:
                self.wipe(user, path)
            else:
                new_open(user, 'wiped', path, OPEN, DELETE_ON_CLOSE)
                handles.pop('wiped')[1].close()
        set_information((tree, f), FILE, DISPOSITION, b'\x01')
        f.close()

    def close_all(self, user):
        """Whatever is open, of every user, but quota indexes."""
        for name in [n for n in handles if not n.startswith('index')]:
            handles.pop(name)[1].close()

    def forget(self, user):
        """The server is gone: its connections are, too."""
        for tree in trees.values():
            try:
                tree.session.connection.disconnect(False)
            except Exception:
                pass
        trees.clear()
        handles.clear()


def main():
    verbs = Verbs()
    for line in sys.stdin:
        user, verb, *arguments = json.loads(line)
        try:
            answer = [0] + (getattr(verbs, verb)(user, *arguments) or [])
        except SMBResponseException as e:
            answer = [e.status]
        print(json.dumps(answer), flush=True)


main()
