"""Copies without end: HOST PORT SHARE USER PASSWORD. Prints a line for every write that the server has flushed and for
every file that it has closed, and ends with `lost` when the connection does."""
import sys

import smbclient

host, port, share, user, password = sys.argv[1:]
options = {'username': user, 'password': password, 'port': int(port), 'auth_protocol': 'ntlm'}
root = r'\\%s\%s' % (host, share)
BLOCK = 65536


def block(n):
    return n.to_bytes(8, 'little') * (BLOCK // 8)


def main():
    large = smbclient.open_file(root + r'\large', mode='w+b', buffering=0, **options)
    n = 0
    while True:
        large.write(block(n))
        if n % 4 == 3:
            large.fd.flush()
            print('flushed %d' % (n + 1), flush=True)
        with smbclient.open_file(root + r'\small%06d' % n, mode='wb', buffering=0, **options) as f:
            f.write(b'content %d' % n)
            f.fd.flush()
        print('closed %d' % n, flush=True)
        n += 1


try:
    main()
except Exception as e:      # whatever way this client tells that the server is gone
    print('lost: %s' % type(e).__name__, flush=True)
