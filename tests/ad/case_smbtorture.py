"""Samba's smbtorture with Kerberos: tickets that end while a session lives, and logging on again in a session.

tests/conformance runs the rest of the smb2 family, by NTLM.
"""
import re

from hosts import REALM
from rig.harness import Failed, case

TESTS = ('session.expire1n', 'session.expire1s', 'session.expire1e', 'session.expire2s', 'session.expire2e', 'session.expire_disconnect',
         'session.reauth1', 'session.reauth2', 'session.reauth3', 'session.reauth4',
         'session.reconnect1', 'session.reconnect2', 'session.bind1', 'session.bind2')

VERDICT = re.compile(r'^(success|failure|error|skip): (.*?)( \[)?$', re.MULTILINE)


# they log on as nobody in a session of somebody's
ANONYMOUS = ('session.reauth2', 'session.reauth3', 'session.reauth4')


def smbtorture(t, name):
    server = t.server
    if name in ANONYMOUS and server.kind == 'freehold':
        server = t.own_server(settings='[security]\nallow_anonymous = true\n')
    share = t.share(server)
    done = t.run('smbtorture', '-s', t.conf, '--use-kerberos=required', '--format=subunit', '--fullname', '--basedir=%s' % t.folder,
                 '-U', 'alice@%s%%Passw0rd.alice' % REALM, '--target=samba3', '--option=torture:progress=no',
                 '--option=torture:user2name=bob', '--option=torture:user2password=Passw0rd.bob',
                 '//%s/%s' % (server.host, share.name), 'smb2.' + name, ok=None, timeout=90)
    verdicts = [m.group(1) for m in VERDICT.finditer(done.stdout)]
    if verdicts != ['success']:
        raise Failed('%s: %s' % (verdicts, done.stdout[-1500:]))


def register():
    for name in TESTS:
        def one(t, name=name):
            smbtorture(t, name)
        one.__name__ = name.replace('session.', '')
        case()(one)


register()
