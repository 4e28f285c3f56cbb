"""What operators see: figures over HTTP, `freehold top` on a terminal and without one, and what slow requests waited for."""
import collections
import contextlib
import csv
import fcntl
import io
import json
import os
import pathlib
import pty
import select
import signal
import socket
import struct
import subprocess
import termios
import threading
import time
import urllib.error
import urllib.request

from rig import server as servers
from rig.harness import Failed, Share, case

PEERS = pathlib.Path(__file__).parent
PYTHON = servers.TARGET / 'peers' / 'venv' / 'bin' / 'python'


def freehold(t, s, *words, ok=True, timeout=60):
    return t.run(servers.freehold_binary(), *words, '--socket', s.folder / 'admin.sock', ok=ok, timeout=timeout).stdout


def peer(t, script, s, share, *more):
    """Starts a peer that lasts until its standard input ends."""
    log = open(t.folder / (script + '.log'), 'w')
    process = subprocess.Popen([PYTHON, PEERS / script, s.host, str(s.port), share, t.user.name, t.user.password, *more],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)

    def end():
        process.stdin.close()
        if process.poll() is None:
            process.terminate()
        process.wait(30)
        process.stdout.close()
    t.finally_(end)
    return process


def keep_writing(t, s, share):
    """A client that writes until the test ends, and has begun."""
    writer = peer(t, 'peer_writer.py', s, share)
    t.contains(writer.stdout.readline(), 'closed')

    def read():
        with contextlib.suppress(ValueError):      # closed at the end
            collections.deque(writer.stdout, 0)
    # it would stop when nobody took what it prints
    threading.Thread(target=read, daemon=True).start()


class Figures:
    """One look at /metrics, read by Prometheus' parser."""

    def __init__(self, t, port):
        self.samples = json.loads(t.python('peer_openmetrics.py', 'http://127.0.0.1:%d/metrics' % port))

    def of(self, name, **labels):
        """The sum of the samples with these labels."""
        return sum(value for found, has, value in self.samples
                   if found == name and all(has.get(k) == v for k, v in labels.items()))

    def labels(self, name, label):
        return {has[label] for found, has, _ in self.samples if found == name and label in has}


@case(freehold_only=True)
def figures_are_openmetrics_and_count_what_was_done(t):
    port = servers.free_port()
    s = t.own_server(settings='[metrics]\nlisten = "%d"\n' % port)
    path = s.add_share('figures')
    before = Figures(t, port)
    t.equal(before.of('freehold_cloudwatch_total', metric='DataWriteBytes'), 0, 'bytes before')
    (t.folder / 'file').write_bytes(b'x' * 1_234_567)
    share = Share('figures', path)
    t.smbclient(share, ['put %s file' % (t.folder / 'file'), 'get file %s' % (t.folder / 'back'), 'mkdir d', 'rmdir d'], server=s)
    t.smbclient(share, ['get absent'], server=s, ok=None)
    t.samba('smbclient', '//%s/figures' % s.host, '-c', 'ls', user='alice%wrong', server=s, ok=False)
    after = Figures(t, port)
    end = time.monotonic() + 20
    while after.of('freehold_connections') != 0:      # the server hears of the last client's end after the client's end
        t.true(time.monotonic() < end, '%d connections are left of clients that have ended' % after.of('freehold_connections'))
        time.sleep(0.1)
        after = Figures(t, port)
    for metric in ('DataWriteBytes', 'DataReadBytes'):
        t.equal(after.of('freehold_cloudwatch_total', metric=metric), 1_234_567, metric)
    t.equal(after.of('freehold_data_write_bytes_total', share='figures'), 1_234_567, 'bytes of the share')
    t.true(after.of('freehold_cloudwatch_total', metric='DataWriteOperations') >= 1, 'no writes')
    t.true(after.of('freehold_cloudwatch_total', metric='MetadataOperations') >= 8, 'too few other operations')
    t.true(after.of('freehold_requests_total', share='figures', command='CREATE', result='not_found') >= 1, 'no absent file')
    t.true(after.of('freehold_requests_total', share='', command='SESSION_SETUP', result='denied') >= 1, 'no refused logon')
    t.true(after.of('freehold_logons_total', method='ntlm', result='succeeded') >= 2, 'no logon')
    t.equal(after.of('freehold_logons_total', method='ntlm', result='refused'), 1, 'refused logons')
    t.true('FREEHOLDTEST\\alice' in after.labels('freehold_user_data_bytes_total', 'user'), 'alice is not among the users')
    t.equal(after.of('freehold_user_data_bytes_total', user='FREEHOLDTEST\\alice'), 2 * 1_234_567, 'bytes of alice')
    t.equal(after.of('freehold_request_duration_seconds_count'), after.of('freehold_requests_total'),
            'requests and their durations')
    for name in ('freehold_operation_duration_seconds_count', 'process_resident_memory_bytes', 'freehold_volume_size_bytes',
                 'process_cpu_seconds_total'):
        t.true(after.of(name) > 0, '%s is 0' % name)
    # Other names, methods and bytes that are no HTTP get an answer and change nothing.
    for request, status in ((urllib.request.Request('http://127.0.0.1:%d/' % port), 404),
                            (urllib.request.Request('http://127.0.0.1:%d/metrics' % port, data=b'x'), 405)):
        try:
            urllib.request.urlopen(request, timeout=10)
            raise Failed('%s was answered' % request.full_url)
        except urllib.error.HTTPError as e:
            t.equal(e.code, status, request.full_url)
    with socket.create_connection(('127.0.0.1', port), 10) as raw:
        raw.sendall(b'\xfeSMB' + bytes(100_000))
        raw.settimeout(20)
        try:
            while raw.recv(65536):
                pass
        except ConnectionResetError:
            pass
    Figures(t, port)


@case(freehold_only=True)
def a_break_that_is_waited_for_is_told_with_its_holder(t):
    s = t.own_server()
    path = s.add_share('breaks')
    (path / 'plan').write_bytes(b'plan')
    holder = peer(t, 'peer_holder.py', s, 'breaks', 'plan')
    t.equal(holder.stdout.readline().strip(), 'held', 'the peer')
    began = time.monotonic()
    opener = subprocess.Popen(['smbclient', '-s', str(t.conf), '-p', str(s.port), '-U', str(t.user), '//%s/breaks' % s.host,
                               '-c', 'get plan %s' % (t.folder / 'plan')], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    t.finally_(lambda: (opener.kill(), opener.wait(), opener.stdout.close()) if opener.poll() is None else None)
    while True:
        rows = json.loads(freehold(t, s, 'top', '--once', '--slow', '-o', 'json'))
        if rows or time.monotonic() > began + 20:
            break
        time.sleep(0.1)
    t.equal(len(rows), 1, 'slow requests: %s' % rows)
    waiting = rows[0]
    for name, value in (('Command', 'CREATE'), ('Status', 'Waiting'), ('Cause', 'LeaseBreak'), ('Share', 'breaks'),
                        ('User', 'FREEHOLDTEST\\alice'), ('Client', '127.0.0.1'), ('Path', 'plan'),
                        ('Holders', [{'Client': '127.0.0.1', 'User': 'FREEHOLDTEST\\alice'}])):
        t.equal(waiting[name], value, name)
    t.contains(freehold(t, s, 'top', '--once', '--slow'), 'lease break: 127.0.0.1 (FREEHOLDTEST\\alice)', 'plan')
    time.sleep(0.3)
    holder.stdin.close()
    out, _ = opener.communicate(timeout=30)
    t.equal(opener.returncode, 0, 'smbclient: %s' % out)
    waited = (time.monotonic() - began) * 1000
    rows = json.loads(freehold(t, s, 'top', '--once', '--slow', '-o', 'json'))
    t.equal(len(rows), 1, 'slow requests: %s' % rows)
    done = rows[0]
    t.equal((done['Cause'], done['Status'], done['Holders']), ('LeaseBreak', '0x00000000', waiting['Holders']), 'the end')
    t.true(300 < done['WaitedMs'] <= done['DurationMs'] < waited, '%s of %d ms' % (done, waited))
    snapshot = json.loads(freehold(t, s, 'top', '--once', '-o', 'json', '--interval', '0.2'))
    t.equal(snapshot['Present']['Waiting'], 0, 'waiting')


@case(freehold_only=True)
def a_directory_being_read_is_told_with_its_size(t):
    s = t.own_server(settings='[metrics]\nslow_ms = 10\n')
    path = s.add_share('many')
    (path / 'folder').mkdir()
    for n in range(100_000):
        (path / 'folder' / ('file%06d' % n)).touch()
    t.smbclient(Share('many', path), ['cd FOLDER', 'get FILE000001 %s' % (t.folder / 'back')], server=s)
    rows = json.loads(freehold(t, s, 'top', '--once', '--slow', '-o', 'json'))
    told = [row for row in rows if row['Cause'] == 'DirectoryIndex']
    t.true(told, 'no directory among %s' % rows)
    t.equal(told[-1]['WaitedFor'], 'directory of 100000 entries being indexed', 'the cause')
    t.equal((told[-1]['Command'], told[-1]['Share'], told[-1]['User']), ('CREATE', 'many', 'FREEHOLDTEST\\alice'), 'whose')


@case(freehold_only=True)
def top_prints_what_happens_now(t):
    s = t.own_server()
    s.add_share('load')
    keep_writing(t, s, 'load')
    wanted, end = {'CREATE', 'WRITE', 'FLUSH', 'CLOSE'}, time.monotonic() + 30
    while True:      # on a busy machine a second may pass without one of them
        report = json.loads(freehold(t, s, 'top', '--once', '-o', 'json'))
        commands = {row['Command']: row for row in report['Commands']}
        if wanted <= set(commands) or time.monotonic() > end:
            break
    t.true(report['RequestsPerSecond'] > 1 and report['WriteBytesPerSecond'] > 1000, report)
    t.equal(report['Server'], 'FREEHOLDTEST', 'the server')
    t.equal(report['Clients'][0]['User'], 'FREEHOLDTEST\\alice', 'the client')
    share = report['Shares'][0]
    t.true(share['Share'] == 'load' and share['WriteBytesPerSecond'] > 1000, report['Shares'])
    for name in wanted:
        row = commands[name]
        t.true(0 < row['P50Ms'] <= row['P95Ms'] <= row['P99Ms'] < 10_000, row)
    rows = list(csv.DictReader(io.StringIO(freehold(t, s, 'top', '--once', '--show', 'commands', '--sort', 'name', '-o', 'csv'))))
    t.equal([row['Command'] for row in rows], sorted(row['Command'] for row in rows), 'the order')
    t.contains(freehold(t, s, 'top', '--once'), 'requests/s', 'load', 'WRITE', 'FREEHOLDTEST\\alice')
    t.contains(freehold(t, s, 'top'), 'requests/s')
    t.contains(freehold(t, s, 'top', '--once', '-o', 'csv', ok=False), '--show')
    t.contains(freehold(t, s, 'top', '--interval', '0', ok=False), '0.2 to 30')
    s.stop()
    t.contains(freehold(t, s, 'top', '--once', ok=False), 'no server answers')


@case(freehold_only=True)
def top_on_a_terminal_shows_it_live(t):
    s = t.own_server()
    s.add_share('load')
    keep_writing(t, s, 'load')
    child, terminal = pty.fork()
    if child == 0:
        os.environ['TERM'] = 'xterm-256color'
        os.execv(servers.freehold_binary(), ['freehold', 'top', '--interval', '0.2', '--socket', str(s.folder / 'admin.sock')])
    seen = b''

    def size(rows, columns):
        """The terminal has another size: everything is drawn anew, not only what has changed."""
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))

    size(24, 80)

    def until(*wanted):
        """Reads until all of it was seen since the last call."""
        nonlocal seen
        seen, end = b'', time.monotonic() + 20
        while not all(w in seen for w in wanted):
            if not select.select([terminal], [], [], max(0, end - time.monotonic()))[0]:
                raise Failed('expected %s, saw %s' % (wanted, seen[-3000:]))
            try:
                data = os.read(terminal, 65536)
            except OSError:
                data = b''
            if not data:
                raise Failed('ended before %s, after %s' % (wanted, seen[-3000:]))
            seen += data
    try:
        until(b'\x1b[?1049h', b'COMMAND', b'CLIENT', b'SHARE', b'WRITE', b'alice', b'sort: requests')
        os.write(terminal, b's')
        # Only cells that differ are written, until a new size has all of them written.
        until(b'bytes')
        size(25, 90)
        until(b'sort: bytes')
        os.write(terminal, b'w')
        size(40, 120)
        until(b'WAITED FOR')
        os.write(terminal, b'a')
        size(50, 132)
        until(b'COMMAND', b'WRITE', b'alice')
        os.write(terminal, b'q')
        until(b'\x1b[?1049l')
        ended, end = (0, 0), time.monotonic() + 20
        while ended[0] == 0 and time.monotonic() < end:
            ended = os.waitpid(child, os.WNOHANG)
            time.sleep(0.02)
        t.equal(ended, (child, 0), 'how it ended')
    except Failed:
        os.kill(child, signal.SIGKILL)
        raise
    finally:
        os.close(terminal)
