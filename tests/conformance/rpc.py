#!/usr/bin/env python3
"""Runs smbtorture's tests of RPC over named pipes (SMB2) and holds every verdict against rpc-expected.txt.

    tests/conformance/rpc.py                        the families below, against Freehold
    tests/conformance/rpc.py --only 'rpc\\.samr'     tests whose name matches
    tests/conformance/rpc.py --server samba --out tests/conformance/rpc-samba-4.17.tsv
                                                    the same against a private smbd: the table to compare with

Tests run as an administrator, and those that a user may ask a second time as one (`@user` behind the name). A test passes,
or it is listed in rpc-expected.txt with its verdict and a reason; a listed test that passes, an unlisted one that does not,
and a line that matches no test fail the run. rpc-samba-4.17.tsv has the verdicts of a stand-alone smbd.
"""
import argparse
import collections
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]
import run  # noqa: E402
from rig import server  # noqa: E402

# What a file server answers: the interfaces of its pipes, binding, and handles. Of samba3 what is not about SMB1, NETLOGON
# or the registry.
FAMILIES = re.compile(r'^rpc\.(lsa|lsalookup|lsa-getuser|samr|srvsvc|wkssvc|dfs|dssetup|handles|bind|altercontext|'
                      r'asyncbind|authcontext|objectuuid|mgmt|'
                      r'samba3\.(srvsvc|lsa|getaliasmembership-0|smb2-.*))(\.|$)')
# No tests of a server: they run for minutes, or measure a domain controller with thousands of accounts.
NOT_TESTS = ('rpc.samr.large-dc.*', 'rpc.samr.passwords.lockout*', 'rpc.samr.passwords.badpwdcount*')
# Asked by a user too.
BY_USERS = ('rpc.lsa.lookup*', 'rpc.lsa-getuser*', 'rpc.dssetup*', 'rpc.handles.lsarpc', 'rpc.samba3.smb2-*',
            'rpc.srvsvc.*.NetRemoteTOD', 'rpc.srvsvc.*.NetSrvGetInfo', 'rpc.wkssvc.*.NetrGetJoinInformation')
USER = '@user'


def list_tests(folder):
    """Every leaf by the name smbtorture takes; one whose case and test are called alike is asked for by the suite."""
    out = subprocess.run(['smbtorture', '-s', run.smb_conf(folder), '--list'], stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL, text=True, check=True).stdout
    names = collections.OrderedDict()
    for line in out.splitlines():
        line = line.rstrip()
        if FAMILIES.match(line):
            twice = re.match(r'^(.*\.)?(.+)\.\2$', line)
            names[(twice.group(1) or '') + twice.group(2) if twice else line] = True
    return [n for n in names if not run.matches(n, NOT_TESTS)]


class Runner(run.Runner):
    """One test at a time of those of run.Runner, with a binding instead of a share."""

    def command(self, name, target, share):
        test, _, user = name.partition('@')
        user = self.users[0] if user else target.admin
        return ['smbtorture', '-s', str(self.conf), '--format=subunit', '--fullname', '--basedir=%s' % self.folder,
                '-p', str(target.port), '-U', str(user), '--target=samba3', '--option=torture:progress=no',
                '--option=torture:share=%s' % share,
                '--option=torture:host=%s' % target.host,
                '//%s/%s' % (target.host, share), test]


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--server', choices=('freehold', 'samba'), default='freehold')
    ap.add_argument('--only', help='regex on test names')
    ap.add_argument('--jobs', '-j', type=int, default=4)
    ap.add_argument('--timeout', type=int, default=30, help='seconds for one test')
    ap.add_argument('--out', help='write a table of all verdicts')
    ap.add_argument('--logs', help="keep every test's output in this folder")
    options = ap.parse_args()
    options.retries = 0
    if options.logs:
        options.logs = os.path.abspath(options.logs)
        os.makedirs(options.logs, exist_ok=True)
    table = HERE / 'rpc-samba-4.17.tsv'
    reference = dict(line.split('\t')[:2] for line in table.read_text().splitlines()[1:]) if table.exists() else {}
    expected = run.read_expected(HERE / 'rpc-expected.txt') if options.server == 'freehold' else []
    folder = pathlib.Path(tempfile.mkdtemp(prefix='conformance-rpc-'))
    folder.chmod(0o755)
    try:
        names = [n for n in list_tests(folder) if not options.only or re.search(options.only, n)]
        names += [n + USER for n in names if run.matches(n, BY_USERS)]
        if not names:
            sys.exit('no test matches')
        settings = {'samba': None,
                    'freehold': '[security]\nrequire_signing = false\nallow_anonymous = true\n'}[options.server]
        with server.make(options.server, settings=settings) as target:
            target.start()
            users = [target.add_user('user1', 'Passw0rd1'), target.add_user('user2', 'Passw0rd2')]
            target.add_share('tmp')
            runner = Runner(folder, users, {}, options)
            with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
                done = pool.map(lambda n: runner.run_once(n, target, 'tmp'), names)
                results = dict(zip(names, done))
            alive = target.alive()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if options.out:
        with open(options.out, 'w') as f:
            f.write('name\tresult\tmessage\n')
            for n in names:
                f.write('%s\t%s\t%s\n' % (n, results[n].verdict, results[n].message.replace('\t', ' ')[:200]))
    count = collections.Counter(r.verdict if r.verdict in ('pass', 'skip') else 'fail' for r in results.values())
    print('%d pass, %d fail, %d skip; Samba 4.17 passes %d of these' % (
        count['pass'], count['fail'], count['skip'], sum(reference.get(n) == 'pass' for n in names)))
    if options.server == 'samba':
        print('%d passed, 0 failed' % count['pass'])
        return 0
    wrong = run.judge(names, results, expected, whole=not options.only)
    if not alive:
        wrong.append(('server', 'crash', 'the server was no longer running at the end'))
    for n, verdict, why in wrong:
        print('UNEXPECTED %s %s: %s' % (verdict, n, why[:400]))
    print('%d passed, %d failed' % (count['pass'], len(wrong)))
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
