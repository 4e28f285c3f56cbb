"""What a logon costs the server, beside what it costs Samba's on the same machine in the same minute."""
import os
import pathlib
import subprocess

import members
from hosts import REALM
from rig import server as servers
from rig.harness import case

COUNT = 300


def processor_seconds(leaders):
    """Processor time of all processes of the sessions that these processes lead, those that ended among them."""
    tick = os.sysconf('SC_CLK_TCK')
    total = 0
    for entry in pathlib.Path('/proc').iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / 'stat').read_text().rpartition(')')[2].split()
            except OSError:
                continue
            if int(fields[3]) in leaders:
                total += sum(int(f) for f in fields[11:15])
    return total / tick


def per_setup(t, server, leaders):
    """Processor seconds of the server for a session set-up by Kerberos, log-off included."""
    cache = t.ticket_cache(t.domain_user('alice'))
    t.run('kvno', 'cifs/' + server.host, env=cache)
    python, script = servers.TARGET / 'peers' / 'venv' / 'bin' / 'python', os.path.join(os.path.dirname(__file__), 'peer_setups.py')
    with subprocess.Popen([str(python), script, server.host, 'alice@' + REALM, str(COUNT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True, env=dict(os.environ, **cache)) as peer:
        t.equal(peer.stdout.readline().strip(), 'ready', 'the peer')
        before = processor_seconds(leaders)
        peer.stdin.write('go\n')
        peer.stdin.flush()
        t.equal(peer.stdout.readline().strip(), 'done', 'the peer')
        after = processor_seconds(leaders)
        peer.stdin.close()
    return (after - before) / COUNT


@case(alone=True)
def kerberos_session_setup(t):
    samba = t.server
    if t.server.kind == 'freehold':
        samba = members.Samba(t.bed, t.bed.server_name())
        t.own.append(samba)
        samba.start()
    found = {'Samba': per_setup(t, samba, {samba.process.pid, samba.winbindd.pid})}
    if t.server.kind == 'freehold':
        found['Freehold'] = per_setup(t, t.server, {t.server.process.pid})
    for name, seconds in found.items():
        print('    %-10s %6.3f ms of processor time for a session set-up by Kerberos' % (name, seconds * 1000), flush=True)
    if t.server.kind == 'freehold':
        print('    ratio %.2f' % (found['Freehold'] / found['Samba']), flush=True)
        t.true(found['Freehold'] < found['Samba'], 'Freehold takes more than Samba')
