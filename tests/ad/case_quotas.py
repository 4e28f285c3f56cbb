"""Quotas as users of the domain meet them: the table of quota_cases.txt, and the programs that people use.

A case of the table is its number and title, and then a line for each step: who, what, and what comes of it where that is not OK.

    alice write f 100K 1 = DISK_FULL     a verb of peer_quotas.py, its handle and arguments, and the status, with what follows it
    used alice 100K                      what the volume charges to alice
    server restart|kill                  the member server ends and starts again; handles are gone
    server quota ...                     an administrator's command; `later server ...` is done when the case is over
    within 10 LINE                       the line, again and again for ten seconds, until it is right
    told 1                               how often the administrator's program has been called since the case began

`*` stands for any value. Between cases nobody has an entry, limits are enforced, and nothing may be left charged.
"""
import json
import pathlib
import subprocess
import time

from rig import server as servers
from rig.harness import Failed, case

HERE = pathlib.Path(__file__).parent
DOMAIN_SID = 'S-1-5-21-1111111111-2222222222-3333333333'
USERS = ('alice', 'bob', 'carol')
ENFORCE = 2
STATUSES = {'OK': 0, 'DISK_FULL': 0xC000007F, 'ACCESS_DENIED': 0xC0000022, 'NO_MATCH': 0xC0000272, 'INVALID_PARAMETER': 0xC000000D,
            'NOT_SUPPORTED': 0xC00000BB}
NAMED = dict({verb: 1 for verb in ('create', 'open', 'mkdir', 'supersede', 'overwrite', 'temporary', 'durable', 'reconnect', 'compound',
                                   'rename', 'link')}, wipe=0)


def number(word):
    """Bytes, or the word itself where it is none."""
    if word == '-':
        return -1
    digits, unit = (word[:-1], 1024) if word.endswith('K') else (word, 1)
    try:
        return int(digits) * unit
    except ValueError:
        return word


def table():
    """Number, title and lines of each case."""
    cases = []
    for line in (HERE / 'quota_cases.txt').read_text().splitlines():
        if line[:1].isdigit():
            nr, _, title = line.partition(' ')
            cases.append((int(nr), title, []))
        elif line.strip() and not line.startswith('#'):
            cases[-1][2].append(line)
    return cases


class Bench:
    """A member server with one share, and a peer that acts in it."""

    def __init__(self, t):
        self.t = t
        self.calls, self.teller = t.folder / 'calls', t.folder / 'teller'
        self.teller.write_text('#!/bin/sh\necho "$FREEHOLD_EVENT $FREEHOLD_USER" >> %s\n' % self.calls)
        self.teller.chmod(0o755)
        self.server = t.own_server()
        self.share = t.share(server=self.server)
        self.server.open_root(self.share.name)
        self.sids = {name: self.sid('CORP\\' + name) for name in USERS}
        self.start_peer()

    def sid(self, name):
        return json.loads(self.server.run('domain', 'lookup', name, '-o', 'json').stdout)[0]['Sid']

    def start_peer(self):
        python = servers.TARGET / 'peers' / 'venv' / 'bin' / 'python'
        self.peer = subprocess.Popen([python, HERE / 'peer_quotas.py', self.server.host, self.share.name], text=True,
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.t.finally_(self.end_peer)
        self.do('admin', 'index', 'index')
        self.reset()

    def end_peer(self):
        self.peer.stdin.close()
        self.peer.wait(60)

    def ask(self, user, verb, *arguments):
        """What the peer answers: a list that begins with a status."""
        user = user.replace('admin', 'Administrator')
        self.peer.stdin.write(json.dumps([user, verb, *arguments]) + '\n')
        self.peer.stdin.flush()
        line = self.peer.stdout.readline()
        try:
            return json.loads(line)
        except ValueError:
            raise servers.RigError('%s %s %s: the peer broke:\n%s' % (user, verb, arguments, line + self.peer.stdout.read()))

    def do(self, user, verb, *arguments, allowed=('OK',)):
        answer = self.ask(user, verb, *arguments)
        if answer[0] not in [STATUSES[s] for s in allowed]:
            raise Failed('%s %s %s: status %#x' % (user, verb, arguments, answer[0]))
        return answer[1:]

    def reset(self):
        for name in USERS:
            self.do('admin', 'limit', 'index', self.sids[name], -1, -2, allowed=('OK', 'NO_MATCH'))
        self.do('admin', 'control', 'index', -1, -1, ENFORCE)

    def restart(self, how):
        self.ask('admin', 'forget')
        (self.server.stop if how == 'restart' else self.server.kill)()
        self.server.start()
        self.do('admin', 'index', 'index')

    def used(self, name):
        return self.do('admin', 'entry', 'index', self.sids[name])[0]

    def step(self, words, folder):
        """One line; returns what came of it, as the table writes it."""
        user, verb, *arguments = words
        if verb in NAMED and len(arguments) > NAMED[verb]:
            arguments[NAMED[verb]] = folder + '\\' + arguments[NAMED[verb]]
        arguments = [number(a) for a in arguments]
        if verb == 'list':
            shown = [sid for sid, *_ in self.do('admin', 'entries', 'index')]
            self.t.equal([s for s in shown if s in self.sids.values()], [self.sids[a] for a in arguments], 'listed')
            return [0]
        if verb == 'limit':
            who, threshold, limit, *handle = arguments
            arguments = [*(handle or ['index']), self.sids[who], threshold, limit]
        elif verb == 'control':
            arguments = ['index', *arguments]
        elif verb == 'setcontrol':
            verb = 'control'
        elif verb == 'settings':
            arguments = ['index']
        elif verb == 'entry':
            *handle, who = arguments
            arguments = [*(handle or ['index']), self.sids[who]]
        elif verb == 'own':
            arguments = [arguments[0], self.sids[arguments[1]]]
        answer = self.ask(user, verb, *arguments)
        if verb == 'entries':
            names = {sid: name for name, sid in self.sids.items()}
            answer = [answer[0], *[names.get(sid, sid) for sid, *_ in answer[1:]]]
        return answer

    def told(self):
        return self.calls.read_text().splitlines() if self.calls.exists() else []

    def told_becomes(self, count):
        """Waits for the administrator's program, and a little longer for calls that should not be."""
        end = time.monotonic() + 60
        while len(self.told()) < count and time.monotonic() < end:
            time.sleep(0.05)
        time.sleep(0.3)
        self.t.equal(len(self.told()), count, 'calls of the program: %s' % self.told())

    def run(self, nr, title, lines):
        folder = 'c%02d' % nr
        self.do('admin', 'mkdir', 'folder', folder)
        self.do('admin', 'close', 'folder')
        self.calls.unlink(missing_ok=True)
        later = []
        try:
            for line in lines:
                try:
                    self.line(line, folder, later)
                except servers.RigError as e:
                    raise servers.RigError('%d %s\n  %s\n    %s' % (nr, title, line, e))
                except Failed as e:
                    raise Failed('%d %s\n  %s\n    %s' % (nr, title, line, e))
        finally:
            for words in reversed(later):
                self.server.run(*words)
        self.ask('admin', 'close_all')
        self.reset()
        self.do('admin', 'wipe', folder)
        left = {name: self.used(name) for name in USERS}
        if any(left.values()):
            raise Failed('%d %s: bytes stay charged: %s' % (nr, title, left))

    def recovers(self, folder):
        """After a case that failed the next can begin; false when it cannot."""
        try:
            self.ask('admin', 'close_all')
            self.reset()
            self.do('admin', 'wipe', folder)
        except Failed:
            return False
        return not any(self.used(name) for name in USERS)

    def line(self, line, folder, later):
        text, _, wanted = line.partition(' = ')
        words = text.split()
        path = '%s:/%s' % (self.share.name, folder)
        if words[0] == 'within':
            end = time.monotonic() + int(words[1])
            while True:
                try:
                    return self.line(line.split(' ', 2)[2], folder, later)
                except Failed:
                    if time.monotonic() > end:
                        raise
                time.sleep(0.2)
        if words[0] == 'later':
            later.append([w.replace('FOLDER', path) for w in words[2:]])
        elif words[0] == 'told':
            self.told_becomes(int(words[1]))
        elif words[0] == 'used':
            got = self.used(words[1])
            self.t.equal(got, number(words[2]), 'used by %s' % words[1])
        elif words[0] == 'server' and words[1] in ('restart', 'kill'):
            self.restart(words[1])
        elif words[0] == 'server':
            self.server.run(*[w.replace('FOLDER', path).replace('TELLER', str(self.teller)) for w in words[1:]])
        else:
            wanted = [number(w) for w in (wanted or 'OK').split()]
            got = self.step(words, folder)
            status, *values = wanted
            if got[0] != STATUSES[status] or values and [w for w, g in zip(values, got[1:]) if w not in ('*', g)] \
                    or values and len(values) != len(got) - 1:
                raise Failed('expected %s, got %#x %s' % (' '.join(map(str, wanted)), got[0], got[1:]))


@case(freehold_only=True, seconds=90)
def the_table(t):
    bench = Bench(t)
    failures = []
    for nr, title, lines in table():
        try:
            bench.run(nr, title, lines)
        except Failed as e:
            failures.append(str(e))
            if not bench.recovers('c%02d' % nr):
                break
    t.true(not failures, '\n'.join(failures))
    counted = json.loads(bench.server.run('quota', 'recount', 'data', '-o', 'json').stdout)
    t.equal(counted['Drift'], [], 'drift after all of the table')


@case(freehold_only=True)
def smbcquotas(t):
    """Samba's program: an administrator lists and sets, others are refused; by NTLM and by Kerberos."""
    bench = Bench(t)
    administrator, alice = t.administrator, t.domain_user('alice')
    share = '//%s/%s' % (bench.server.host, bench.share.name)

    def run(*arguments, user=administrator, **options):
        return t.samba('smbcquotas', share, *arguments, user=user, **options).stdout

    bench.do('alice', 'create', 'f', 'f')
    bench.do('alice', 'write', 'f', 0, 12345)
    sid = bench.sids['alice']
    # used, soft and hard limit
    row = lambda out: [line.split(':')[1].replace(' ', '') for line in out.splitlines() if line.startswith(sid)]
    everyone = row(run('-n', '-L'))
    t.equal(everyone, ['12345/18446744073709551615/18446744073709551615'], 'listed')
    set_ = run('-n', '-S', 'UQLIM:%s:20000/30000' % sid)
    t.contains(set_.replace(' ', ''), '12345/20000/30000')
    for kerberos in (False, True):
        t.equal(row(run('-n', '-u', sid, kerberos=kerberos)), ['12345/20000/30000'], 'one')
    t.contains(run('-u', 'CORP\\alice'), 'alice', '12345', '20000', '30000')
    t.equal(bench.do('admin', 'entry', 'index', sid), [12345, 20000, 30000], 'the entry')
    told = run('-n', '-F')
    t.contains(told, 'Quotas Enabled: On', 'Deny Disk:      On')
    t.contains(run('-n', '-S', 'FSQLIM:5000/6000').replace(' ', ''), 'DefaultSoftLimit:5000', 'DefaultHardLimit:6000')
    t.contains(run('-n', '-S', 'FSQFLAGS:QUOTA_ENABLED/LOG_SOFTLIMIT'), 'Quotas Enabled: On', 'Deny Disk:      Off', 'Log Soft Limit: On')
    t.equal(bench.do('admin', 'settings', 'index'), [5000, 6000, 0x11], 'the settings')
    for arguments in (('-L',), ('-u', sid), ('-F',), ('-S', 'UQLIM:%s:1/2' % sid)):
        t.contains(run('-n', *arguments, user=alice, ok=False), 'NT_STATUS_ACCESS_DENIED')
    t.equal(bench.do('admin', 'entry', 'index', sid), [12345, 20000, 30000], 'the entry after alice tried')


@case(freehold_only=True)
def smbclient_fills_a_quota(t):
    """smbclient with a ticket: what goes beyond the limit is refused, what is there stays."""
    bench = Bench(t)
    bench.do('admin', 'limit', 'index', bench.sids['alice'], -1, 100000)
    (t.folder / 'fits').write_bytes(bytes(70000))
    (t.folder / 'large').write_bytes(bytes(200000))
    alice = t.domain_user('alice')
    share = '//%s/%s' % (bench.server.host, bench.share.name)
    client = lambda *commands, **options: t.samba('smbclient', share, '-c', '; '.join(commands), user=alice, kerberos=True, **options).stdout
    client('put fits')
    t.contains(client('put large', ok=None), 'NT_STATUS_DISK_FULL')
    client('del large')
    t.equal(bench.used('alice'), 70000, 'used')
    t.contains(client('get fits back'), 'getting file')
    t.equal((t.folder / 'back').read_bytes(), bytes(70000), 'what is there')


@case(freehold_only=True)
def the_kernels_client(t):
    """df on a mount is the user's own, writing stops at the limit with ENOSPC, smbinfo shows the user's entry."""
    bench = Bench(t)
    mega = 1 << 20
    bench.do('admin', 'limit', 'index', bench.sids['alice'], 3 * mega, 8 * mega)
    bench.do('alice', 'create', 'f', 'f')
    bench.do('alice', 'write', 'f', 0, mega)
    bench.do('alice', 'close', 'f')
    script = '''df -B1 --output=size,used,avail /mnt | tail -1 | sed 's/^/df /'
        dd if=/dev/zero of=g bs=1M count=20 conv=fsync 2> why || grep -o 'No space left on device' why
        rm g
        dd if=/dev/zero of=g bs=1M count=7 conv=fsync 2> /dev/null && echo the rest was there
        df -B1 --output=avail /mnt | tail -1 | sed 's/^/left /'
        smbinfo quota f
        rm g; sync'''.replace('why', '/tmp/why')
    for options in ('', 'posix'):
        mounted(t, bench, script, options)


def mounted(t, bench, script, options):
    mega = 1 << 20
    out = t.kernel(bench.share, script, user=t.domain_user('alice'), server=bench.server, options=options)
    t.contains(out, 'No space left on device', 'the rest was there')
    words = {line.split()[0]: [int(n) for n in line.split()[1:]] for line in out.splitlines() if line.startswith(('df ', 'left '))}
    t.equal(words, {'df': [8 * mega, mega, 7 * mega], 'left': [0]}, 'df')
    t.contains(out, bench.sids['alice'])
    t.equal(bench.used('alice'), mega, 'used')
