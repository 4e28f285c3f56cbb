"""Runs test functions against a server, several at a time, and says what each found.

A test is a function marked with @case; it takes a Context and raises when something is not as it should be. Nothing is
ever skipped for want of a peer: a program that is missing is a failure.
"""
import collections
import os
import pathlib
import shutil
import subprocess
import tempfile
import threading
import time
import traceback

from . import server as servers

CASES = []
Case = collections.namedtuple('Case', 'name function alone freehold_only seconds large')
Share = collections.namedtuple('Share', 'name path')

# The clients read no configuration of this machine.
SMB_CONF = '''[global]
    client min protocol = SMB2_02
    client max protocol = SMB3_11
    load printers = no
    private dir = {0}
    lock directory = {0}
    state directory = {0}
    cache directory = {0}
'''


class Failed(Exception):
    """What a test found wrong."""


def case(alone=False, freehold_only=False, seconds=600, large=False):
    """Marks a test. `alone`: nothing else runs meanwhile. `freehold_only`: not for the reference server.
    `large`: only with --large."""
    def mark(function):
        module = function.__module__.rpartition('.')[2].removeprefix('case_')
        CASES.append(Case('%s.%s' % (module, function.__name__), function, alone, freehold_only, seconds, large))
        return function
    return mark


class Context:
    """What a test is given: the shared server, a folder, and ways to call the peers."""

    def __init__(self, name, suite):
        self.name, self.suite = name, suite
        self.server = suite.server
        self.large = suite.large
        self.user = suite.user
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix='freehold-case-'))
        self.folder.chmod(0o755)
        self.own = []
        self.at_end = []
        self.conf = self.folder / 'smb.conf'
        self.conf.write_text(SMB_CONF.format(self.folder))

    def close(self):
        """Undoes everything; what fails is raised when all the rest is done, so that nothing runs on beside later tests."""
        failed = None
        for undo in [*reversed(self.at_end), *(s.close for s in self.own)]:
            try:
                undo()
            except Exception as error:
                failed = failed or error
        shutil.rmtree(self.folder, ignore_errors=True)
        if failed is not None:
            raise failed

    def finally_(self, function):
        """Calls `function` when the test is over, the last one first."""
        self.at_end.append(function)

    # --- servers and shares ---------------------------------------------------------------------------------------

    def share(self, server=None, **options):
        """A fresh empty share on the server."""
        name = self.suite.fresh_name()
        return Share(name, (server or self.server).add_share(name, **options))

    def own_server(self, start=True, **options):
        """A server for this test alone, with its user; ended with the test."""
        s = servers.make(self.server.kind, **options)
        self.own.append(s)
        if start:
            s.start()
            s.add_user(self.user.name, self.user.password)
        return s

    # --- assertions -----------------------------------------------------------------------------------------------

    def true(self, condition, message):
        if not condition:
            raise Failed(message)

    def equal(self, got, wanted, what):
        if got != wanted:
            raise Failed('%s: expected %r, got %r' % (what, wanted, got))

    def contains(self, text, *wanted):
        for w in wanted:
            if w not in text:
                raise Failed('expected %r in:\n%s' % (w, text[-3000:]))

    # --- peers ----------------------------------------------------------------------------------------------------

    def run(self, *command, stdin=None, ok=True, timeout=300, env=None, cwd=None, text=True):
        """Runs a program. `ok`: whether it must succeed (None: either). Returns the finished process."""
        command = [str(c) for c in command]
        if shutil.which(command[0]) is None:
            raise Failed('%s is missing: tests/install-peers installs it' % command[0])
        try:
            done = subprocess.run(command, input=stdin, stdin=None if stdin is not None else subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout,
                                  env=dict(os.environ, LC_ALL='C.UTF-8', **(env or {})), cwd=cwd or self.folder)
        except subprocess.TimeoutExpired as e:
            raise Failed('%s did not end within %d s; it printed:\n%s' % (
                ' '.join(command), timeout, (e.output or b'').decode('utf-8', 'replace')[-2000:]))
        if text:
            done.stdout = done.stdout.decode('utf-8', 'replace')
        if ok is not None and (done.returncode == 0) != ok:
            raise Failed('%s: status %d, output:\n%s' % (' '.join(command), done.returncode, done.stdout[-3000:]))
        return done

    def samba(self, program, *arguments, user=None, server=None, **options):
        """One of Samba's client programs against the server."""
        s = server or self.server
        if program in ('smbcacls', 'smbcquotas', 'net'):      # these dial port 445 only
            options['env'] = servers.redirect_445(self.folder, s.port)
            port = []
        else:
            port = ['-p', s.port]
        return self.run(program, '-s', self.conf, *port, '-U', user or self.user, *arguments, **options)

    def smbclient(self, share, commands, *arguments, server=None, **options):
        """smbclient on the share, with `commands` (a list); fails when one of them reports an NT status."""
        s = server or self.server
        ok = options.get('ok', True)
        name = share.name if isinstance(share, Share) else share
        done = self.samba('smbclient', '//%s/%s' % (s.host, name), *arguments, '-c', '; '.join(commands),
                          server=server, **options)
        if ok and 'NT_STATUS_' in done.stdout:
            raise Failed('smbclient %s: %s' % (commands, done.stdout[-3000:]))
        return done.stdout

    def python(self, script, *arguments, **options):
        """A script of this folder with the peers' own Python environment."""
        python = servers.TARGET / 'peers' / 'venv' / 'bin' / 'python'
        return self.run(python, pathlib.Path(__file__).parents[1] / 'e2e' / script, *arguments, **options).stdout

    def kernel(self, share, command, version='3.1.1', options='', server=None, user=None, ok=True, timeout=420, **env):
        """Runs a shell command in the share as the Linux kernel mounts it; returns what it printed."""
        s = server or self.server
        u = user or self.user
        settings = {'KCIFS_VERS': version, 'KCIFS_OPTS': options, 'KCIFS_TIMEOUT': str(timeout - 20), **env}
        rig = pathlib.Path(__file__).parents[1] / 'kernel-cifs' / 'run.sh'
        return self.run(rig, s.host, s.port, share.name, u.name, u.password, '--', command, env=settings, ok=ok,
                        timeout=timeout).stdout


class Suite:
    """Runs the cases on `jobs` threads against one shared server."""

    context = Context

    def __init__(self, kind, jobs, large=False, keep=False):
        self.kind, self.jobs, self.large, self.keep = kind, jobs, large, keep
        self.lock = threading.Lock()
        self.counter = 0
        self.passed, self.failed = [], []
        self.server = self.user = None

    def fresh_name(self):
        with self.lock:
            self.counter += 1
            return 'share%d' % self.counter

    def make_server(self):
        return servers.make(self.kind, keep=self.keep)

    def begin(self):
        """Starts the shared server, with the user that cases are."""
        self.server.start()
        self.user = self.server.add_user('alice', 'Al1ce-Passw0rd')

    def run_case(self, c):
        context = self.context(c.name, self)
        begin = time.monotonic()
        why = None
        try:
            c.function(context)
        except Failed as e:
            why = str(e)
        except Exception:      # a test that breaks is a test that fails
            why = traceback.format_exc()
        try:
            context.close()
        except Exception:
            why = why or traceback.format_exc()
        seconds = time.monotonic() - begin
        if why is None and seconds > c.seconds:
            why = 'took %.0f s, more than the %d s allowed' % (seconds, c.seconds)
        with self.lock:
            (self.passed if why is None else self.failed).append(c.name)
            print('%s %s (%.1f s)%s' % ('ok  ' if why is None else 'FAIL', c.name, seconds,
                                        '' if why is None else '\n    ' + why.strip().replace('\n', '\n    ')), flush=True)

    def run(self, cases):
        """Returns the number of failures."""
        with self.make_server() as self.server:
            self.begin()
            together = [c for c in cases if not c.alone]
            def work():
                while True:
                    with self.lock:
                        if not together:
                            return
                        c = together.pop(0)
                    self.run_case(c)
            threads = [threading.Thread(target=work, daemon=True) for _ in range(self.jobs)]
            for t in threads:
                t.start()
            for t in threads:
                t.join()
            for c in cases:
                if c.alone:
                    self.run_case(c)
            if not self.server.alive():
                self.failed.append('server')
                print('FAIL server: it was no longer running at the end:\n%s' % self.server.tail(self.server.log))
            panics = [line for line in self.server.tail(self.server.log, 100000).splitlines() if 'panicked at' in line]
            if panics:
                self.failed.append('server.panics')
                print('FAIL server.panics: %s' % '\n    '.join(panics[:10]))
        print('%d passed, %d failed' % (len(self.passed), len(self.failed)))
        return len(self.failed)
