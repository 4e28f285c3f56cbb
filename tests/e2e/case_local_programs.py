"""Programs of the server's machine that use the same files, with locks and leases of the kernel."""
import errno
import fcntl
import pathlib
import threading
import time

from rig.harness import case


def server_that_shares(t, what='locks'):
    """A server whose volume shares locks or what else is wanted, and a share of it."""
    server = t.own_server(start=False)
    # behind the volume's path
    server.settings = 'local_programs = "%s"\n' % what + server.settings
    server.start()
    server.add_user(t.user.name, t.user.password)
    return server, t.share(server)


def peer(t, server, share, what):
    out = t.python('peer_local_programs.py', server.host, server.port, share.name, t.user.name, t.user.password,
                   share.path, what)
    t.equal(out.strip().splitlines()[-1:], ['done'], 'last line')


@case(freehold_only=True)
def locks_hold_both_ways(t):
    server, share = server_that_shares(t)
    peer(t, server, share, 'locks')


@case(freehold_only=True)
def a_lock_of_a_program_is_waited_for(t):
    server, share = server_that_shares(t)
    peer(t, server, share, 'waits')


@case(freehold_only=True)
def locks_end_with_their_client(t):
    server, share = server_that_shares(t)
    peer(t, server, share, 'ends')


@case(freehold_only=True)
def a_lease_of_a_program_is_waited_for(t):
    server, share = server_that_shares(t)
    peer(t, server, share, 'leases')


@case(freehold_only=True)
def a_program_breaks_what_a_client_caches(t):
    server, share = server_that_shares(t, 'leases')
    peer(t, server, share, 'breaks')


@case(freehold_only=True)
def a_client_that_does_not_answer_is_waited_for_in_vain(t):
    server, share = server_that_shares(t, 'leases')
    peer(t, server, share, 'silent')


@case(freehold_only=True)
def leases_come_with_locks(t):
    server, share = server_that_shares(t, 'leases')
    for what in ('locks', 'waits', 'ends', 'leases'):
        peer(t, server, share, what)
        # another one for the next: what a client had open is closed a moment after it has gone
        share = t.share(server)


@case(freehold_only=True)
def locks_are_apart_by_default(t):
    peer(t, t.server, t.share(), 'unshared')


GUEST = '''
import errno, fcntl, os, sys, time
out = '/run/out'
def flag(name): open(out + '/' + name, 'w').close()
def wait(name):
    end = time.monotonic() + 120
    while not os.path.exists(out + '/' + name):
        if time.monotonic() > end: sys.exit('no ' + name)
        time.sleep(0.05)
f = open('f', 'r+b', buffering=0)
fcntl.lockf(f, fcntl.LOCK_EX, 10, 0)
flag('locked')
wait('looked')
fcntl.lockf(f, fcntl.LOCK_UN, 10, 0)
flag('unlocked')
wait('taken')
try:
    fcntl.lockf(f, fcntl.LOCK_EX | fcntl.LOCK_NB, 10, 0)
    sys.exit('the lock of a program of the server is not seen')
except OSError as error:
    assert error.errno in (errno.EAGAIN, errno.EACCES), error
flag('refused')
fcntl.lockf(f, fcntl.LOCK_EX, 10, 0)
print('locked at last')
'''


@case(freehold_only=True)
def a_mount_and_a_program_lock_the_same_file(t):
    """The Linux kernel's client without oplocks, which would let it keep locks to itself."""
    server, share = server_that_shares(t)
    (share.path / 'f').write_bytes(bytes(100))
    (t.folder / 'guest.py').write_text(GUEST)
    flags = t.folder / 'flags'
    flags.mkdir()
    outcome = {}

    def mount():
        try:
            outcome['text'] = t.kernel(share, 'python3 /run/host%s/guest.py' % t.folder, server=server,
                                       KCIFS_OUT=str(flags), KCIFS_MODPARAMS='enable_oplocks=0')
        except Exception as error:  # handed to the test's own thread
            outcome['error'] = error

    def wait(name):
        end = time.monotonic() + 120
        while not (flags / name).exists():
            t.true(thread.is_alive() and time.monotonic() < end, '%s was not reached: %s' % (name, outcome))
            time.sleep(0.05)

    def lock(file):
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 10, 0)
            return True
        except OSError as error:
            t.true(error.errno in (errno.EAGAIN, errno.EACCES), str(error))
            return False

    thread = threading.Thread(target=mount)
    thread.start()
    with open(pathlib.Path(share.path) / 'f', 'r+b') as file:
        wait('locked')
        t.true(not lock(file), "the mount's lock is not seen")
        (flags / 'looked').touch()
        wait('unlocked')
        t.true(lock(file), 'the lock is still there')
        (flags / 'taken').touch()
        wait('refused')
        fcntl.lockf(file, fcntl.LOCK_UN, 10, 0)
    thread.join()
    if 'error' in outcome:
        raise outcome['error']
    t.contains(outcome['text'], 'locked at last')


CACHING = '''
import os, sys, time
f = open('f', 'r+b', buffering=0)
f.write(b'in the cache of the mount' + bytes(100000))
open('/run/out/written', 'w').close()
end = time.monotonic() + 120
while not os.path.exists('/run/out/read'):
    if time.monotonic() > end: sys.exit('nobody has read')
    time.sleep(0.05)
f.seek(0)
f.write(b'after')
f.close()
print('done')
'''


@case(freehold_only=True)
def a_program_reads_what_a_mount_has_in_its_cache(t):
    """The Linux kernel's client keeps what was written in its pages under a lease, until somebody wants it."""
    server, share = server_that_shares(t, 'leases')
    (share.path / 'f').write_bytes(b'on the disk')
    (t.folder / 'guest.py').write_text(CACHING)
    flags = t.folder / 'flags'
    flags.mkdir()
    outcome = {}

    def mount():
        try:
            # pages that nobody asks for are written after half a minute: an hour here
            outcome['text'] = t.kernel(share, 'echo 360000 > /proc/sys/vm/dirty_expire_centisecs; '
                                       'echo 360000 > /proc/sys/vm/dirty_writeback_centisecs; '
                                       'python3 /run/host%s/guest.py' % t.folder, server=server, KCIFS_OUT=str(flags))
        except Exception as error:  # handed to the test's own thread
            outcome['error'] = error

    thread = threading.Thread(target=mount)
    thread.start()
    end = time.monotonic() + 120
    while not (flags / 'written').exists():
        t.true(thread.is_alive() and time.monotonic() < end, 'the mount has not written: %s' % outcome)
        time.sleep(0.05)
    # no lease is broken by a look at the size
    t.equal((share.path / 'f').stat().st_size, 11, 'bytes on the disk while the mount caches')
    data = (share.path / 'f').read_bytes()
    (flags / 'read').touch()
    thread.join()
    if 'error' in outcome:
        raise outcome['error']
    t.contains(outcome['text'], 'done')
    t.true(data.startswith(b'in the cache of the mount'), 'the program has read %r' % data[:30])
    t.equal(len(data), 100025, 'bytes that the program has read')
    t.true((share.path / 'f').read_bytes().startswith(b'after'), 'what the mount wrote afterwards')
