"""Two clients of one file, the first of which sends its writes slowly: HOST PORT SHARE USER PASSWORD. Prints `done` when all held."""
import os
import sys
import time

from impacket import smb3structs
from impacket.smb3 import SessionError
from impacket.smbconnection import SMBConnection

host, port, share, user, password = sys.argv[1:]
# Transport header, SMB2 header, fixed part of a WRITE; a large write that neither is signed nor sealed may be written as it comes.
HEAD = 4 + 64 + 48
SIZE = 1 << 20


class Slow:
    """A socket that sends messages longer than a megabyte in parts, and calls `between` before each but the first."""

    def __init__(self, real, parts, between):
        self.real, self.parts, self.between = real, parts, between

    def __getattr__(self, name):
        return getattr(self.real, name)

    def sendall(self, data):
        if len(data) < SIZE:
            return self.real.sendall(data)
        at = 0
        for count, end in enumerate([*self.parts, len(data)]):
            if count:
                self.between(count)
            self.real.sendall(data[at:end])
            at = end


def connect():
    # With 3.0 impacket seals, with 3.1.1 it signs.
    c = SMBConnection(host, host, sess_port=int(port), preferredDialect=smb3structs.SMB2_DIALECT_21)
    c.login(user, password)
    return c, c.connectTree(share)


def size_of(c):
    return c.listPath(share, 'slow.bin')[0].get_filesize()


def wait_for(what, wanted):
    """The server has read what was sent in a moment."""
    end = time.monotonic() + 20
    while (got := what()) != wanted:
        assert time.monotonic() < end, (got, wanted)
        time.sleep(0.02)


slow, tree = connect()
other, other_tree = connect()
file = slow.createFile(tree, 'slow.bin', shareMode=7)
slow.writeFile(tree, file, b'first')
low = slow.getSMBServer()
assert not low._Session['SigningRequired'], 'the writes are signed'
session = low._NetBIOSSession
real = session._sock

# An answer to a slow write, everybody else goes on meanwhile, and what has come is in the file piece by piece.
seen = []


def look(count):
    began = time.monotonic()
    wait_for(lambda: size_of(other), [0, 5, 5, 524_288, 524_288][count])
    name = 'by the way %d' % count
    other.closeFile(other_tree, other.createFile(other_tree, name))
    other.deleteFile(share, name)
    seen.append(time.monotonic() - began)


body = os.urandom(SIZE)
session._sock = Slow(real, [50, HEAD + 1000, HEAD + 600_000, HEAD + 900_000], look)
assert low.write(tree, file, body, 0, SIZE) == SIZE
assert len(seen) == 4, seen
handle = other.openFile(other_tree, 'slow.bin', shareMode=7)
assert b''.join(other.readFile(other_tree, handle, at, 65536) for at in range(0, SIZE, 65536)) == body
other.closeFile(other_tree, handle)

# A refused one takes its data before it is answered, and what follows is understood.
session._sock = Slow(real, [HEAD + 300_000], lambda count: time.sleep(0.3))
reader = slow.openFile(tree, 'slow.bin', desiredAccess=0x0012_0089, shareMode=7)
try:
    low.write(tree, reader, body, 0, SIZE)
    raise AssertionError('a handle without the right to write has written')
except SessionError as error:
    assert 'STATUS_ACCESS_DENIED' in str(error), error
slow.closeFile(tree, reader)
assert size_of(slow) == SIZE

# One that never ends: nothing is left of it but what had come.
slow.writeFile(tree, file, b'x', 2 * SIZE)
session._sock = Slow(real, [HEAD + 600_000], lambda count: real.close())
try:
    low.write(tree, file, body, 4 * SIZE, SIZE)
    raise AssertionError('half of a write was answered')
except OSError:
    pass
wait_for(lambda: size_of(other), 4 * SIZE + 524_288)
other.deleteFile(share, 'slow.bin')
print('done')
