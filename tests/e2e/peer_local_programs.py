"""A client and a program of the server's machine in one: HOST PORT SHARE USER PASSWORD FOLDER WHAT.

The program takes locks and leases of the kernel on the files in FOLDER, the share's folder; the client is written with
impacket. WHAT: locks, waits, ends, leases, breaks, silent, unshared. Prints `done` when all held.
"""
import errno
import fcntl
import os
import pathlib
import signal
import struct
import sys
import threading
import time

from impacket import smb3structs
from impacket.smbconnection import SessionError, SMBConnection

host, port, share, user, password, folder, what = sys.argv[1:]
SHARED, EXCLUSIVE, UNLOCK, AT_ONCE = 1, 2, 4, 0x10
NOT_GRANTED, LOCK_CONFLICT, RANGE_NOT_LOCKED, SHARING_VIOLATION = 0xC0000055, 0xC0000054, 0xC000007E, 0xC0000043
LEASE_SIGNAL = signal.SIGRTMIN + 1


class Client:
    """One connection with its session."""

    def __init__(self):
        self.connection = SMBConnection(host, host, sess_port=int(port), timeout=60)
        self.connection.login(user, password)
        self.low = self.connection.getSMBServer()
        self.tree = self.connection.connectTree(share)

    def open(self, name, access=0x12019f):
        return self.connection.openFile(self.tree, name, desiredAccess=access, shareMode=7)

    def open_cached(self, name):
        """With a batch oplock asked for: the handle, and the level that was granted."""
        packet = self.low.SMB_PACKET()
        packet['Command'], packet['TreeID'] = smb3structs.SMB2_CREATE, self.tree
        body = smb3structs.SMB2Create()
        body['RequestedOplockLevel'] = smb3structs.SMB2_OPLOCK_LEVEL_BATCH
        body['ImpersonationLevel'], body['DesiredAccess'], body['ShareAccess'] = 2, 0x12019f, 7
        body['CreateDisposition'], body['CreateOptions'] = smb3structs.FILE_OPEN_IF, 0
        body['Buffer'], body['NameLength'] = name.encode('utf-16-le'), 2 * len(name)
        packet['Data'] = body
        answer = self.low.recvSMB(self.low.sendSMB(packet))
        equal(answer['Status'], 0, 'the open')
        response = smb3structs.SMB2Create_Response(answer['Data'])
        handle = response['FileID'].getData()
        self.low._Session['OpenTable'][handle] = {'FileID': handle, 'TreeConnect': self.tree, 'FileName': name}
        return handle, response['OplockLevel']

    def close(self, handle):
        packet = self.low.SMB_PACKET()
        packet['Command'], packet['TreeID'] = smb3structs.SMB2_CLOSE, self.tree
        packet['Data'] = struct.pack('<HHL', 24, 0, 0) + handle
        equal(self.low.recvSMB(self.low.sendSMB(packet))['Status'], 0, 'a close')

    def break_told(self):
        """The level that a break notification names, which is the next message."""
        window = self.low._Connection['SequenceWindow']
        packet = self.low.recvSMB()
        # the library takes it for the answer to a request that cost no credit
        self.low._Connection['SequenceWindow'] = window
        equal(packet['Command'], smb3structs.SMB2_OPLOCK_BREAK, 'the command of what has come')
        return packet['Data'][2]

    def acknowledge(self, handle, level):
        packet = self.low.SMB_PACKET()
        packet['Command'], packet['TreeID'] = smb3structs.SMB2_OPLOCK_BREAK, self.tree
        packet['Data'] = struct.pack('<HBBL', 24, level, 0, 0) + handle
        return self.low.recvSMB(self.low.sendSMB(packet))['Status']

    def send_lock(self, handle, *elements):
        packet = self.low.SMB_PACKET()
        packet['Command'] = smb3structs.SMB2_LOCK
        packet['TreeID'] = self.tree
        body = smb3structs.SMB2Lock()
        body['FileID'], body['LockCount'], body['LockSequence'] = handle, len(elements), 0
        body['Locks'] = b''.join(struct.pack('<QQLL', *e, 0) for e in elements)
        packet['Data'] = body
        return self.low.sendSMB(packet)

    def lock(self, handle, *elements):
        """The status."""
        return self.low.recvSMB(self.send_lock(handle, *elements))['Status']

    def status(self, call, *arguments):
        """What a call of the library ends with; 0 when it does."""
        try:
            call(*arguments)
        except SessionError as error:
            return error.getErrorCode() & 0xffffffff
        return 0

    def read(self, handle, offset, length):
        return self.status(self.connection.readFile, self.tree, handle, offset, length)

    def write(self, handle, offset, data):
        return self.status(self.connection.writeFile, self.tree, handle, data, offset)


class Program:
    """A file that a program of the server's machine has open."""

    def __init__(self, name):
        self.file = open(pathlib.Path(folder) / name, 'r+b', buffering=0)

    def lock(self, kind, offset, length):
        """True when the kernel gives the lock."""
        try:
            fcntl.lockf(self.file, kind | fcntl.LOCK_NB, length, offset)
        except OSError as error:
            assert error.errno in (errno.EAGAIN, errno.EACCES), error
            return False
        return True

    def unlock(self, offset, length):
        fcntl.lockf(self.file, fcntl.LOCK_UN, length, offset)


def equal(found, wanted, of):
    if found != wanted:
        shown = ['%#x' % v if isinstance(v, int) else repr(v) for v in (found, wanted)]
        raise SystemExit('%s: %s, not %s' % (of, *shown))


def eventually(look, of):
    end = time.monotonic() + 20
    while not look():
        if time.monotonic() > end:
            raise SystemExit('not within 20 s: ' + of)
        time.sleep(0.02)


def locks():
    pathlib.Path(folder, 'f').write_bytes(bytes(100))
    client, other, program = Client(), Client(), Program('f')
    handle, second = client.open('f'), other.open('f')

    # the client's locks hold for the program
    equal(client.lock(handle, (0, 10, EXCLUSIVE | AT_ONCE), (20, 5, SHARED | AT_ONCE)), 0, 'two locks')
    equal(program.lock(fcntl.LOCK_SH, 9, 1), False, 'shared in the exclusive one')
    equal(program.lock(fcntl.LOCK_EX, 10, 10), True, 'beside it')
    equal(program.lock(fcntl.LOCK_EX, 24, 1), False, 'exclusive in the shared one')
    equal(program.lock(fcntl.LOCK_SH, 24, 1), True, 'shared in the shared one')
    program.unlock(0, 100)
    # of two clients' shared locks the second one's end is not the first one's
    equal(other.lock(second, (22, 6, SHARED | AT_ONCE)), 0, "the other client's lock")
    equal(client.lock(handle, (20, 5, UNLOCK)), 0, 'unlock')
    equal([program.lock(fcntl.LOCK_EX, at, 1) for at in (20, 21, 22, 27, 28)], [True, True, False, False, True],
          "after the first client's unlock")
    program.unlock(0, 100)
    equal(client.lock(handle, (0, 10, UNLOCK)), 0, 'unlock')
    equal(program.lock(fcntl.LOCK_EX, 0, 20), True, 'where the client has unlocked')
    program.unlock(0, 100)
    client.connection.closeFile(client.tree, handle)
    other.connection.closeFile(other.tree, second)
    equal(program.lock(fcntl.LOCK_EX, 0, 100), True, 'after both have closed')
    program.unlock(0, 100)

    # the program's locks hold for clients
    handle, second = client.open('f'), other.open('f')
    equal(program.lock(fcntl.LOCK_EX, 50, 10), True, 'the program takes a lock')
    equal(program.lock(fcntl.LOCK_SH, 70, 10), True, 'the program takes a shared lock')
    equal(client.lock(handle, (59, 1, SHARED | AT_ONCE)), NOT_GRANTED, 'shared in its exclusive one')
    equal(client.lock(handle, (0, 5, EXCLUSIVE | AT_ONCE), (55, 1, EXCLUSIVE | AT_ONCE)), NOT_GRANTED, 'all or none')
    equal(other.lock(second, (0, 5, EXCLUSIVE | AT_ONCE)), 0, 'none of them was taken')
    equal(other.lock(second, (0, 5, UNLOCK)), 0, 'unlock')
    equal(client.lock(handle, (79, 1, EXCLUSIVE | AT_ONCE)), NOT_GRANTED, 'exclusive in its shared one')
    equal(client.lock(handle, (79, 1, SHARED | AT_ONCE)), 0, 'shared in its shared one')
    equal(client.read(handle, 40, 11), LOCK_CONFLICT, 'read into its exclusive one')
    equal(client.write(handle, 59, b'xy'), LOCK_CONFLICT, 'write into its exclusive one')
    equal(client.read(handle, 70, 5), 0, 'read in its shared one')
    equal(client.write(handle, 70, b'x'), LOCK_CONFLICT, 'write into its shared one')
    equal(client.write(handle, 60, b'x'), 0, 'write beside them')
    program.unlock(0, 100)
    equal(client.read(handle, 40, 40), 0, 'read after its unlock')
    equal(client.write(handle, 50, b'xyz'), 0, 'write after its unlock')
    equal(pathlib.Path(folder, 'f').read_bytes()[50:53], b'xyz', 'what was written')


def waits():
    pathlib.Path(folder, 'f').write_bytes(bytes(100))
    client, program = Client(), Program('f')
    handle, beside = client.open('f'), client.open('f')
    equal(program.lock(fcntl.LOCK_EX, 0, 1), True, 'the program takes a lock')
    asked = client.send_lock(handle, (0, 1, EXCLUSIVE))
    # the client's other requests are answered meanwhile
    equal(client.read(beside, 10, 5), 0, 'a read meanwhile')
    time.sleep(0.5)
    equal(program.lock(fcntl.LOCK_EX, 0, 1), True, 'nothing was taken from it')
    program.unlock(0, 1)
    equal(client.low.recvSMB(asked)['Status'], 0, 'the lock, once it is free')
    equal(program.lock(fcntl.LOCK_SH, 0, 1), False, 'for the program from then on')
    # one that waits ends with its handle
    equal(program.lock(fcntl.LOCK_EX, 5, 1), True, 'another lock of the program')
    asked = client.send_lock(beside, (5, 1, SHARED))
    time.sleep(0.2)
    client.connection.closeFile(client.tree, beside)
    equal(client.low.recvSMB(asked)['Status'], RANGE_NOT_LOCKED, 'a lock that waits when its handle is closed')


def ends():
    pathlib.Path(folder, 'f').write_bytes(bytes(100))
    client, program = Client(), Program('f')
    equal(client.lock(client.open('f'), (0, 10, EXCLUSIVE | AT_ONCE)), 0, 'a lock')
    equal(program.lock(fcntl.LOCK_SH, 0, 1), False, 'while it holds')
    client.low._NetBIOSSession._sock.close()
    eventually(lambda: program.lock(fcntl.LOCK_EX, 0, 10), 'the lock of a client that is gone')


def leased(name, kind):
    """A lease of the kernel on a file, for a program that takes its time: the file, and when the kernel asked for it."""
    signal.pthread_sigmask(signal.SIG_BLOCK, [LEASE_SIGNAL])
    file = open(pathlib.Path(folder) / name, 'r+b' if kind == fcntl.F_WRLCK else 'rb', buffering=0)
    fcntl.fcntl(file, fcntl.F_SETSIG, LEASE_SIGNAL)
    fcntl.fcntl(file, fcntl.F_SETLEASE, kind)
    return file


def leases(breaks_at_open=True):
    pathlib.Path(folder, 'f').write_bytes(b'before')
    pathlib.Path(folder, 'g').write_bytes(b'beside')
    client, other = Client(), Client()
    beside = client.open('g')
    file = leased('f', fcntl.F_WRLCK)
    outcome = {}

    def use():
        handle = other.open('f')
        outcome['opened'] = time.monotonic()
        outcome['data'] = other.connection.readFile(other.tree, handle, 0, 6)

    thread = threading.Thread(target=use)
    thread.start()
    told = signal.sigtimedwait([LEASE_SIGNAL], 20)
    if told is None:
        raise SystemExit('the kernel has not asked for the lease')
    # what it has in its cache, and only then the lease
    time.sleep(1)
    equal(client.read(beside, 0, 6), 0, 'a read of another file meanwhile')
    equal('data' in outcome, False, 'the read is done')
    if breaks_at_open:
        equal('opened' in outcome, False, 'the open is done')
    else:
        eventually(lambda: 'opened' in outcome, 'the open, which waits for nobody')
    file.write(b'behind')
    given = time.monotonic()
    fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    thread.join(30)
    equal(outcome.get('data'), b'behind', 'what is read')
    if breaks_at_open:
        equal(outcome['opened'] > given, True, 'the open was done after the lease was given back')
    # one that is never given back is taken by the kernel
    pathlib.Path(folder, 'h').write_bytes(b'kept')
    file = leased('h', fcntl.F_RDLCK)
    began = time.monotonic()
    handle = client.open('h')
    status = client.write(handle, 0, b'x')
    patience = int(pathlib.Path('/proc/sys/fs/lease-break-time').read_text())
    equal(status, 0, 'a write against a lease that is kept')
    equal(time.monotonic() - began < patience + 15, True, 'within the patience of the kernel')


def reads(name):
    """Begins to read the file as a program, and returns what comes to hold the data and the time."""
    outcome = {}

    def read():
        outcome['data'] = pathlib.Path(folder, name).read_bytes()
        outcome['at'] = time.monotonic()

    thread = threading.Thread(target=read)
    thread.start()
    return thread, outcome


def breaks():
    """What a client caches is broken by a program that opens the file."""
    pathlib.Path(folder, 'f').write_bytes(b'before')
    client, other = Client(), Client()
    handle, level = client.open_cached('f')
    equal(level, smb3structs.SMB2_OPLOCK_LEVEL_BATCH, 'granted on a file that nobody has open')
    reader, outcome = reads('f')
    equal(client.break_told(), smb3structs.SMB2_OPLOCK_LEVEL_NONE, 'broken to')
    time.sleep(0.5)
    equal(outcome, {}, 'the program reads before the client has answered')
    # what the client has cached comes first
    equal(client.write(handle, 0, b'cached'), 0, 'a write during the break')
    written = time.monotonic()
    equal(client.acknowledge(handle, 0), 0, 'the answer')
    reader.join(30)
    equal(outcome['data'], b'cached', 'what the program reads')
    equal(outcome['at'] > written, True, 'after the answer')

    # another client's open is nothing to the kernel; a close ends a break as well
    client.close(handle)
    handle, level = client.open_cached('f')
    equal(level, smb3structs.SMB2_OPLOCK_LEVEL_BATCH, 'granted again once the program has closed')
    reader, outcome = reads('f')
    equal(client.break_told(), smb3structs.SMB2_OPLOCK_LEVEL_NONE, 'broken to')
    client.close(handle)
    reader.join(30)
    equal(outcome['data'], b'cached', 'what the program reads after the close')

    # a client that is gone is waited for no longer
    handle, level = client.open_cached('f')
    equal(level, smb3structs.SMB2_OPLOCK_LEVEL_BATCH, 'granted a third time')
    client.low._NetBIOSSession._sock.close()
    reader, outcome = reads('f')
    reader.join(30)
    equal(outcome['data'], b'cached', 'what the program reads when the client is gone')

    # nothing is granted while a program has the file open
    with open(pathlib.Path(folder) / 'f', 'rb') as program:
        handle, level = other.open_cached('f')
        equal(level, smb3structs.SMB2_OPLOCK_LEVEL_NONE, 'granted while a program reads the file')
        equal(program.read(), b'cached', 'what it reads')
    other.close(handle)
    # what a client makes it may cache
    handle, level = other.open_cached('new')
    equal(level, smb3structs.SMB2_OPLOCK_LEVEL_BATCH, 'granted on a new file')
    reader, outcome = reads('new')
    equal(other.break_told(), smb3structs.SMB2_OPLOCK_LEVEL_NONE, 'broken to')
    equal(other.acknowledge(handle, 0), 0, 'the answer')
    reader.join(30)
    equal(outcome['data'], b'', 'what the program reads')


def silent():
    """A client that does not answer a break is waited for 35 seconds, which is less than the kernel waits."""
    pathlib.Path(folder, 'f').write_bytes(b'before')
    client = Client()
    _, level = client.open_cached('f')
    equal(level, smb3structs.SMB2_OPLOCK_LEVEL_BATCH, 'granted')
    began = time.monotonic()
    reader, outcome = reads('f')
    reader.join(60)
    equal(outcome.get('data'), b'before', 'what the program reads')
    equal(30 < outcome['at'] - began < 44, True, 'after %.1f s' % (outcome['at'] - began))


def unshared():
    """Where locks are not shared neither side sees the other's; leases are waited for with the first use of the data."""
    pathlib.Path(folder, 'f').write_bytes(bytes(100))
    client, program = Client(), Program('f')
    handle = client.open('f')
    equal(client.lock(handle, (0, 10, EXCLUSIVE | AT_ONCE)), 0, 'a lock')
    equal(program.lock(fcntl.LOCK_EX, 0, 100), True, "the program's")
    equal(client.write(handle, 50, b'x'), 0, 'a write')
    client.connection.closeFile(client.tree, handle)
    del program
    leases(breaks_at_open=False)


{'locks': locks, 'waits': waits, 'ends': ends, 'leases': leases, 'unshared': unshared,
 'breaks': breaks, 'silent': silent}[what]()
print('done')
