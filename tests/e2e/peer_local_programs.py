"""A client and a program of the server's machine in one: HOST PORT SHARE USER PASSWORD FOLDER WHAT.

The program takes locks and leases of the kernel on the files in FOLDER, the share's folder; the client is written with
impacket. WHAT: locks, waits, ends, leases, unshared. Prints `done` when all held.
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
    equal('opened' in outcome, not breaks_at_open, 'the open is done')
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


{'locks': locks, 'waits': waits, 'ends': ends, 'leases': leases, 'unshared': unshared}[what]()
print('done')
