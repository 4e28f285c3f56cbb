"""Domain controllers that stand still, die, come back and are replaced: what clients of the server see, as a table.

    state of the controllers            | session with a ticket | new logon, ticket held | NTLM of the domain     | local logon
    both answer                         | works                 | works                  | works                  | works
    one stands still (SIGSTOP)          | works                 | works                  | works, within 5 s      | works at once
    one is killed, its port refuses     | works                 | works                  | works, within 5 s      | works at once
    one is cut off the network          | works                 | works                  | works, within 5 s      | works at once
    both stand still, or are gone       | works                 | works                  | NO_LOGON_SERVERS       | works at once
    the killed one is started again     | works                 | works                  | works                  | works
    the first is gone for good          | works                 | works                  | works (the second's)   | works

Samba's member, for comparison, with one controller that stands still: 20 s for a logon by NTLM, 20 s for one with a ticket.
"""
import json
import subprocess
import threading
import time

from controllers import SID, Pulse, frozen, unplugged
from rig import server as servers
from rig.harness import Failed, case

FAIL_OVER = 5.0             # seconds, for everything that a lost controller costs one logon
PROMPT = 0.3                # what a controller takes for its smallest answer, unless it or the machine is busy with something else
AT_ONCE = 2.0               # what needs no controller: a slow machine's smbclient, and no more


class Watch:
    """A client that holds a session, and one that holds tickets."""

    def __init__(self, t, server=None):
        self.t, self.server = t, server or t.server
        t.bed.dc2
        t.bed.replicated(self.server.name + '$')
        self.share = t.share(self.server)
        self.cache = t.ticket_cache(t.domain_user('alice'))
        t.run('kvno', 'cifs/' + self.server.host, env=self.cache)
        self.session = self.open('kerberos', self.cache)
        t.finally_(self.session.kill)

    def open(self, how, env):
        import os
        python = servers.TARGET / 'peers' / 'venv' / 'bin' / 'python'
        script = os.path.join(os.path.dirname(__file__), 'peer_session.py')
        p = subprocess.Popen([str(python), script, self.server.host, self.share.name, 'alice', 'Passw0rd.alice' if how == 'ntlm' else '', how],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=dict(os.environ, **env))
        self.t.equal(p.stdout.readline().strip(), 'ready', 'the session')
        return p

    def timed(self, what, limit, wanted, function):
        """Returns how long it took."""
        begin = time.monotonic()
        got = function()
        seconds = time.monotonic() - begin
        print('    %-34s %-28s %.2f s' % (what, ' '.join(str(got).split())[:60], seconds), flush=True)
        self.t.equal(got, wanted, what)
        self.t.true(seconds < limit, '%s took %.1f s, more than %.1f s' % (what, seconds, limit))
        return seconds

    def session_works(self):
        self.session.stdin.write('more\n')
        self.session.stdin.flush()
        return self.session.stdout.readline().strip()

    def with_ticket(self):
        done = self.t.run('smbclient', '-s', self.t.conf, '--use-kerberos=required', '--use-krb5-ccache=' + self.cache['KRB5CCNAME'][5:],
                          '//%s/%s' % (self.server.host, self.share.name), '-c', 'ls', env=self.cache, ok=None, timeout=60)
        return 'ok' if done.returncode == 0 else done.stdout

    def check(self, *arguments, **options):
        """The row of the table, while the controllers are as they are. One that is at work and answers nothing for a while, as it does
        soon after its start, or beside other programs, is in a state between the rows: then the row is looked at again."""
        working = [dc for dc in (self.t.bed.dc1, self.t.bed.dc2) if dc.process is not None and not dc.away]
        for again in (True, True, True, True, False):
            with Pulse(working) as pulse:
                try:
                    return self.row(*arguments, **options)
                except Failed as e:
                    if not again or pulse.slowest < PROMPT:
                        raise
                    print('    a controller took %.1f s for an answer: %s' % (pulse.slowest, e), flush=True)
            for dc in working:
                dc.answers()

    def row(self, ntlm='ok', limit=FAIL_OVER, user='alice', password=None):
        """What waits for no controller comes first and last."""
        t = self.t
        self.timed('session with a ticket', AT_ONCE, 'ok', self.session_works)
        # what a logon takes that waits for nobody, on this machine at this time: the rest is what a lost controller costs
        usual = self.local_logon('local logon')
        others = []
        ntlm_logon = threading.Thread(target=lambda: others.append(self.attempt(ntlm, limit + usual, user, password)))
        ntlm_logon.start()
        self.timed('session, a logon waiting', AT_ONCE, 'ok', self.session_works)
        self.local_logon('local logon, another waiting')
        self.timed('logon with a ticket', AT_ONCE, 'ok', self.with_ticket)
        ntlm_logon.join()
        t.true(others == [None], '%s' % others)

    def local_logon(self, what):
        if self.server.kind != 'freehold':
            return 0
        return self.timed(what, AT_ONCE, 'ok', lambda: self.t.logon(self.server.local_admin, server=self.server, share=self.share.name))

    def attempt(self, wanted, limit, user, password):
        try:
            self.timed('NTLM of the domain', limit, wanted, lambda: self.t.logon(self.t.domain_user(user, password), server=self.server))
        except Exception as e:
            return e


def recovers(watch, seconds=30):
    """Logons by NTLM work again, within the time that a controller is left alone after it failed."""
    begin = time.monotonic()
    end = begin + seconds
    while True:
        got = watch.t.logon(watch.t.domain_user('alice'))
        if got == 'ok':
            print('    NTLM works again after             %.1f s' % (time.monotonic() - begin), flush=True)
            return
        watch.t.true(time.monotonic() < end, 'after %d s: %s' % (seconds, got))
        time.sleep(0.5)


@case(alone=True, freehold_only=True)
def one_stands_still(t):
    """Each in turn, so that the one in use is among them."""
    watch = Watch(t)
    watch.check()
    for dc in (t.bed.dc1, t.bed.dc2):
        print('    %s stands still' % dc.name)
        with frozen(dc):
            watch.check()
            watch.check('NT_STATUS_LOGON_FAILURE', password='wrong')
        recovers(watch)


@case(alone=True, freehold_only=True)
def one_is_cut_off(t):
    watch = Watch(t)
    for dc in (t.bed.dc1, t.bed.dc2):
        print('    %s is cut off' % dc.name)
        with unplugged(dc):
            watch.check()
        recovers(watch)


@case(alone=True, freehold_only=True)
def both_stand_still(t):
    """Names that were asked for before are still known, others are not, and nobody waits long to hear that."""
    watch = Watch(t)
    def lookup(name):
        done = t.server.run('domain', 'lookup', name, '-o', 'json', check=False)
        return json.loads(done.stdout)[0]['Sid'] if done.returncode == 0 else 'not known'
    def lookupsid(sid):
        done = t.run('rpcclient', '-s', t.conf, '--use-kerberos=required', '--use-krb5-ccache=' + watch.cache['KRB5CCNAME'][5:],
                     t.server.host, '-c', 'lookupsids ' + sid, env=watch.cache, ok=None)
        return 'CORP\\bob' in done.stdout
    sid = '%s-1104' % SID
    t.equal(lookup('CORP\\bob'), sid, 'lookup before')
    t.true(lookupsid(sid), 'lookupsids before')
    with frozen(t.bed.dc1, t.bed.dc2):
        watch.check('NT_STATUS_NO_LOGON_SERVERS')
        watch.check('NT_STATUS_NO_LOGON_SERVERS')
        watch.timed('a SID that is remembered, by lsarpc', AT_ONCE, True, lambda: lookupsid(sid))
        # the command asks the directory anew, and tells what is remembered when nobody answers
        watch.timed('a name that is remembered', AT_ONCE, sid, lambda: lookup('CORP\\bob'))
        watch.timed('a name that nobody asked for', 2 * FAIL_OVER, 'not known', lambda: lookup('CORP\\many123'))
        watch.timed('a SID that nobody asked for', FAIL_OVER, False, lambda: lookupsid('%s-1110' % SID))
        watch.timed('another', AT_ONCE, False, lambda: lookupsid('%s-1111' % SID))
    recovers(watch)
    watch.check()


@case(alone=True, freehold_only=True)
def both_are_cut_off(t):
    watch = Watch(t)
    with unplugged(t.bed.dc1, t.bed.dc2):
        watch.check('NT_STATUS_NO_LOGON_SERVERS')
    recovers(watch)


@case(alone=True, freehold_only=True)
def killed_restarted_and_replaced(t):
    """dc1 is killed and comes back; killed again, the domain lives on with dc2; then dc2 alone is killed."""
    dc1, dc2 = t.bed.dc1, t.bed.dc2
    watch = Watch(t)
    print('    dc1 killed')
    dc1.kill()
    t.finally_(lambda: dc1.process or dc1.start())
    watch.check()
    print('    dc1 started again, dc2 killed')
    dc1.start()
    dc2.kill()
    t.finally_(lambda: dc2.process or dc2.start())
    watch.check()
    print('    both gone')
    dc1.kill()
    watch.check('NT_STATUS_NO_LOGON_SERVERS')
    dc1.start()
    recovers(watch)
    dc2.start()
