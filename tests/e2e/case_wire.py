"""Any bytes on the wire: an error or a closed connection, and the server goes on for everybody else."""
import os
import pathlib
import random
import socket
import struct
import time

from rig.harness import Failed, case


def connect(t, server=None):
    s = server or t.server
    return socket.create_connection((s.host, s.port), 20)


def closed_within(s, seconds):
    s.settimeout(seconds)
    try:
        while s.recv(65536):
            pass
        return True
    except ConnectionResetError:
        return True
    except (socket.timeout, TimeoutError):
        return False


def memory_kib(server):
    text = pathlib.Path('/proc/%d/status' % server.process.pid).read_text()
    return int(text.split('VmRSS:')[1].split()[0])


@case()
def garbage_before_a_logon(t):
    r = random.Random(7)
    for i in range(300):
        with connect(t) as s:
            kind = i % 5
            if kind == 0:
                data = r.randbytes(r.randrange(1, 2000))
            elif kind == 1:
                data = struct.pack('>I', 100) + r.randbytes(100)
            elif kind == 2:
                data = struct.pack('>I', 64) + b'\xfeSMB' + r.randbytes(60)
            elif kind == 3:
                data = struct.pack('>I', 64 + 36) + b'\xfeSMB' + struct.pack('<H', 64) + bytes(58) + r.randbytes(36)
            else:
                data = struct.pack('>I', 200) + b'\xfdSMB' + r.randbytes(196)
            try:
                s.sendall(data)
                s.shutdown(socket.SHUT_WR)
            except (BrokenPipeError, ConnectionResetError, OSError):
                pass
            t.true(closed_within(s, 10), 'garbage of kind %d kept a connection open' % kind)
    t.smbclient(t.share(), ['ls'])


@case()
def frames_too_large_to_be_anything(t):
    server = t.own_server()      # what others do meanwhile takes memory too
    before = memory_kib(server) if server.kind == 'freehold' else 0
    sockets = []
    for _ in range(40):
        s = connect(t, server)
        s.sendall(b'\0\xff\xff\xff' + b'\xfeSMB')
        sockets.append(s)
    for s in sockets:
        if t.server.kind == 'freehold':
            t.true(closed_within(s, 10), 'a frame of 16 MiB before the logon is waited for')
        s.close()
    if before:
        after = memory_kib(server)
        t.true(after - before < 64 * 1024, 'memory grew from %d to %d KiB' % (before, after))
    t.smbclient(t.share(server), ['ls'], server=server)


@case(freehold_only=True)
def many_half_open_connections(t):
    """More than one address may have half-way through a logon: the rest are turned away, those logged on work on, and when they
    are gone so is the limit."""
    s = t.own_server(settings='[limits]\nhalf_open_logons_per_address = 50\nlogon_timeout_seconds = 5\n')
    share = t.share(server=s)
    held = []
    for _ in range(200):
        try:
            held.append(socket.create_connection((s.host, s.port), 5))
        except OSError:
            break
    # not one more than 50 stays longer than it takes to turn it away, which is well before the time for a logon is over
    begin = time.monotonic()
    while (open_now := sum(not closed_within(x, 0.01) for x in held)) > 60 and time.monotonic() < begin + 4:
        pass
    t.true(open_now <= 60, '%d connections without a logon are open, 50 are allowed' % open_now)
    end = begin + 8
    t.true(all(closed_within(x, max(1, end - time.monotonic())) for x in held),
           'a connection without a logon outlives logon_timeout_seconds')
    for x in held:
        x.close()
    t.smbclient(share, ['ls'], server=s)


@case()
def smb1_negotiate_is_answered_and_nothing_else_of_it(t):
    """[MS-SMB2] 3.3.5.3: the multi-protocol NEGOTIATE leads to SMB2; every other SMB1 command closes the connection."""
    dialects = b''.join(b'\x02' + d + b'\0' for d in (b'NT LM 0.12', b'SMB 2.002', b'SMB 2.???'))
    header = b'\xffSMB' + b'\x72' + bytes(4) + b'\x18' + struct.pack('<H', 0xc853) + bytes(12) + bytes(8)
    message = header + b'\0' + struct.pack('<H', len(dialects)) + dialects
    with connect(t) as s:
        s.sendall(struct.pack('>I', len(message)) + message)
        head = s.recv(4)
        t.true(len(head) == 4, 'no answer to the multi-protocol NEGOTIATE')
        answer = b''
        while len(answer) < struct.unpack('>I', head)[0]:
            answer += s.recv(65536)
        t.equal(answer[:4], b'\xfeSMB', 'protocol of the answer')
        t.equal(struct.unpack_from('<H', answer, 64 + 4)[0], 0x02ff, 'DialectRevision')
    if t.server.kind == 'freehold':
        for command in (0x73, 0x75, 0x2b, 0x32):
            with connect(t) as s:
                other = header[:4] + bytes([command]) + header[5:] + b'\0\0\0'
                s.sendall(struct.pack('>I', len(other)) + other)
                t.true(closed_within(s, 10), 'SMB1 command 0x%02x keeps the connection open' % command)
        only_smb1 = b'\x02NT LM 0.12\0'
        message = header + b'\0' + struct.pack('<H', len(only_smb1)) + only_smb1
        with connect(t) as s:
            s.sendall(struct.pack('>I', len(message)) + message)
            t.true(closed_within(s, 10), 'an SMB1-only NEGOTIATE keeps the connection open')


@case(freehold_only=True)
def a_large_write_that_comes_slowly(t):
    """Neither signed nor sealed, it is written as it comes; nobody else waits, and it is answered once."""
    s = t.own_server(settings='[security]\nrequire_signing = false\n')
    share = t.share(server=s)
    done = t.python('peer_slow_writer.py', s.host, s.port, share.name, t.user.name, t.user.password, timeout=100)
    t.contains(done, 'done')
    t.true(s.alive(), 'the server ended')
    t.true('panicked at' not in s.tail(s.log, 100000), 'the server panicked')


@case(seconds=300)
def changed_requests_after_a_logon(t):
    """Requests of real clients with bytes changed, properly signed: each gets an answer or a closed connection."""
    seconds = 20 if t.server.kind == 'freehold' else 5
    s = t.own_server()
    share = t.share(server=s)
    seed = int(os.environ.get('SEED', random.randrange(1 << 30)))
    done = t.python('peer_mutate.py', s.host, s.port, share.name, t.user.name, t.user.password, seed, seconds, timeout=200)
    if not s.alive():
        raise Failed('seed %d: the server ended:\n%s' % (seed, s.tail(s.log)))
    log = s.tail(s.log, 100000)
    t.true('panicked at' not in log, 'seed %d: %s' % (seed, [x for x in log.splitlines() if 'panicked at' in x][:5]))
    t.contains(done, 'done')
    t.smbclient(t.share(server=s), ['mkdir a', 'ls'], server=s)      # the other has names that clients cannot read
