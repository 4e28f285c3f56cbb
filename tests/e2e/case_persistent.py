"""Handles that outlive the server, or their connection, under a mount of the Linux kernel: no error reaches the program."""
import pathlib
import signal
import threading
import time

from rig.harness import Failed, case

PEER = pathlib.Path(__file__).resolve().with_name('peer_persistent.py')


def work(t, server, share, options, meanwhile, version='3.1.1'):
    """Runs the peer on two mounts of `share`, and `meanwhile` when it is half way; returns what it printed."""
    flags = t.folder / 'flags'
    flags.mkdir()
    (t.folder / 'peer.py').write_text(PEER.read_text())
    command = 'cmount /tmp/second nosharesock,%s && python3 /run/host%s/peer.py "$PWD" /tmp/second /run/out' % (options, t.folder)
    outcome = {}

    def mount():
        try:
            outcome['text'] = t.kernel(share, command, version, options, server=server, KCIFS_OUT=str(flags))
        except Exception as error:  # handed to the test's own thread
            outcome['error'] = error

    thread = threading.Thread(target=mount)
    thread.start()
    end = time.monotonic() + 120
    while not (flags / 'half').exists() and thread.is_alive() and time.monotonic() < end:
        time.sleep(0.05)
    if thread.is_alive():
        meanwhile()
        (flags / 'go').touch()
    thread.join()
    if 'error' in outcome:
        raise outcome['error']
    return outcome['text']


def taken_up(server):
    """How many opens clients have taken up again, as the log has it."""
    return pathlib.Path(server.log).read_text('utf-8', 'replace').count('a disconnected open was taken up')


def restarted(t, version, stop, mount='persistenthandles'):
    server = t.own_server()
    share = t.share(server, options=['--continuously-available'])

    def restart():
        stop(server)
        server.start()

    text = work(t, server, share, mount, restart, version)
    t.contains(text, 'refused before', 'refused after', 'all 60 records')
    log = pathlib.Path(server.log).read_text('utf-8', 'replace')
    t.contains(log, 'persistent opens wait for their clients')
    t.true(taken_up(server) >= 2, 'the files were opened anew instead of taken up:\n' + log[-3000:])
    t.equal(server.stop(), 0, 'exit status')
    server.start()
    log = pathlib.Path(server.log).read_text('utf-8', 'replace')
    t.equal(log.count('persistent opens wait for their clients'), 1, 'restarts with opens left')


@case(freehold_only=True)
def a_restart_is_not_noticed_v311(t):
    restarted(t, '3.1.1', lambda server: server.stop())


@case(freehold_only=True)
def a_restart_is_not_noticed_v30(t):
    restarted(t, '3.0', lambda server: server.stop())


@case(freehold_only=True)
def a_restart_is_not_noticed_on_a_posix_mount(t):
    restarted(t, '3.1.1', lambda server: server.stop(), 'posix,persistenthandles')


@case(freehold_only=True)
def a_kill_is_not_noticed_on_a_posix_mount(t):
    restarted(t, '3.1.1', lambda server: server.kill(), 'posix,persistenthandles')


@case(freehold_only=True)
def a_kill_is_not_noticed(t):
    restarted(t, '3.1.1', lambda server: server.kill())


@case(freehold_only=True)
def what_others_change_outlives_the_server(t):
    """A deletion that waits for a persistent open, and the new name of a stream, after the server was killed."""
    server = t.own_server()
    share = t.share(server=server, options=['--continuously-available'])
    peer = ('peer_persistent_marks.py', server.host, server.port, share.name, t.user.name, t.user.password,
            '5d0f8fb4-3b1e-4bc2-9a3c-0f2f6c1d7e55')
    ids = t.python(*peer, 'before').split()
    t.equal(len(ids), 2, 'opens')
    server.kill()
    server.start()
    t.contains(t.python(*peer, 'after', *ids), 'done')
    t.true(taken_up(server) == 2, 'opens that were taken up')


@case(freehold_only=True)
def a_resilient_handle_outlives_its_connection(t):
    """The server falls silent for longer than the client waits for an answer to its echo: it connects anew, and ends its former
    session."""
    server = t.own_server()
    share = t.share(server)

    def silence():
        server.signal(signal.SIGSTOP)
        time.sleep(12)
        server.signal(signal.SIGCONT)

    text = work(t, server, share, 'resilienthandles,echo_interval=1', silence)
    t.contains(text, 'refused before', 'refused after', 'all 60 records')
    if taken_up(server) < 1:
        raise Failed('no open was taken up:\n' + pathlib.Path(server.log).read_text('utf-8', 'replace')[-3000:])
