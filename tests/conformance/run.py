#!/usr/bin/env python3
"""Runs Samba's smbtorture against a server of our own and holds every verdict against expected-failures.txt.

    tests/conformance/run.py                        the whole smb2 family, against Freehold
    tests/conformance/run.py --only 'smb2\\.lock'    tests whose name matches
    tests/conformance/run.py --server samba         the same against a private smbd, held against the baseline table

Each leaf test is a process of its own with its own time limit, so that a hang costs one test and not a suite. Tests of
one suite use the same names in the share's root: they never share a share at the same time. Some want a share of their
own kind: places.py. Needs smbtorture, cc, mkfs.xfs, mkfs.btrfs, iptables and root; what is missing fails the run.

A test passes, or it is listed in expected-failures.txt with its verdict and a reason. A listed test that passes, an
unlisted one that does not, and a line that matches no test are all failures of this run.

Verdicts: pass; skip (the test says that it does not apply); fail; error; timeout; crash (no verdict printed).
"""
import argparse
import collections
import contextlib
import fnmatch
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]
import places  # noqa: E402
from rig import server  # noqa: E402

# Listed by smbtorture but no tests: helpers for a person, or print-outs without a verdict.
NOT_TESTS = ('smb2.hold-oplock', 'smb2.hold-sharemode', 'smb2.check-sharemode', 'smb2.set-sparse-ioctl',
             'smb2.zero-data-ioctl', 'smb2.durable-open-disconnect.*', 'smb2.oplock.levelii501',
             'smb2.timestamp_resolution.*', 'smb2.scan.*')

# They want Kerberos tickets that end: tests/ad runs them, beside a KDC.
KERBEROS = ('smb2.session.expire*',)

# Run as an administrator of the server: they ask for what a plain user is refused.
AS_ADMIN = ('smb2.getinfo.fsinfo', 'smb2.create.quota-fake-file',
            # They give files to others, which takes the right to restore.
            'smb2.create.aclfile', 'smb2.create.acldir', 'smb2.acls.SDFLAGSVSCHOWN', 'smb2.acls-with-sysacl.SDFLAGSVSCHOWN')

# They block TCP connections in the packet filter right after a reply: see tests/rig/redirect445.c.
ACKNOWLEDGE_AT_ONCE = ('smb2.multichannel.*', 'smb2.lease.*', 'smb2.replay.*', 'smb2.oplock.batch22b')

# They know what Windows does and what Samba makes of it: held against Windows.
AS_WINDOWS = ('smb2.persistent-open*',)

# They use the share's folder themselves, as programs of the server's machine.
LOCAL = ('smb2.kernel-oplocks.kernel_oplocks8', 'smb2.samba3misc.localposixlock1')

# They load the machine, or lose a race on one that is loaded (mask-change sends two requests over one connection and does
# not wait until the server has them before it goes on over another): nothing else runs beside them.
EXCLUSIVE = ('smb2.maxfid', 'smb2.bench.*', 'smb2.dir.large-files', 'smb2.create.bench-*', 'smb2.secleak',
             'smb2.timestamps.*', 'smb2.durable-v2-delay.*', 'smb2.getinfo.fsinfo', 'smb2.credits.*', 'smb2.notify.mask-change')

# They watch the root of the share, or break what others do on their server: alone on their share.
SHARE_ALONE = ('smb2.session.signing-*', 'smb2.session.encryption-*', 'smb2.session.expire2*', 'smb2.notify.valid-req')

# Suites whose tests stand on their own; those of every other suite run in order on one share, because some leave
# a folder behind that only the next one clears.
SPREAD = ('smb2.replay', 'smb2.lease', 'smb2.oplock', 'smb2.notify', 'smb2.timestamps', 'smb2.session', 'smb2.bench')

LONG_SECONDS = {'smb2.maxfid': 600, 'smb2.notify.mask': 300, 'smb2.lease.timeout*': 300, 'smb2.bench.*': 300}

# They wait for what never comes, with any server.
HANGS = ('smb2.aio_delay.aio_cancel',)

VERDICT = re.compile(r'^(success|successful|failure|fail|error|skip|xfail|uxsuccess): (.*?)( \[)?$')
MEANING = {'success': 'pass', 'successful': 'pass', 'failure': 'fail', 'fail': 'fail', 'error': 'error',
           'skip': 'skip', 'xfail': 'fail', 'uxsuccess': 'pass'}

Result = collections.namedtuple('Result', 'verdict seconds message')
Expected = collections.namedtuple('Expected', 'verdict pattern reason')


def matches(name, patterns):
    name = name.partition('@')[0]
    return any(fnmatch.fnmatchcase(name, p) for p in patterns)


def suite_of(name):
    name, at, place = name.partition('@')
    return '.'.join(name.split('.')[:2]) + at + place


def smb_conf(folder):
    """A configuration of our own: the machine's smb.conf must not change a verdict."""
    conf = folder / 'smb.conf'
    conf.write_text('[global]\n' + ''.join(
        '%s = %s\n' % (k, folder) for k in ('private dir', 'lock directory', 'state directory', 'cache directory',
                                            'ncalrpc dir'))
        + 'client min protocol = SMB2_02\nclient max protocol = SMB3_11\nlog level = 0\n')
    return conf


def list_tests(folder):
    """Every leaf test by the name smbtorture takes."""
    out = subprocess.run(['smbtorture', '-s', smb_conf(folder), '--list'], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                         text=True, check=True).stdout
    names = collections.OrderedDict()
    for line in out.splitlines():
        line = line.rstrip()
        if line.startswith('smb2.'):
            # a leaf is listed as suite.name.name (test case and test), and asked for as suite.name
            twice = re.match(r'^(.*\.)?(.+)\.\2$', line)
            names[(twice.group(1) or '') + twice.group(2) if twice else line] = True
    return list(names)


def read_expected(path):
    """Lines `VERDICT NAME: REASON`; NAME may be a shell pattern."""
    res = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        line = line.strip()
        if not line or line.startswith('#'):
            continue
        m = re.match(r'^(fail|skip) +([^:]+): +(\S.*)$', line)
        if not m:
            sys.exit('%s:%d: not `fail|skip NAME: REASON`: %s' % (path, number, line))
        res.append(Expected(*m.groups()))
    return res


def read_baseline(path):
    rows = {}
    for line in path.read_text().splitlines():
        if line and not line.startswith('#') and not line.startswith('name\t'):
            name, verdict, seconds, message, where = line.split('\t')
            # passed with Kerberos alone: the test does not apply to the NTLM logons of this run
            rows[name] = Result('skip' if where == 'krb5' else verdict, float(seconds), message)
    return rows


class Runner:
    """Hands units (tests of one suite in order, on one share) to threads."""

    def __init__(self, folder, users, shares, options):
        self.folder, self.users, self.shares, self.options = folder, users, shares, options
        self.results = {}
        self.state = threading.Condition()
        self.busy = collections.Counter()      # (suite, share) -> units running
        self.running = 0
        self.exclusive = False
        self.taken = set()                     # shares held by a SHARE_ALONE test
        self.conf = smb_conf(folder)
        server.redirect_445(folder, 0)         # built once, before the threads want it

    def command(self, name, target, share):
        user = target.admin if matches(name, AS_ADMIN) else self.users[0]
        # the baseline is of a Samba that shares nothing with them
        uses_folder = target.kind == 'freehold' and matches(name, LOCAL)
        local = ['--option=torture:localdir=%s' % target.shares[share]] if uses_folder else []
        kind = [] if matches(name, AS_WINDOWS) else ['--target=samba3']
        return ['smbtorture', '-s', str(self.conf), '--format=subunit', '--fullname', '--basedir=%s' % self.folder,
                '-p', str(target.port), '-U', str(user), *kind,
                '--option=torture:user2name=' + self.users[1].name,
                '--option=torture:user2password=' + self.users[1].password,
                '--option=torture:sharedelay=100000', '--option=torture:writetimeupdatedelay=500000',
                '--option=torture:progress=no',
                *local, *['--option=' + o for o in [*places.options_of(name), *self.options.opt]], *self.options.extra,
                '//%s/%s' % (target.host, share), name.partition('@')[0]]

    def run_once(self, name, target, share):
        limit = max([self.options.timeout] + [t for p, t in LONG_SECONDS.items() if matches(name, [p])])
        if matches(name, HANGS):
            limit = 20
        begin = time.monotonic()
        late = False
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            env = dict(os.environ, **server.redirect_445(self.folder, target.port))
            if matches(name, ACKNOWLEDGE_AT_ONCE):
                env['ACKNOWLEDGE_AT_ONCE'] = '1'
            p = subprocess.Popen(self.command(name, target, share), stdout=out, stderr=err, stdin=subprocess.DEVNULL,
                                 cwd=self.folder, env=env, start_new_session=True)
            try:
                p.wait(limit)
            except subprocess.TimeoutExpired:
                late = True
                os.killpg(p.pid, signal.SIGKILL)     # the session of our own child
                p.wait()
            out.seek(0), err.seek(0)
            text, errors = (f.read().decode('utf-8', 'replace') for f in (out, err))
        seconds = time.monotonic() - begin
        if self.options.logs:
            log = pathlib.Path(self.options.logs) / (re.sub(r'[^\w.-]', '_', name) + '.log')
            log.write_text('%s\n--- stderr\n%s\n--- status %s, %.1f s\n' % (text, errors, p.returncode, seconds))
        if late:
            return Result('timeout', seconds, 'killed after %d s' % limit)
        found = []
        lines = iter(text.splitlines())
        for line in lines:
            m = VERDICT.match(line)
            if m:
                message = []
                if m.group(3):
                    for more in lines:
                        if more == ']':
                            break
                        message.append(more)
                found.append((MEANING[m.group(1)], ' '.join(' '.join(message).split())))
        if not found:
            last = (errors.strip() or text.strip()).splitlines()[-1:] or ['']
            return Result('crash', seconds, 'status %s: %s' % (p.returncode, last[0]))
        bad = [f for f in found if f[0] not in ('pass', 'skip')] or [f for f in found if f[0] == 'pass'] or found
        return Result(bad[0][0], seconds, bad[0][1])

    def run_test(self, name, place, wanted):
        """Again, once, when the verdict is not the one wanted: some tests lose a race against their own clock."""
        result, tried = self.run_once(name, *place), [place]
        for _ in range(self.options.retries):
            if result.verdict in ('pass', 'skip') or wanted.get(name) == 'fail':
                break
            with self.other_share(name, tried) as elsewhere:
                tried.append(elsewhere)
                again = self.run_once(name, *elsewhere)
            if again.verdict in ('pass', 'skip'):
                again = again._replace(message='at the second attempt; first: %s' % result.message)
            result = again
        with self.state:
            self.results[name] = result
            if self.options.verbose:
                print('%-7s %6.1fs  %s%s' % (result.verdict, result.seconds, name,
                                             '  ' + result.message[:160] if result.verdict != 'pass' else ''), flush=True)

    @contextlib.contextmanager
    def other_share(self, name, tried):
        """A share of the same kind that was not tried and where the suite has nothing under way: what an attempt has left
        (files, opens of connections that it blocked) is not met again. The last one where there is no other."""
        suite = suite_of(name)
        with self.state:
            free = [s for s in self.shares[places.place_of(name)]
                    if s not in tried and not self.busy[(suite, s)] and s not in self.taken]
            place = free[0] if free else tried[-1]
            self.busy[(suite, place)] += 1
        try:
            yield place
        finally:
            with self.state:
                self.busy[(suite, place)] -= 1
                self.state.notify_all()

    def pick(self, todo):
        """The first unit that may run now, with its share; None when none may."""
        if self.exclusive:
            return None
        for i, unit in enumerate(todo):
            exclusive = any(matches(n, EXCLUSIVE) for n in unit)
            if exclusive and self.running:
                continue
            suite, alone = suite_of(unit[0]), any(matches(n, SHARE_ALONE) for n in unit)
            load = {s: sum(v for (_, t), v in self.busy.items() if t == s)
                    for s in self.shares[places.place_of(unit[0])]}
            free = [s for s in load if not self.busy[(suite, s)] and s not in self.taken and not (alone and load[s])]
            if free:
                return todo.pop(i), min(free, key=load.get), exclusive, alone
        return None

    def work(self, todo, wanted):
        while True:
            with self.state:
                picked = None
                while picked is None:
                    if not todo:
                        return
                    picked = self.pick(todo)
                    if picked is None:
                        self.state.wait(5)
                unit, share, exclusive, alone = picked
                self.busy[(suite_of(unit[0]), share)] += 1
                self.running += 1
                self.exclusive = exclusive
                if alone:
                    self.taken.add(share)
            try:
                for name in unit:
                    self.run_test(name, share, wanted)
            finally:
                with self.state:
                    self.busy[(suite_of(unit[0]), share)] -= 1
                    self.running -= 1
                    self.exclusive = False
                    if alone:
                        self.taken.discard(share)
                    self.state.notify_all()

    def run(self, names, baseline, wanted):
        units = []
        for n in names:
            last = units[-1] if units else None
            if last and suite_of(last[0]) == suite_of(n) and suite_of(n) not in SPREAD \
                    and places.place_of(last[0]) == places.place_of(n) \
                    and not matches(n, EXCLUSIVE) and not matches(last[0], EXCLUSIVE):
                last.append(n)
            else:
                units.append([n])
        # the longest first, so that the end is not one long test; the exclusive ones last of all
        units.sort(key=lambda u: (any(matches(n, EXCLUSIVE) for n in u),
                                  -sum(baseline[n].seconds if n in baseline else 5 for n in u)))
        threads = [threading.Thread(target=self.work, args=(units, wanted), daemon=True)
                   for _ in range(self.options.jobs)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()


def judge(names, results, expected, whole):
    """The unexpected: (name, verdict, what is wrong with it)."""
    wrong, used = [], set()
    for n in names:
        r = results[n]
        lines = [e for e in expected if fnmatch.fnmatchcase(n, e.pattern)]
        used.update(lines)
        verdict = r.verdict if r.verdict in ('pass', 'skip') else 'fail'
        allowed = {e.verdict for e in lines} or {'pass'}
        if verdict not in allowed:
            wrong.append((n, r.verdict, 'expected %s; %s' % ('/'.join(sorted(allowed)), r.message)))
    if whole:
        wrong += [(e.pattern, 'unused', 'this line of expected-failures.txt matches no test')
                  for e in expected if e not in used]
    return wrong


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--server', choices=('freehold', 'samba'), default='freehold')
    ap.add_argument('--only', help='regex on test names, instead of the families')
    ap.add_argument('--jobs', '-j', type=int, default=8)
    ap.add_argument('--timeout', type=int, default=120, help='seconds for one test')
    ap.add_argument('--retries', type=int, default=1)
    ap.add_argument('--out', help='write a table of all verdicts')
    ap.add_argument('--logs', help="keep every test's output in this folder")
    ap.add_argument('--opt', action='append', default=[], help='smbtorture --option')
    ap.add_argument('--extra', action='append', default=[], help='further smbtorture argument')
    ap.add_argument('--keep', action='store_true', help="keep the server's folder")
    ap.add_argument('--verbose', '-v', action='store_true', help='a line for every test as it ends')
    options = ap.parse_args()
    if options.logs:
        options.logs = os.path.abspath(options.logs)
        os.makedirs(options.logs, exist_ok=True)

    baseline = read_baseline(HERE / 'samba-4.17-baseline.tsv')
    if options.server == 'samba':
        expected = [Expected('skip' if r.verdict == 'skip' else 'fail', n, 'baseline')
                    for n, r in baseline.items() if r.verdict != 'pass']
    else:
        expected = read_expected(HERE / 'expected-failures.txt')
    folder = pathlib.Path(tempfile.mkdtemp(prefix='conformance-'))
    folder.chmod(0o755)
    try:
        names, results, wall, dead = run_all(folder, options, baseline, expected)
    finally:
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
    return report(options, names, results, wall, dead, baseline, expected)


def run_all(folder, options, baseline, expected):
    """Starts the servers, runs the tests; their names, their results, the time it took, whether a server died."""
    family = re.compile(options.only or r'^smb2\.')
    names = [n for n in list_tests(folder) if family.search(n) and not matches(n, NOT_TESTS + KERBEROS)]
    if not names:
        sys.exit('no test matches')
    if options.server == 'freehold':
        names += places.again(names)
    wanted = {places.place_of(n) for n in names}
    # As the reference server was when the baseline was taken: signing when the client wants it, anonymous sessions.
    settings = {'samba': 'smbd:FSCTL_SMBTORTURE = yes',
                'freehold': '[security]\nrequire_signing = false\nallow_anonymous = true\n'}[options.server]
    with places.Places(options.server, folder, wanted) as special:
        settings += special.settings()
        with server.make(options.server, keep=options.keep, settings=settings) as target:
            target.start()
            users = [target.add_user('user1', 'Passw0rd1'), target.add_user('user2', 'Passw0rd2')]
            special.start(target)
            runner = Runner(folder, users, special.shares, options)
            begin = time.monotonic()
            verdicts = {n: e.verdict for n in names for e in expected if fnmatch.fnmatchcase(n, e.pattern)}
            runner.run(names, baseline, verdicts)
            wall = time.monotonic() - begin
            dead = not all(t.alive() for t in [target, *special.servers])
    return names, runner.results, wall, dead


def report(options, names, results, wall, dead, baseline, expected):
    """Prints and writes what was found; the exit status."""
    if options.out:
        with open(options.out, 'w') as f:
            f.write('name\tresult\tseconds\tmessage\n')
            for n in names:
                f.write('%s\t%s\t%.1f\t%s\n' % (n, results[n].verdict, results[n].seconds,
                                                results[n].message.replace('\t', ' ')))
    print('%-28s %5s %5s %5s %12s' % ('family', 'pass', 'fail', 'skip', 'Samba passes'))
    table = collections.OrderedDict()
    for n in names:
        v = results[n].verdict
        row = table.setdefault(suite_of(n), collections.Counter())
        row[v if v in ('pass', 'skip') else 'fail'] += 1
        row['samba'] += n in baseline and baseline[n].verdict == 'pass'
    total = sum(table.values(), collections.Counter())
    for suite, row in [*table.items(), ('total', total)]:
        print('%-28s %5d %5d %5d %12d%s' % (suite, row['pass'], row['fail'], row['skip'], row['samba'],
                                            '   fewer than Samba' if row['pass'] < row['samba'] else ''))
    wrong = judge(names, results, expected, whole=not options.only and options.server == 'freehold')
    if dead:
        wrong.append(('server', 'crash', 'the server was no longer running at the end'))
    for n, verdict, why in wrong:
        print('UNEXPECTED %s %s: %s' % (verdict, n, why[:400]))
    print('conformance: %d tests in %.0f s' % (len(names), wall))
    print('%d passed, %d failed' % (total['pass'], len(wrong)))
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
