"""Real clients' requests (tests/vectors), changed at random, signed and sent on a session that is logged on:
HOST PORT SHARE USER PASSWORD SEED SECONDS. The server answers each or closes the connection; prints `done COUNT`.

A request that the server may answer late (a lock, a notification) gets a CANCEL. What the server does not answer within
some seconds is a failure.
"""
import pathlib
import random
import socket
import struct
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'logons'))
import ntlm  # noqa: E402
import smb2  # noqa: E402
import spnego  # noqa: E402

host, port, share, user, password, seed, seconds = sys.argv[1:]
r = random.Random(int(seed))
CREATE, NEGOTIATE, SESSION_SETUP, LOGOFF, CANCEL = 5, 0, 1, 2, 12


def vectors():
    found = []
    for path in sorted((HERE.parent / 'vectors').glob('*.txt')):
        for part in path.read_text().split('\n= ')[1:]:
            title, _, digits = part.partition('\n')
            if title.endswith('-request'):
                found.append(bytes.fromhex(digits.replace('\n', '')))
    return found


def logon():
    c = smb2.Client(host, int(port), dialects=(r.choice((0x0202, 0x0210, 0x0300, 0x0311)),), timeout=30)
    c.negotiate()
    negotiate = ntlm.negotiate_message()
    _, token, _ = c.session_setup(spnego.init(negotiate))
    made = ntlm.Authenticate(negotiate, ntlm.Challenge(spnego.ntlm_in(token)), user, password)
    status, _, _ = c.session_setup(spnego.response(made.raw, made.signature(spnego.mech_list())), c.session_id)
    assert status == 0, hex(status)
    c.derive(made.session_key)
    status, tree = c.tree_connect(share)
    assert status == 0, hex(status)
    status, answer = c.create(tree, 'target%d' % r.randrange(5))
    return c, tree, answer[64 + 64:64 + 80] if status == 0 else bytes(16)


def mutate(body):
    body = bytearray(body)
    for _ in range(r.choice((0, 1, 1, 2, 4, 16))):
        if not body:
            break
        at = r.randrange(len(body))
        how = r.randrange(6)
        if how == 0:
            body[at] ^= 1 << r.randrange(8)
        elif how == 1:
            body[at] = r.choice((0, 1, 0x7f, 0x80, 0xff))
        elif how == 2:
            del body[at:at + r.randrange(1, 9)]
        elif how == 3:
            body[at:at] = r.randbytes(r.randrange(1, 9))
        elif how == 4:
            body[at:at + 4] = struct.pack('<I', r.choice((0, 1, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff)))
        else:
            body[at:at + 8] = struct.pack('<Q', r.choice((0, 1 << 40, (1 << 63) - 1, 1 << 63, (1 << 64) - 1)))
    return bytes(body)


def main():
    originals = vectors()
    end = time.monotonic() + float(seconds)
    count = closed = 0
    while time.monotonic() < end:
        c, tree, handle = logon()
        try:
            for _ in range(200):
                if time.monotonic() > end:
                    break
                original = r.choice(originals)
                command, = struct.unpack_from('<H', original, 12)
                if command in (LOGOFF, CANCEL) or (command in (NEGOTIATE, SESSION_SETUP) and r.random() < 0.9):
                    continue
                body = original[64:]
                # the handle that this session has, where the original had its own
                at = {6: 8, 7: 8, 8: 16, 9: 16, 10: 8, 11: 8, 14: 8, 15: 8, 16: 24, 17: 16}.get(command)
                if at and r.random() < 0.9:
                    body = body[:at] + handle + body[at + 16:]
                data = c.message(command, mutate(body), tree_id=tree, sign=r.random() < 0.98)
                message_id = c.message_id - 1
                c.socket.settimeout(3)
                c.send_frame(data)
                count += 1
                cancelled = False
                while True:
                    try:
                        frame = c.receive_frame()
                    except (socket.timeout, TimeoutError):
                        if cancelled:
                            raise SystemExit('no answer to %s' % data.hex())
                        cancel = struct.pack('<4sHHIHHIIQIIQ16s', b'\xfeSMB', 64, 0, 0, CANCEL, 0, 0, 0, message_id, 0, tree,
                                             c.session_id, bytes(16)) + struct.pack('<HH', 4, 0)
                        c.message_id = message_id + 1
                        cancel = cancel[:16] + struct.pack('<I', 8) + cancel[20:]
                        c.send_frame(cancel[:48] + c.signature(cancel) + cancel[64:])
                        cancelled = True
                        # what is under way on a disk goes on: a flush may take its time on a busy one
                        c.socket.settimeout(30)
                        continue
                    if frame[:4] != b'\xfeSMB':
                        raise SystemExit('not an SMB2 frame: %s' % frame[:64].hex())
                    status, = struct.unpack_from('<I', frame, 8)
                    if struct.unpack_from('<Q', frame, 24)[0] == message_id:
                        if status != 0x103:
                            break
                        if not cancelled:
                            c.socket.settimeout(1)
        except (smb2.Closed, ConnectionError):
            closed += 1
        finally:
            c.close()
    print('done %d closed %d' % (count, closed))


main()
