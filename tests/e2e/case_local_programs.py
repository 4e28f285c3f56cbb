"""Programs of the server's machine that use the same files, with locks and leases of the kernel."""
import errno
import fcntl
import pathlib
import threading
import time

from rig.harness import case


def server_that_shares(t):
    """A server whose volume shares locks, and a share of it."""
    server = t.own_server(start=False)
    # behind the volume's path
    server.settings = 'local_programs = "locks"\n' + server.settings
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
