#!/usr/bin/env python3
"""What Linux has beside POSIX, asked of a file system that is mounted in two places: each case in a fresh folder of it.

    linux.py SECOND [NAME...]   the present folder is also SECOND; prints `ok NAME` or `not ok NAME: WHY`, then a count

On a local file system, with SECOND the same folder, what is special to a mount or needs two clients fails.
"""
import ctypes
import errno
import fcntl
import mmap
import os
import shutil
import struct
import subprocess
import sys
import time

CASES = []
LIBC = ctypes.CDLL(None, use_errno=True)
KEEP_SIZE, PUNCH_HOLE, COLLAPSE_RANGE, ZERO_RANGE, INSERT_RANGE = 1, 2, 8, 16, 32
RENAME_NOREPLACE, RENAME_EXCHANGE = 1, 2
FS_IOC_FIEMAP, FICLONE = 0xC020660B, 0x40049409
CIFS_IOC_NOTIFY = 0x4005CF09
KIB = 1024
# POSIX lets a file system choose.
HELD = (errno.EAGAIN, errno.EACCES)


def case(function):
    CASES.append(function)
    return function


def equal(got, wanted, what='value'):
    assert got == wanted, '%s: %.200r instead of %.200r' % (what, got, wanted)


def fails(code, function, *arguments):
    """The call must fail with this error (one of these errors)."""
    codes = code if isinstance(code, tuple) else (code,)
    wanted = '/'.join(errno.errorcode[c] for c in codes)
    try:
        function(*arguments)
    except OSError as e:
        assert e.errno in codes, 'gave %s instead of %s' % (errno.errorcode.get(e.errno), wanted)
        return
    raise AssertionError('succeeded instead of %s' % wanted)


def call(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def fallocate(fd, mode, offset, length):
    call(LIBC.fallocate(fd, mode, ctypes.c_int64(offset), ctypes.c_int64(length)))


def renameat2(old, new, flags):
    call(LIBC.renameat2(-100, old.encode(), -100, new.encode(), flags))


def make(name, data=b''):
    fd = os.open(name, os.O_RDWR | os.O_CREAT, 0o644)
    os.pwrite(fd, data, 0)
    return fd


def content(path):
    with open(path, 'rb') as f:
        return f.read()


def pattern(length):
    return bytes(i * 7 % 251 for i in range(length))


# --- fallocate(2) -----------------------------------------------------------------------------------------------------

@case
def fallocate_grows(two):
    fd = make('f', b'x')
    fallocate(fd, 0, 0, 300 * KIB)
    equal(os.fstat(fd).st_size, 300 * KIB, 'size')
    os.close(fd)
    equal(content(two + '/f'), b'x' + bytes(300 * KIB - 1))


@case
def punched_holes_are_zeros(two):
    data = pattern(256 * KIB)
    fd = make('f', data)
    fallocate(fd, PUNCH_HOLE | KEEP_SIZE, 64 * KIB, 64 * KIB)
    fallocate(fd, PUNCH_HOLE | KEEP_SIZE, 130 * KIB + 1, 77)
    os.close(fd)
    wanted = bytearray(data)
    wanted[64 * KIB:128 * KIB] = bytes(64 * KIB)
    wanted[130 * KIB + 1:130 * KIB + 78] = bytes(77)
    equal(content('f'), bytes(wanted))
    equal(content(two + '/f'), bytes(wanted), 'on the other side')


@case
def zeroed_ranges_are_zeros(two):
    data = pattern(128 * KIB)
    fd = make('f', data)
    fallocate(fd, ZERO_RANGE | KEEP_SIZE, 5, 1000)
    os.close(fd)
    equal(content(two + '/f'), data[:5] + bytes(1000) + data[1005:], 'on the other side')


@case
def collapsed_ranges_are_gone(two):
    data = pattern(3000 * KIB)
    fd = make('f', data)
    fallocate(fd, COLLAPSE_RANGE, 64 * KIB, 128 * KIB)
    equal(os.fstat(fd).st_size, len(data) - 128 * KIB, 'size')
    os.close(fd)
    equal(content(two + '/f'), data[:64 * KIB] + data[192 * KIB:], 'on the other side')


@case
def inserted_ranges_are_zeros(two):
    data = pattern(1000 * KIB)
    fd = make('f', data)
    fallocate(fd, INSERT_RANGE, 64 * KIB, 1024 * KIB)
    equal(os.fstat(fd).st_size, len(data) + 1024 * KIB, 'size')
    os.close(fd)
    equal(content(two + '/f'), data[:64 * KIB] + bytes(1024 * KIB) + data[64 * KIB:], 'on the other side')


# --- holes and extents ------------------------------------------------------------------------------------------------

def with_a_hole():
    fd = make('f', pattern(1024 * KIB))
    os.fsync(fd)
    fallocate(fd, PUNCH_HOLE | KEEP_SIZE, 256 * KIB, 512 * KIB)
    return fd


@case
def holes_are_found_by_seeking(two):
    fd = with_a_hole()
    equal(os.lseek(fd, 0, os.SEEK_HOLE), 256 * KIB, 'the hole')
    equal(os.lseek(fd, 300 * KIB, os.SEEK_DATA), 768 * KIB, 'the data behind it')
    equal(os.lseek(fd, 800 * KIB, os.SEEK_HOLE), 1024 * KIB, 'the end')
    fails(errno.ENXIO, os.lseek, fd, 1024 * KIB, os.SEEK_DATA)
    os.close(fd)


@case
def extents_are_told(two):
    fd = with_a_hole()
    request = bytearray(struct.pack('=QQIIII', 0, 1 << 40, 1, 0, 16, 0) + bytes(16 * 56))
    fcntl.ioctl(fd, FS_IOC_FIEMAP, request)
    count = struct.unpack_from('=I', request, 20)[0]
    extents = [struct.unpack_from('=Q8xQ', request, 32 + 56 * i) for i in range(count)]
    merged = []
    for at, length in extents:
        if merged and sum(merged[-1]) == at:
            merged[-1] = (merged[-1][0], merged[-1][1] + length)
        else:
            merged.append((at, length))
    equal(merged, [(0, 256 * KIB), (768 * KIB, 256 * KIB)], 'extents')
    os.close(fd)


@case
def copy_file_range_copies(two):
    data = pattern(2500 * KIB)
    fd, to = make('f', data), make('g')
    os.fsync(fd)
    copied = 0
    while copied < len(data):
        copied += os.copy_file_range(fd, to, len(data) - copied, copied, copied)
    os.close(fd)
    os.close(to)
    equal(content(two + '/g'), data, 'on the other side')


@case
def clones_are_made_or_refused(two):
    fd, to = make('f', pattern(64 * KIB)), make('g')
    os.fsync(fd)
    try:
        fcntl.ioctl(to, FICLONE, fd)
    except OSError as e:
        assert e.errno in (errno.EOPNOTSUPP, errno.EINVAL), errno.errorcode[e.errno]
    else:
        os.close(to)
        equal(content(two + '/g'), pattern(64 * KIB))
    os.close(fd)


# --- names ------------------------------------------------------------------------------------------------------------

@case
def renameat2_replaces_nothing(two):
    os.close(make('a', b'a'))
    os.close(make('b', b'b'))
    fails(errno.EEXIST, renameat2, 'a', 'b', RENAME_NOREPLACE)
    equal((content('a'), content('b')), (b'a', b'b'))
    renameat2('a', 'c', RENAME_NOREPLACE)
    equal(sorted(os.listdir(two)), ['b', 'c'])


@case
def renameat2_exchange_is_refused(two):
    os.close(make('a'))
    os.close(make('b'))
    fails(errno.EINVAL, renameat2, 'a', 'b', RENAME_EXCHANGE)


@case
def nameless_files_are_refused(two):
    fails(errno.EOPNOTSUPP, os.open, '.', os.O_TMPFILE | os.O_RDWR, 0o600)


@case
def the_time_of_birth_stays(two):
    before = time.time()
    os.close(make('f'))
    birth = lambda: int(subprocess.run(['stat', '-c', '%W', 'f'], capture_output=True, check=True).stdout)
    first = birth()
    assert abs(first - before) < 60, 'born at %r, asked at %r' % (first, before)
    os.utime('f', (1_000_000_000, 1_000_000_000))
    equal(birth(), first)


# --- extended attributes ----------------------------------------------------------------------------------------------

@case
def attributes_of_users_are_kept(two):
    os.close(make('f'))
    os.setxattr('f', 'user.color', b'blue')
    os.setxattr('f', 'user.size', bytes(range(256)) * 8)
    equal(os.getxattr(two + '/f', 'user.color'), b'blue')
    equal(os.getxattr(two + '/f', 'user.size'), bytes(range(256)) * 8)
    assert {'user.color', 'user.size'} <= set(os.listxattr(two + '/f')), os.listxattr('f')
    os.setxattr('f', 'user.color', b'red')
    os.removexattr('f', 'user.size')
    equal(os.getxattr(two + '/f', 'user.color'), b'red')
    fails(errno.ENODATA, os.getxattr, two + '/f', 'user.size')
    fails(errno.ENODATA, os.getxattr, two + '/f', 'user.other')


@case
def attributes_of_folders_are_kept(two):
    os.mkdir('d')
    os.setxattr('d', 'user.color', b'green')
    equal(os.getxattr(two + '/d', 'user.color'), b'green')


# --- locks and caches of two clients ----------------------------------------------------------------------------------

@case
def flock_excludes_the_other_client(two):
    mine, other = make('f', b'x'), os.open(two + '/f', os.O_RDWR)
    fcntl.flock(mine, fcntl.LOCK_EX)
    fails(HELD, fcntl.flock, other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    fcntl.flock(mine, fcntl.LOCK_UN)
    fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(mine)
    os.close(other)


@case
def ranges_exclude_the_other_client(two):
    mine, other = make('f', pattern(100)), os.open(two + '/f', os.O_RDWR)
    fcntl.lockf(mine, fcntl.LOCK_EX | fcntl.LOCK_NB, 10, 0)
    fails(HELD, fcntl.lockf, other, fcntl.LOCK_EX | fcntl.LOCK_NB, 10, 5)
    fcntl.lockf(other, fcntl.LOCK_EX | fcntl.LOCK_NB, 10, 50)
    fcntl.lockf(mine, fcntl.LOCK_UN, 10, 0)
    fcntl.lockf(other, fcntl.LOCK_EX | fcntl.LOCK_NB, 10, 5)
    os.close(mine)
    os.close(other)


@case
def a_lock_is_waited_for(two):
    mine, other = make('f', pattern(100)), os.open(two + '/f', os.O_RDWR)
    fcntl.lockf(mine, fcntl.LOCK_EX | fcntl.LOCK_NB, 10, 0)
    waiter = os.fork()
    if waiter == 0:
        fcntl.lockf(other, fcntl.LOCK_EX, 10, 0)
        os._exit(0)
    time.sleep(1)
    equal(os.waitpid(waiter, os.WNOHANG), (0, 0), 'the other client')
    fcntl.lockf(mine, fcntl.LOCK_UN, 10, 0)
    equal(os.waitpid(waiter, 0)[1], 0, 'the other client')
    os.close(mine)
    os.close(other)


@case
def appends_of_two_clients_do_not_mix(two):
    for i in range(40):
        with open((two if i % 2 else '.') + '/f', 'ab') as f:
            f.write(b'%04d' % i)
    equal(content('f'), b''.join(b'%04d' % i for i in range(40)))


@case
def what_is_mapped_is_written(two):
    fd = make('f', bytes(64 * KIB))
    with mmap.mmap(fd, 64 * KIB) as m:
        m[1000:1006] = b'mapped'
        m.flush()
    os.fsync(fd)
    os.close(fd)
    equal(content(two + '/f')[998:1008], b'\0\0mapped\0\0')


@case
def unlinked_by_the_other_client(two):
    fd = make('f', b'data')
    os.fsync(fd)
    os.unlink(two + '/f')
    equal(os.listdir(two), [])
    os.close(fd)
    equal(os.listdir('.'), [])


# --- change notification ----------------------------------------------------------------------------------------------

@case
def changes_are_told(two):
    """By the cifs client's own ioctl: inotify hears of local changes alone."""
    os.mkdir('d')
    watched = os.open('d', os.O_RDONLY | os.O_DIRECTORY)
    watcher = os.fork()
    if watcher == 0:
        try:
            fcntl.ioctl(watched, CIFS_IOC_NOTIFY, struct.pack('=IB', 0x17F, 1))
        except OSError as e:
            os._exit(e.errno)
        os._exit(0)
    # The folder changes until the watch is there and hears of it.
    for i in range(100):
        os.close(make('%s/d/%d' % (two, i)))
        done, status = os.waitpid(watcher, os.WNOHANG)
        if done:
            equal(status, 0, 'the watcher')
            break
        time.sleep(0.2)
    else:
        os.kill(watcher, 9)
        os.waitpid(watcher, 0)
        raise AssertionError('100 new files and no notification')
    os.close(watched)


def run(function, folder, second):
    os.mkdir(folder)
    os.chdir(folder)
    try:
        function(second + '/' + folder)
        return None
    except (AssertionError, OSError) as e:
        return '%s%s' % ('' if isinstance(e, AssertionError) else type(e).__name__ + ' ', e)
    finally:
        os.chdir('..')


def main():
    second, *names = sys.argv[1:]
    second = os.path.abspath(second)
    chosen = [c for c in CASES if not names or any(c.__name__.startswith(n) for n in names)]
    bad = 0
    for number, function in enumerate(chosen):
        why = run(function, 'case-%d' % number, second)
        bad += why is not None
        print('ok %s' % function.__name__ if why is None else 'not ok %s: %s' % (function.__name__, ' '.join(why.split())), flush=True)
        shutil.rmtree('case-%d' % number, ignore_errors=True)
    print('%d cases, %d failed' % (len(chosen), bad))
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
