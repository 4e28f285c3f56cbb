"""DFS namespaces by name: from a root on one server into folders on another Freehold and on a Samba server, and past a target that
dies. Every server has port 445 of an address of its own, so that clients go where a referral sends them."""
import json
import subprocess
import threading
import time

import members
from rig import server as servers
from rig.harness import Failed, case


def data_server(t, s):
    """Gives a server a share `data` with files that name it."""
    s.add_share('data')
    if s.kind == 'freehold':
        s.open_root('data')
    local = t.folder / 'local'
    local.write_text('on %s\n' % s.host)
    t.smbclient('data', ['put %s where' % local, 'mkdir deep', r'put %s deep\where' % local], server=s)
    return s


def samba_member(t):
    """Samba beside Freehold: its machine has one winbindd, so that cases with one run alone."""
    s = members.make('samba', t.bed, t.bed.server_name())
    t.own.append(s)
    s.start()
    t.bed.replicated(s.name + '$')
    return data_server(t, s)


def root(t, *folders):
    """A server with the namespace `files`; `folders`: path and targets."""
    s = t.own_server()
    s.add_share('files')
    s.open_root('files')
    s.run('dfs', 'namespace', 'add', 'files')
    for path, *targets in folders:
        s.run('dfs', 'folder', 'add', 'files\\%s' % path, *(word for target in targets for word in ('--target', target)))
    until = time.monotonic() + 30
    while not all((s.volume / 'files' / path.replace('\\', '/')).is_dir() for path, *_ in folders):
        if time.monotonic() > until:
            raise Failed('the folders did not appear in the share')
        time.sleep(0.1)
    return s


def fetch(t, s, path, kerberos=False, ok=True):
    """What is in a file, as smbclient gets it through the root."""
    local = t.folder / 'fetched'
    local.unlink(missing_ok=True)
    done = t.samba('smbclient', '//%s/files' % s.host, '-c', 'get %s %s' % (path, local), kerberos=kerberos, ok=ok)
    if not local.exists():
        raise Failed('%s was not fetched:\n%s' % (path, done.stdout))
    return local.read_text()


def tell(t, what, seconds):
    print('     %s: %s after %.1f s' % (t.name, what, seconds), flush=True)


@case(freehold_only=True, alone=True)
def from_a_root_to_freehold_and_samba_by_name(t):
    """smbclient and the Linux kernel, each by NTLM and by Kerberos."""
    second, samba = data_server(t, t.own_server()), samba_member(t)
    s = root(t, ('second', r'\\%s\data' % second.host), (r'way\samba', r'\\%s\data\deep' % samba.host))
    for kerberos in False, True:
        t.equal(fetch(t, s, r'second\where', kerberos), 'on %s\n' % second.host, 'on the second server')
        t.equal(fetch(t, s, r'second\deep\where', kerberos), 'on %s\n' % second.host, 'deeper')
        t.equal(fetch(t, s, r'way\samba\where', kerberos), 'on %s\n' % samba.host, 'on Samba')
    share = type(t.share())('files', s.volume / 'files')
    command = 'ls . way && cat second/where second/deep/where way/samba/where && echo new > %s && rm %s'
    wanted = ['.:', 'second', 'way', 'way:', 'samba', 'on', second.host, 'on', second.host, 'on', samba.host]
    also = {'KCIFS_ALSO': '%s %s' % (second.address, samba.address), 'KCIFS_HOST': s.host}
    out = t.kernel(share, command % ('second/made', 'second/made'), server=s, **also)
    t.equal(out.split(), wanted, 'what the kernel saw by NTLM')
    tickets = {0: t.ticket_cache(t.domain_user('alice'))}
    for host in s.host, second.host, samba.host:
        t.run('kvno', 'cifs/' + host, env=tickets[0])
    out = t.kernel(share, command % ('way/samba/made', 'way/samba/made'), server=s, tickets=tickets, **also)
    t.equal(out.split(), wanted, 'what the kernel saw by Kerberos')


class Watch:
    """What a client reads at the same path over time: lines `time contents`, written when the contents change. The time is the client's."""

    def __init__(self, t):
        self.t, self.folder = t, t.folder / 'watch'
        self.folder.mkdir()
        self.folder.chmod(0o777)
        self.log, self.stop = self.folder / 'log', self.folder / 'stop'
        self.log.touch()

    def lines(self):
        return self.log.read_text().splitlines()

    def seen(self, wanted, before, seconds):
        """Waits for a line with these contents behind the first `before` ones; how long."""
        begin = time.monotonic()
        while time.monotonic() - begin < seconds:
            if any(line.partition(' ')[2] == wanted for line in self.lines()[before:]):
                return time.monotonic() - begin
            time.sleep(0.1)
        raise Failed('%r was not read within %d s; seen:\n%s' % (wanted, seconds, self.log.read_text()))


def two_targets(t, *options):
    """A folder of two targets, the first of which is preferred."""
    first, other = data_server(t, t.own_server()), data_server(t, t.own_server())
    s = root(t, ('both', r'\\%s\data' % first.host, r'\\%s\data' % other.host))
    s.run('dfs', 'target', 'set', r'files\both', r'\\%s\data' % first.host, '--class', 'global-high')
    s.run('dfs', 'folder', 'set', r'files\both', '--target-failback', 'true', *options)
    return s, first, other


def told(s, path):
    """The servers that a referral names, in its order."""
    found = json.loads(s.run('dfs', 'resolve', path, '--client', '10.88.0.5', '-o', 'json').stdout)
    return [x['LeadsTo'].split('\\')[2] for x in found['Targets'] if x.get('Told', True)]


def wait_told(s, path, wanted, seconds=180):
    begin = time.monotonic()
    while told(s, path) != wanted:
        if time.monotonic() - begin > seconds:
            asked = s.run('dfs', 'target', 'test', 'files', check=False)
            raise Failed('the referral names %s and not %s; %s' % (told(s, path), wanted, asked.stdout + asked.stderr))
        time.sleep(0.2)
    return time.monotonic() - begin


@case(freehold_only=True)
def smbclient_passes_over_a_dead_target(t):
    """At once, by the referral's second target; later the dead one is not named any more, and once it is there again it is first."""
    s, first, other = two_targets(t)
    t.equal(fetch(t, s, r'both\where'), 'on %s\n' % first.host, 'the preferred target')
    first.kill()
    begin = time.monotonic()
    t.equal(fetch(t, s, r'both\where', ok=None), 'on %s\n' % other.host, 'the other target')
    tell(t, 'smbclient went to the other target', time.monotonic() - begin)
    tell(t, 'the dead target left the referrals', wait_told(s, r'files\both', [other.host]))
    begin = time.monotonic()
    t.equal(fetch(t, s, r'both\where'), 'on %s\n' % other.host, 'the only target that is named')
    tell(t, 'smbclient, told of the living target only, read', time.monotonic() - begin)
    first.start()
    tell(t, 'the target was back in the referrals, first', wait_told(s, r'files\both', [first.host, other.host]))
    t.equal(fetch(t, s, r'both\where'), 'on %s\n' % first.host, 'the preferred target again')


@case(freehold_only=True)
def smbprotocol_passes_over_a_dead_target(t):
    """It does not try a referral's second target where the first refuses the connection: it gets there when its referral has expired
    and the next one leaves the dead target out."""
    s, first, other = two_targets(t, '--ttl', '5')
    watch = Watch(t)
    python = servers.TARGET / 'peers' / 'venv' / 'bin' / 'python'
    client = subprocess.Popen([python, members.__file__.replace('members', 'peer_dfs'), r'\\%s\files\both\where' % s.host, t.user.name,
                               t.user.password, watch.log, watch.stop], stdin=subprocess.DEVNULL)
    try:
        watch.seen('on ' + first.host, 0, 60)
        before = len(watch.lines())
        first.kill()
        tell(t, 'smbprotocol read from the other target', watch.seen('on ' + other.host, before, 120))
        before = len(watch.lines())
        first.start()
        tell(t, 'smbprotocol was back at the preferred target', watch.seen('on ' + first.host, before, 120))
    finally:
        watch.stop.touch()
        client.wait(60)
    t.equal(client.returncode, 0, 'status of the client')


# Reads without the page cache. One handle that stays open and one file opened anew each time: both have to get over.
GUEST = r'''
cat > /tmp/watch.py <<'END'
import os, time
before, kept = None, None
with open('/run/out/log', 'a', buffering=1) as out:
    while not os.path.exists('/run/out/stop'):
        try:
            if kept is None:
                kept = os.open('both/deep/where', os.O_RDONLY)
            with open('both/where', 'rb') as f:
                now = f.read().decode().strip()
            os.pread(kept, 100, 0)
        except OSError as e:
            now = e.strerror
            if kept is not None:
                os.close(kept)
                kept = None
        if now != before:
            out.write('%.3f %s\n' % (time.time(), now))
            before = now
        time.sleep(0.05)
END
python3 /tmp/watch.py && echo ended'''


@case(freehold_only=True)
def the_kernel_passes_over_a_dead_target(t):
    """A mount in use goes to the other target, and a mount made when the preferred one is back goes to that."""
    s, first, other = two_targets(t)
    watch, share = Watch(t), type(t.share())('files', s.volume / 'files')
    also = {'KCIFS_ALSO': '%s %s' % (first.address, other.address), 'KCIFS_HOST': s.host, 'options': 'cache=none,actimeo=0',
            'KCIFS_OUT': watch.folder}
    ended = []
    def guest():
        try:
            ended.append(t.kernel(share, GUEST, server=s, **also))
        except Exception as e:
            ended.append(str(e))
    mount = threading.Thread(target=guest)
    mount.start()
    try:
        watch.seen('on ' + first.host, 0, 120)
        before = len(watch.lines())
        first.kill()
        tell(t, 'the mount in use read from the other target', watch.seen('on ' + other.host, before, 120))
    finally:
        watch.stop.touch()
        mount.join(300)
    t.contains('\n'.join(ended), 'ended')
    first.start()
    tell(t, 'the target was back in the referrals, first', wait_told(s, r'files\both', [first.host, other.host]))
    out = t.kernel(share, 'cat both/where', server=s, **also)
    t.equal(out.strip(), 'on ' + first.host, 'a new mount')
