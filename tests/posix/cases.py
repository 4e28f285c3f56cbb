#!/usr/bin/env python3
"""What POSIX.1-2017 says of files, asked of the file system in the present folder: each case in a fresh folder of it.

    cases.py [NAME...]        every case, or those whose name begins so; prints `ok NAME` or `not ok NAME: WHY`, then a count

Needs nothing but Python, and root for devices and owners. Run it on a local file system first: there nothing fails.
"""
import errno
import fcntl
import os
import shutil
import socket
import stat
import sys
import time

CASES = []


def case(function):
    CASES.append(function)
    return function


def fails(code, function, *arguments, **options):
    """The call must fail with this error (one of these errors)."""
    codes = code if isinstance(code, tuple) else (code,)
    try:
        function(*arguments, **options)
    except OSError as e:
        assert e.errno in codes, '%s%r gave %s instead of %s' % (
            function.__name__, arguments, errno.errorcode.get(e.errno), '/'.join(errno.errorcode[c] for c in codes))
        return
    raise AssertionError('%s%r succeeded instead of %s' % (function.__name__, arguments, '/'.join(errno.errorcode[c] for c in codes)))


def equal(got, wanted, what='value'):
    assert got == wanted, '%s: %r instead of %r' % (what, got, wanted)


def make(name, content='', mode=0o644):
    fd = os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode)
    try:
        os.write(fd, content.encode())
    finally:
        os.close(fd)


def content(name):
    # O_NOATIME only makes the flags unlike those of any other open: clients that keep handles open under a name cannot
    # take one of them for this.
    fd = os.open(name, os.O_RDONLY | os.O_NOATIME)
    try:
        return os.read(fd, 1 << 20).decode()
    finally:
        os.close(fd)


def mode_of(name):
    return stat.S_IMODE(os.lstat(name).st_mode)


# --- open(2) ----------------------------------------------------------------------------------------------------------

@case
def open_creates_with_the_mode_less_the_umask():
    for umask, mode, wanted in ((0, 0o666, 0o666), (0o022, 0o666, 0o644), (0o077, 0o777, 0o700), (0, 0o444, 0o444)):
        os.umask(umask)
        name = 'f%o%o' % (umask, mode)
        make(name, mode=mode)
        equal(mode_of(name), wanted, name)


@case
def open_of_nothing_is_enoent():
    fails(errno.ENOENT, os.open, 'none', os.O_RDONLY)
    fails(errno.ENOENT, os.open, 'none/below', os.O_RDONLY | os.O_CREAT)
    fails(errno.ENOENT, os.open, '', os.O_RDONLY)


@case
def open_through_a_file_is_enotdir():
    make('f')
    fails(errno.ENOTDIR, os.open, 'f/x', os.O_RDONLY)
    fails(errno.ENOTDIR, os.open, 'f/x', os.O_RDONLY | os.O_CREAT)
    fails(errno.ENOTDIR, os.open, 'f', os.O_RDONLY | os.O_DIRECTORY)


@case
def open_exclusive_of_what_is_there_is_eexist():
    make('f')
    os.mkdir('d')
    for name in ('f', 'd'):
        fails(errno.EEXIST, os.open, name, os.O_CREAT | os.O_EXCL | os.O_RDWR)


@case
def open_exclusive_does_not_follow_a_link():
    os.symlink('nowhere', 'l')
    fails(errno.EEXIST, os.open, 'l', os.O_CREAT | os.O_EXCL | os.O_RDWR)
    assert not os.path.lexists('nowhere')


@case
def open_of_a_directory_for_writing_is_eisdir():
    os.mkdir('d')
    fails(errno.EISDIR, os.open, 'd', os.O_WRONLY)
    fails(errno.EISDIR, os.open, 'd', os.O_RDWR)
    fails(errno.EISDIR, os.open, 'd', os.O_WRONLY | os.O_TRUNC)


@case
def open_nofollow_of_a_link_is_eloop():
    os.symlink('t', 'l')
    fails(errno.ELOOP, os.open, 'l', os.O_RDONLY | os.O_NOFOLLOW)


@case
def open_truncates():
    make('f', 'content')
    os.close(os.open('f', os.O_WRONLY | os.O_TRUNC))
    equal(os.stat('f').st_size, 0, 'size')


@case
def open_appends_wherever_the_offset_is():
    make('f', 'one')
    fd = os.open('f', os.O_WRONLY | os.O_APPEND)
    os.lseek(fd, 0, os.SEEK_SET)
    os.write(fd, b'two')
    os.close(fd)
    equal(content('f'), 'onetwo')


@case
def open_for_reading_refuses_writes():
    make('f', 'x')
    fd = os.open('f', os.O_RDONLY)
    fails(errno.EBADF, os.write, fd, b'y')
    os.close(fd)
    fd = os.open('f', os.O_WRONLY)
    fails(errno.EBADF, os.read, fd, 1)
    os.close(fd)


@case
def open_keeps_the_mode_of_what_is_there():
    make('f', mode=0o600)
    os.close(os.open('f', os.O_CREAT | os.O_RDWR, 0o777))
    equal(mode_of('f'), 0o600)


@case
def names_of_255_bytes_are_the_longest():
    make('n' * 255)
    equal(os.listdir('.'), ['n' * 255])
    fails(errno.ENAMETOOLONG, os.open, 'n' * 256, os.O_CREAT | os.O_RDWR)
    fails(errno.ENAMETOOLONG, os.mkdir, 'n' * 256)
    fails(errno.ENAMETOOLONG, os.stat, 'n' * 256)
    fails(errno.ENAMETOOLONG, os.rename, 'n' * 255, 'm' * 256)
    fails(errno.ENAMETOOLONG, os.unlink, 'n' * 256)


@case
def names_differ_in_case():
    make('name', 'lower')
    make('NAME', 'upper')
    os.mkdir('Name')
    equal((content('name'), content('NAME')), ('lower', 'upper'))
    equal(sorted(os.listdir('.')), ['NAME', 'Name', 'name'])
    fails(errno.ENOENT, os.stat, 'nAME')
    os.unlink('name')
    equal(content('NAME'), 'upper')
    os.rename('NAME', 'name')
    equal(sorted(os.listdir('.')), ['Name', 'name'])


@case
def names_may_hold_every_character_but_slash():
    names = ['a:b', 'c*d', 'e?f', 'g<h>i', 'j|k', 'quote"d', 'trailing.', 'trailing ', '...', ' ', 'tab\tx', 'new\nline',
             'back\\slash', 'con', 'aux.txt', 'über', '\U0001F600', '~tilde', '-dash', '$HOME', '`x`', '\x01', '\x7f']
    for n in names:
        make(n, n)
    equal(sorted(os.listdir('.')), sorted(names), 'listing')
    for n in names:
        equal(content(n), n)
        os.rename(n, n + 'x')
        os.unlink(n + 'x')
    equal(os.listdir('.'), [])


# --- unlink(2) --------------------------------------------------------------------------------------------------------

@case
def unlink_takes_the_name_at_once():
    make('f', 'data')
    fd = os.open('f', os.O_RDWR)
    os.unlink('f')
    equal(os.listdir('.'), [])
    make('f', 'new')
    equal(os.pread(fd, 10, 0), b'data')
    os.pwrite(fd, b'more', 4)
    os.ftruncate(fd, 6)
    equal(os.pread(fd, 10, 0), b'datamo')
    os.close(fd)
    equal(content('f'), 'new')


@case
def unlink_hides_an_open_file():
    make('f')
    fd = os.open('f', os.O_RDWR)
    os.unlink('f')
    fails(errno.ENOENT, os.stat, 'f')
    os.close(fd)


@case
def unlink_counts_links_of_an_open_file():
    make('f')
    fd = os.open('f', os.O_RDWR)
    os.link('f', 'g')
    equal(os.fstat(fd).st_nlink, 2)
    os.unlink('f')
    equal(os.fstat(fd).st_nlink, 1)
    os.unlink('g')
    equal(os.fstat(fd).st_nlink, 0)
    os.close(fd)


@case
def unlink_errors():
    make('f')
    os.mkdir('d')
    fails(errno.ENOENT, os.unlink, 'none')
    fails(errno.ENOTDIR, os.unlink, 'f/x')
    fails((errno.EPERM, errno.EISDIR), os.unlink, 'd')
    assert os.path.isdir('d')


@case
def unlink_removes_a_link_not_its_target():
    make('f')
    os.symlink('f', 'l')
    os.unlink('l')
    equal(os.listdir('.'), ['f'])


@case
def unlink_of_a_file_nobody_may_write():
    make('f', mode=0o444)
    os.unlink('f')
    make('g', mode=0o644)
    os.chmod('g', 0o000)
    os.unlink('g')
    equal(os.listdir('.'), [])


@case
def unlink_changes_the_folder_times():
    make('f')
    before = os.stat('.')
    time.sleep(1.2)
    os.unlink('f')
    after = os.stat('.')
    assert after.st_mtime_ns > before.st_mtime_ns, 'mtime'
    assert after.st_ctime_ns > before.st_ctime_ns, 'ctime'


# --- rename(2) --------------------------------------------------------------------------------------------------------

@case
def rename_moves_and_keeps_the_inode():
    make('a', 'x')
    os.mkdir('d')
    inode = os.stat('a').st_ino
    os.rename('a', 'b')
    os.rename('b', 'd/c')
    equal(os.listdir('.'), ['d'])
    equal((os.stat('d/c').st_ino, content('d/c')), (inode, 'x'))


@case
def rename_replaces_a_file_in_one_step():
    make('a', 'new')
    make('b', 'old')
    os.rename('a', 'b')
    equal((os.listdir('.'), content('b')), (['b'], 'new'))


@case
def rename_over_an_open_file():
    make('a', 'new')
    make('b', 'old')
    fd = os.open('b', os.O_RDWR)
    os.rename('a', 'b')
    equal(content('b'), 'new')
    equal(os.pread(fd, 10, 0), b'old')
    os.pwrite(fd, b'!', 3)
    equal(os.pread(fd, 10, 0), b'old!')
    os.close(fd)
    equal(content('b'), 'new')


@case
def rename_of_an_open_file():
    make('a', 'x')
    fd = os.open('a', os.O_RDWR)
    os.rename('a', 'b')
    os.pwrite(fd, b'yz', 1)
    os.close(fd)
    equal(content('b'), 'xyz')


@case
def rename_of_a_folder_with_open_files():
    os.makedirs('d/e')
    make('d/e/f', 'x')
    fd = os.open('d/e/f', os.O_RDWR)
    os.rename('d', 'n')
    os.pwrite(fd, b'y', 1)
    os.close(fd)
    equal(content('n/e/f'), 'xy')


@case
def rename_replaces_an_empty_folder_only():
    for d in ('a', 'empty', 'full'):
        os.mkdir(d)
    make('a/x')
    make('full/y')
    fails((errno.EEXIST, errno.ENOTEMPTY), os.rename, 'a', 'full')
    os.rename('a', 'empty')
    equal(os.listdir('empty'), ['x'])


@case
def rename_errors():
    make('f')
    os.makedirs('d/e')
    fails(errno.ENOENT, os.rename, 'none', 'x')
    fails(errno.ENOENT, os.rename, 'f', 'none/x')
    fails(errno.ENOTDIR, os.rename, 'f', 'f/x')
    fails(errno.ENOTDIR, os.rename, 'd', 'f')
    fails(errno.EISDIR, os.rename, 'f', 'd')
    fails(errno.EINVAL, os.rename, 'd', 'd/e/x')
    fails((errno.EINVAL, errno.EBUSY), os.rename, 'd/.', 'x')


@case
def rename_of_two_names_of_one_file_does_nothing():
    make('a', 'x')
    os.link('a', 'b')
    os.rename('a', 'b')
    equal(sorted(os.listdir('.')), ['a', 'b'])
    equal(os.stat('a').st_nlink, 2)


@case
def rename_of_a_link_moves_the_link():
    os.symlink('target', 'l')
    os.rename('l', 'm')
    equal(os.readlink('m'), 'target')


@case
def rename_over_a_link_replaces_the_link():
    make('a', 'x')
    make('t', 'target')
    os.symlink('t', 'l')
    os.rename('a', 'l')
    assert not os.path.islink('l')
    equal((content('l'), content('t')), ('x', 'target'))


@case
def rename_of_case_only():
    make('name', 'x')
    os.rename('name', 'NAME')
    equal((os.listdir('.'), content('NAME')), (['NAME'], 'x'))


# --- link(2) ----------------------------------------------------------------------------------------------------------

@case
def link_shares_everything():
    make('a', 'x')
    os.mkdir('d')
    os.link('a', 'd/b')
    os.chmod('a', 0o600)
    with open('d/b', 'a') as f:
        f.write('y')
    equal(content('a'), 'xy')
    equal(os.stat('a').st_ino, os.stat('d/b').st_ino)
    equal(mode_of('d/b'), 0o600)
    os.unlink('a')
    equal((content('d/b'), os.stat('d/b').st_nlink), ('xy', 1))


@case
def link_is_counted():
    make('a')
    os.link('a', 'b')
    equal((os.stat('a').st_nlink, os.stat('b').st_nlink), (2, 2))
    content('a')
    equal(os.stat('a').st_nlink, 2, 'after a look into it')


@case
def link_errors():
    make('a')
    make('b')
    os.mkdir('d')
    fails(errno.EEXIST, os.link, 'a', 'b')
    fails(errno.EEXIST, os.link, 'a', 'd')
    fails(errno.ENOENT, os.link, 'none', 'c')
    fails(errno.ENOENT, os.link, 'a', 'none/c')
    fails(errno.ENOTDIR, os.link, 'a', 'b/c')
    fails((errno.EPERM, errno.EISDIR), os.link, 'd', 'e')


@case
def link_of_a_link_is_one_more_name_of_it():
    os.symlink('t', 'l')
    os.link('l', 'm', follow_symlinks=False)
    equal(os.readlink('m'), 't')


# --- folders ----------------------------------------------------------------------------------------------------------

@case
def mkdir_makes_with_the_mode_less_the_umask():
    for umask, mode, wanted in ((0, 0o777, 0o777), (0o022, 0o777, 0o755), (0o077, 0o751, 0o700), (0, 0o1777, 0o1777)):
        os.umask(umask)
        name = 'd%o%o' % (umask, mode)
        os.mkdir(name, mode)
        equal(mode_of(name), wanted, name)
        assert stat.S_ISDIR(os.stat(name).st_mode)


@case
def mkdir_errors():
    make('f')
    os.mkdir('d')
    os.symlink('nowhere', 'l')
    for name in ('f', 'd', 'l'):
        fails(errno.EEXIST, os.mkdir, name)
    fails(errno.ENOENT, os.mkdir, 'none/d')
    fails(errno.ENOTDIR, os.mkdir, 'f/d')


@case
def rmdir_errors():
    make('f')
    os.makedirs('d/e')
    fails(errno.ENOTDIR, os.rmdir, 'f')
    fails((errno.EEXIST, errno.ENOTEMPTY), os.rmdir, 'd')
    fails(errno.ENOENT, os.rmdir, 'none')
    fails(errno.EINVAL, os.rmdir, 'd/.')
    fails((errno.EEXIST, errno.ENOTEMPTY, errno.EINVAL), os.rmdir, 'd/..')
    os.rmdir('d/e')
    os.rmdir('d')
    equal(os.listdir('.'), ['f'])


@case
def rmdir_of_an_open_folder():
    os.mkdir('d')
    fd = os.open('d', os.O_RDONLY | os.O_DIRECTORY)
    os.rmdir('d')
    fails(errno.ENOENT, os.stat, 'd')
    fails(errno.ENOENT, os.open, 'x', os.O_CREAT | os.O_RDWR, dir_fd=fd)
    os.close(fd)
    os.mkdir('d')


@case
def listings_have_every_name_once():
    wanted = sorted('name-%04d' % i for i in range(700))
    for n in wanted:
        make(n)
    equal(sorted(os.listdir('.')), wanted)
    kinds = {e.name: e.is_file(follow_symlinks=False) for e in os.scandir('.')}
    assert all(kinds.values()), 'not all are files'
    equal({e.name: e.inode() for e in os.scandir('.')}, {n: os.stat(n).st_ino for n in wanted}, 'inode numbers')


@case
def trees_are_removed_while_they_are_listed():
    for d in range(10):
        os.makedirs('t/%d/e' % d)
        for f in range(20):
            make('t/%d/%d' % (d, f))
    shutil.rmtree('t')
    equal(os.listdir('.'), [])


# --- symbolic links ---------------------------------------------------------------------------------------------------

@case
def symlink_holds_its_text():
    for i, text in enumerate(('target', '../a/b', '/abs/olute', 'sp ace', 'ünïcode', './x', 'a//b', '.')):
        os.symlink(text, 'l%d' % i)
        equal(os.readlink('l%d' % i), text)
        assert stat.S_ISLNK(os.lstat('l%d' % i).st_mode)


@case
def symlink_is_followed():
    os.mkdir('d')
    make('d/f', 'x')
    os.symlink('d/f', 'l')
    os.symlink('d', 'e')
    equal((content('l'), content('e/f')), ('x', 'x'))
    with open('l', 'w') as f:
        f.write('y')
    equal(content('d/f'), 'y')
    assert os.path.islink('l')
    equal(os.stat('l').st_ino, os.stat('d/f').st_ino)


@case
def symlink_errors():
    make('f')
    os.symlink('l', 'l')
    fails(errno.EEXIST, os.symlink, 'x', 'f')
    fails(errno.ELOOP, os.stat, 'l')
    fails(errno.ELOOP, os.open, 'l/x', os.O_RDONLY)
    fails(errno.ENOENT, os.symlink, 'x', 'none/l')
    fails(errno.EINVAL, os.readlink, 'f')


# --- modes and owners -------------------------------------------------------------------------------------------------

@case
def chmod_sets_all_twelve_bits():
    make('f')
    os.mkdir('d')
    for name in ('f', 'd'):
        for mode in (0o777, 0o600, 0o000, 0o444, 0o4755, 0o2755, 0o1777, 0o7777, 0o644):
            os.chmod(name, mode)
            equal(mode_of(name), mode, '%s %o' % (name, mode))


@case
def chmod_stays_when_the_client_looks_again():
    make('f')
    os.mkdir('d')
    os.chmod('f', 0o4711)
    os.chmod('d', 0o1700)
    time.sleep(1.5)
    equal((mode_of('f'), mode_of('d')), (0o4711, 0o1700))


@case
def chmod_of_an_open_file():
    make('f')
    fd = os.open('f', os.O_RDWR)
    os.fchmod(fd, 0o400)
    equal(stat.S_IMODE(os.fstat(fd).st_mode), 0o400)
    os.write(fd, b'still')
    os.close(fd)
    equal(content('f'), 'still')


@case
def chmod_changes_the_change_time():
    make('f')
    before = os.stat('f')
    time.sleep(1.2)
    os.chmod('f', 0o600)
    after = os.stat('f')
    assert after.st_ctime_ns > before.st_ctime_ns, 'ctime'
    equal(after.st_mtime_ns, before.st_mtime_ns, 'mtime')


@case
def chown_sets_both_ids():
    make('f')
    os.chown('f', 1234, 5678)
    got = os.stat('f')
    equal((got.st_uid, got.st_gid), (1234, 5678))
    os.chown('f', -1, 77)
    got = os.stat('f')
    equal((got.st_uid, got.st_gid), (1234, 77))


@case
def chown_stays_when_the_client_looks_again():
    make('f')
    os.chown('f', 1234, 5678)
    time.sleep(1.5)
    got = os.stat('f')
    equal((got.st_uid, got.st_gid), (1234, 5678))


# --- sizes and times --------------------------------------------------------------------------------------------------

@case
def truncate_cuts_and_grows_with_zeros():
    make('f', 'content')
    os.truncate('f', 3)
    equal(content('f'), 'con')
    os.truncate('f', 10)
    equal(content('f'), 'con' + '\0' * 7)
    os.truncate('f', 0)
    equal(os.stat('f').st_size, 0)
    with open('f', 'r+b') as f:
        f.truncate(1 << 33)
    equal(os.stat('f').st_size, 1 << 33)


@case
def truncate_errors():
    os.mkdir('d')
    make('f')
    fails(errno.ENOENT, os.truncate, 'none', 0)
    fails(errno.EISDIR, os.truncate, 'd', 0)
    fails(errno.EINVAL, os.truncate, 'f', -1)
    fails(errno.ENOTDIR, os.truncate, 'f/x', 0)


@case
def writes_leave_holes_that_read_as_zeros():
    fd = os.open('f', os.O_CREAT | os.O_RDWR, 0o644)
    os.pwrite(fd, b'end', 1 << 20)
    equal(os.pread(fd, 4, 1000), b'\0' * 4)
    equal(os.fstat(fd).st_size, (1 << 20) + 3)
    os.close(fd)


@case
def utimensat_sets_times_exactly():
    make('f')
    os.mkdir('d')
    for name in ('f', 'd'):
        os.utime(name, ns=(1_000_000_000_123_456_700, 1_100_000_000_765_432_100))
        got = os.stat(name)
        equal((got.st_atime_ns, got.st_mtime_ns), (1_000_000_000_123_456_700, 1_100_000_000_765_432_100), name)
    os.utime('f', (0, 0))
    equal(os.stat('f').st_mtime, 0)


@case
def utimensat_before_1970():
    make('f')
    os.utime('f', (-86400, -172800))
    equal((os.stat('f').st_atime, os.stat('f').st_mtime), (-86400, -172800))


@case
def write_changes_the_times():
    make('f')
    before = os.stat('f')
    time.sleep(1.2)
    with open('f', 'w') as f:
        f.write('x')
        f.flush()
        os.fsync(f.fileno())
    after = os.stat('f')
    assert after.st_mtime_ns > before.st_mtime_ns, 'mtime'
    assert after.st_ctime_ns > before.st_ctime_ns, 'ctime'


# --- special files ----------------------------------------------------------------------------------------------------

@case
def fifos_carry_bytes():
    os.mkfifo('p', 0o600)
    assert stat.S_ISFIFO(os.lstat('p').st_mode)
    reader = os.open('p', os.O_RDONLY | os.O_NONBLOCK)
    writer = os.open('p', os.O_WRONLY)
    os.write(writer, b'x')
    equal(os.read(reader, 10), b'x')
    os.close(reader)
    os.close(writer)
    fails(errno.EEXIST, os.mkfifo, 'p')
    os.unlink('p')


@case
def devices_have_numbers():
    os.mknod('null', stat.S_IFCHR | 0o666, os.makedev(1, 3))
    os.mknod('loop', stat.S_IFBLK | 0o600, os.makedev(7, 1))
    assert stat.S_ISCHR(os.stat('null').st_mode) and stat.S_ISBLK(os.stat('loop').st_mode)
    equal((os.stat('null').st_rdev, os.stat('loop').st_rdev), (os.makedev(1, 3), os.makedev(7, 1)))
    os.unlink('null')
    os.unlink('loop')


@case
def sockets_are_bound():
    with socket.socket(socket.AF_UNIX) as s:
        s.bind('s')
        assert stat.S_ISSOCK(os.lstat('s').st_mode)
        s.listen(1)
        with socket.socket(socket.AF_UNIX) as c:
            c.connect('s')
    os.unlink('s')


# --- locks ------------------------------------------------------------------------------------------------------------

@case
def locks_exclude_other_processes():
    make('f', 'x' * 100)
    fd = os.open('f', os.O_RDWR)
    fcntl.lockf(fd, fcntl.LOCK_EX, 10, 0)
    child = os.fork()
    if child == 0:
        other = os.open('f', os.O_RDWR)
        try:
            fcntl.lockf(other, fcntl.LOCK_EX | fcntl.LOCK_NB, 10, 5)
            os._exit(1)
        except OSError as e:
            if e.errno not in (errno.EACCES, errno.EAGAIN):
                os._exit(2)
        fcntl.lockf(other, fcntl.LOCK_EX | fcntl.LOCK_NB, 10, 20)
        os._exit(0)
    equal(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 0, 'the other process')
    os.close(fd)


def run(function, folder):
    os.mkdir(folder)
    os.chdir(folder)
    os.umask(0o022)
    try:
        function()
        return None
    except (AssertionError, OSError) as e:
        return '%s%s' % ('' if isinstance(e, AssertionError) else type(e).__name__ + ' ', e)
    finally:
        os.chdir('..')


def main():
    names = sys.argv[1:]
    chosen = [c for c in CASES if not names or any(c.__name__.startswith(n) for n in names)]
    bad = 0
    for number, function in enumerate(chosen):
        why = run(function, 'case-%d' % number)
        bad += why is not None
        print('ok %s' % function.__name__ if why is None else 'not ok %s: %s' % (function.__name__, ' '.join(why.split())), flush=True)
        shutil.rmtree('case-%d' % number, ignore_errors=True)
    print('%d cases, %d failed' % (len(chosen), bad))
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
