"""Appends to a file until the disk is full: HOST PORT SHARE USER PASSWORD. What was there is still there."""
import os
import sys

import smbclient
from smbprotocol.exceptions import SMBResponseException

host, port, share, user, password = sys.argv[1:]
options = {'username': user, 'password': password, 'port': int(port), 'auth_protocol': 'ntlm'}
path = r'\\%s\%s\grows' % (host, share)
start = os.urandom(1 << 20)
with smbclient.open_file(path, mode='wb', buffering=0, **options) as f:
    f.write(start)
written = 0
f = smbclient.open_file(path, mode='r+b', buffering=0, **options)
f.seek(1 << 20)
try:
    for written in range(200):
        f.write(bytes(1 << 20))
    raise SystemExit('the disk never got full')
except SMBResponseException as e:
    assert e.status == 0xC000007F, hex(e.status)
f.seek(0)
assert f.read(1 << 20) == start
f.seek(100)
f.write(b'still writable where there is room')
f.close()
with smbclient.open_file(path, mode='rb', **options) as f:
    assert f.read(100) == start[:100]
    assert f.read(34) == b'still writable where there is room'
print('done')
