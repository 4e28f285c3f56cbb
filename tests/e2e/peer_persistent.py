"""Works in a mounted share while something happens to the server: peer_persistent.py FIRST SECOND FLAGS

Writes numbered records, each flushed, with a byte-range lock held; half way it tells the other side (FLAGS/half) and goes on when that
says so (FLAGS/go). SECOND is the same share mounted by another client, which must not get the lock afterwards either.
"""
import fcntl
import os
import sys
import time

first, second, flags = sys.argv[1:]
RECORDS, SIZE = 60, 512

fd = os.open(first + '/data', os.O_RDWR | os.O_CREAT)
inode = os.fstat(fd).st_ino
lock = os.open(first + '/lock', os.O_RDWR | os.O_CREAT)
os.write(lock, b'0123456789')
other = os.open(second + '/lock', os.O_RDWR)
fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB, 10)


def refused(when):
    try:
        fcntl.lockf(other, fcntl.LOCK_EX | fcntl.LOCK_NB, 10)
    except OSError:
        print('refused', when)
        return
    print('GRANTED', when)


refused('before')
for n in range(RECORDS):
    if n == RECORDS // 2:
        open(flags + '/half', 'w').close()
        while not os.path.exists(flags + '/go'):
            time.sleep(0.05)
    os.pwrite(fd, b'%08d' % n * (SIZE // 8), n * SIZE)
    os.fsync(fd)
# This client asks for a handle again when it reads or writes, not when it locks; persistent ones it asks for at once.
for at, side in enumerate((lock, other)):
    os.pwrite(side, b'.', 8192 + at)  # away from the lock: a client may read the page first
    os.fsync(side)
refused('after')
assert os.fstat(fd).st_ino == inode
fcntl.lockf(lock, fcntl.LOCK_UN, 10)
fcntl.lockf(other, fcntl.LOCK_EX | fcntl.LOCK_NB, 10)
read = os.pread(fd, RECORDS * SIZE, 0)
assert read == b''.join(b'%08d' % n * (SIZE // 8) for n in range(RECORDS)), 'records are missing'
os.close(fd)
print('all', RECORDS, 'records')
