"""Which oplocks and leases a volume gives: `oplocks` (docs/decisions/0034-local-programs.md)."""
from rig.harness import case
from rig import server as servers

SETTINGS = ('all', 'exclusive', 'none')


def server_that_gives(t, what):
    server = t.own_server(start=False)
    # behind the volume's path
    server.settings = 'oplocks = "%s"\n' % what + server.settings
    server.start()
    server.add_user(t.user.name, t.user.password)
    return server, t.share(server)


@case(freehold_only=True)
def clients_get_what_the_volume_gives(t):
    for what in SETTINGS:
        server, share = server_that_gives(t, what)
        out = t.python('peer_oplocks.py', server.host, server.port, share.name, t.user.name, t.user.password, what)
        t.equal(out.strip().splitlines()[-1:], ['done'], 'last line for ' + what)


READS = '''
import os, re
def sent(): return sum(int(n) for n in re.findall(r'Reads: (\\d+)', open('/proc/fs/cifs/Stats').read()))
f = os.open('f', os.O_RDWR)
assert os.pread(f, 4096, 0) == b'x' * 4096
before = sent()
for _ in range(10):
    assert os.pread(f, 4096, 0) == b'x' * 4096
print('reads sent', sent() - before)
'''


@case(freehold_only=True)
def a_mount_reads_from_its_cache_what_it_may_cache(t):
    """The Linux kernel's client asks for RWH: with nothing given it asks for the same bytes again each time."""
    for what in SETTINGS:
        server, share = server_that_gives(t, what)
        (share.path / 'f').write_bytes(b'x' * 4096)
        (t.folder / 'guest.py').write_text(READS)
        out = t.kernel(share, 'python3 /run/host%s/guest.py' % t.folder, server=server)
        sent = int(out.split('reads sent')[1].split()[0])
        t.equal(sent, 10 if what == 'none' else 0, 'READ requests for ten reads of the same bytes, with ' + what)


@case(freehold_only=True)
def a_value_that_there_is_not_is_refused_by_its_name(t):
    (t.folder / 'volume').mkdir()
    path = t.folder / 'freehold.toml'
    text = ('[server]\nlisten = ["127.0.0.1:%d"]\nstate_dir = "state"\n[volumes.data]\npath = "volume"\noplocks = %s\n')
    for value in ('"level2"', '"ALL"', 'false', '["all"]', '""'):
        path.write_text(text % (servers.free_port(), value))
        for verb in ('check', 'serve'):
            out = t.run(servers.freehold_binary(), verb, '--config', path, ok=False, timeout=20).stdout
            t.contains(out, '6:11', 'volumes.data.oplocks')
            t.true('panicked' not in out, out)
    path.write_text(text % (servers.free_port(), '"exclusive"'))
    t.run(servers.freehold_binary(), 'check', '--config', path)
