"""What clients get of a volume's oplocks and leases, with impacket: HOST PORT SHARE USER PASSWORD GIVEN, which is all, exclusive or
none. Prints `done` when all held.
"""
import struct
import sys

from impacket import smb3structs
from impacket.smbconnection import SMBConnection

host, port, share, user, password, given = sys.argv[1:]
NONE, II, EXCLUSIVE, BATCH, LEASE = 0, 1, 8, 9, 0xFF
R, RH, RW, RWH = 1, 3, 5, 7


def equal(found, wanted, of):
    if found != wanted:
        raise SystemExit('%s of a volume that gives %s: %r, not %r' % (of, given, found, wanted))


class Client:
    def __init__(self):
        self.connection = SMBConnection(host, host, sess_port=int(port), timeout=60)
        self.connection.login(user, password)
        self.low = self.connection.getSMBServer()
        self.tree = self.connection.connectTree(share)

    def send(self, command, body):
        packet = self.low.SMB_PACKET()
        packet['Command'], packet['TreeID'], packet['Data'] = command, self.tree, body
        return self.low.sendSMB(packet)

    def send_open(self, name, level, lease=None):
        name = name.encode('utf-16-le')
        context = b''
        if lease:
            state, key = lease
            data = bytes([key]) * 16 + struct.pack('<LLQ', state, 0, 0) + bytes(20)
            context = struct.pack('<LHHHHL', 0, 16, 4, 0, 24, len(data)) + b'RqLs' + bytes(4) + data
        padded = name + bytes(-len(name) % 8)
        body = struct.pack('<HBBLQQLLLLLHHLL', 57, 0, level, 2, 0, 0, 0x12019f, 0, 7, 3, 0, 120, len(name),
                           120 + len(padded) if context else 0, len(context))
        return self.send(smb3structs.SMB2_CREATE, body + padded + context)

    def opened(self, message):
        """The handle, the oplock level and the state of the lease."""
        answer = self.low.recvSMB(message)
        equal(answer['Status'], 0, 'an open')
        data, state = answer['Data'], None
        at = struct.unpack_from('<L', data, 80)[0]
        if at:
            state = struct.unpack_from('<L', data, at - 64 + 24 + 16)[0]
        return data[64:80], data[2], state

    def open(self, *arguments):
        return self.opened(self.send_open(*arguments))

    def close(self, handle):
        answer = self.low.recvSMB(self.send(smb3structs.SMB2_CLOSE, struct.pack('<HHL', 24, 0, 0) + handle))
        equal(answer['Status'], 0, 'a close')

    def break_told(self):
        """The body of the break notification that is the next message."""
        window = self.low._Connection['SequenceWindow']
        packet = self.low.recvSMB()
        # the library takes it for the answer to a request that cost no credit
        self.low._Connection['SequenceWindow'] = window
        equal(packet['Command'], smb3structs.SMB2_OPLOCK_BREAK, 'the command of what has come')
        return packet['Data']

    def acknowledge(self, handle, level):
        body = struct.pack('<HBBL', 24, level, 0, 0) + handle
        equal(self.low.recvSMB(self.send(smb3structs.SMB2_OPLOCK_BREAK, body))['Status'], 0, 'an acknowledgement')

    def acknowledge_lease(self, key, state):
        body = struct.pack('<HHL16sLQ', 36, 0, 0, bytes([key]) * 16, state, 0)
        equal(self.low.recvSMB(self.send(smb3structs.SMB2_OPLOCK_BREAK, body))['Status'], 0, 'an acknowledgement')


a, b = Client(), Client()

# Alone with a file.
levels = {'all': (NONE, II, EXCLUSIVE, BATCH), 'exclusive': (NONE, NONE, EXCLUSIVE, BATCH), 'none': (NONE,) * 4}[given]
for wanted, granted in zip((NONE, II, EXCLUSIVE, BATCH), levels):
    handle, level, _ = a.open('f', wanted)
    equal(level, granted, 'an oplock of level %d' % wanted)
    a.close(handle)
states = {'all': (R, RH, RW, RWH), 'exclusive': (0, 0, RW, RWH), 'none': (0,) * 4}[given]
for wanted, granted in zip((R, RH, RW, RWH), states):
    handle, level, state = a.open('f', LEASE, (wanted, 7))
    equal((level, state), (LEASE, granted), 'a lease of %d' % wanted)
    a.close(handle)

# Another client comes.
first, level, _ = a.open('g', BATCH)
second = b.send_open('g', BATCH)
left = II if given == 'all' else NONE
if level != NONE:
    equal(a.break_told()[2], left, 'what a break leaves of a batch oplock')
    a.acknowledge(first, left)
second, level, _ = b.opened(second)
equal(level, left, 'what the second client gets')
a.close(first)
b.close(second)

first, _, state = a.open('h', LEASE, (RWH, 7))
second = b.send_open('h', LEASE, (RWH, 8))
left = RH if given == 'all' else 0
if state != 0:
    told = a.break_told()
    equal(struct.unpack_from('<LL', told, 24), (RWH, left), 'what a break leaves of a lease')
    a.acknowledge_lease(7, left)
second, _, state = b.opened(second)
equal(state, left, 'the lease of the second client')
a.close(first)
b.close(second)
print('done')
