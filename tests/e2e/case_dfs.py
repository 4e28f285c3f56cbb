"""DFS namespaces: clients that begin at a root and end up on other shares and other servers.

A referral has no port. The kernel goes on with the one it began with, smbclient takes 445, which is turned into the one of
these servers: they have the same on several loopback addresses.
"""
import time

from rig import server as servers
from rig.harness import Failed, case

FIRST, SECOND, THIRD = '127.0.0.1', '127.0.0.2', '127.0.0.3'


def beside(t, first, kind, address, **options):
    """Another server on the first one's port, with the test's user and a share `data` with one file that names it."""
    s = servers.make(kind, **options)
    t.own.append(s)
    s.host = s.address = address
    s.port = first.port
    s.start()
    user = s.add_user(t.user.name, t.user.password)
    s.add_share('data')
    s.open_root('data')
    local = t.folder / 'local'
    local.write_text('on %s\n' % address)
    done = t.samba('smbclient', '//%s/data' % address, '-c', 'put %s where; mkdir deep; put %s deep\\where' % (local, local),
                   server=s, user=user)
    if 'NT_STATUS_' in done.stdout:
        raise Failed(done.stdout)
    return s


def root(t, *folders):
    """A server with the namespace `files`; `folders`: path and targets."""
    s = t.own_server()
    s.add_share('files')
    s.open_root('files')
    s.run('dfs', 'namespace', 'add', 'files')
    for path, *targets in folders:
        s.run('dfs', 'folder', 'add', 'files\\%s' % path, *(word for target in targets for word in ('--target', target)))
    return s


def wait_for_links(s, *paths):
    """The folders are in the share a moment after the command."""
    until = time.monotonic() + 30
    while not all((s.volume / 'files' / path).is_dir() for path in paths):
        if time.monotonic() > until:
            raise Failed('the folders did not appear in the share')
        time.sleep(0.1)


def walk(t, s, *commands, ok=True):
    """smbclient from the root on. `ok`: None where it says of a server that it is not there."""
    return t.smbclient('files', list(commands), server=s, ok=ok, env=servers.redirect_445(t.folder, s.port))


def fetch(t, s, path, ok=True):
    """What is in a file, as smbclient gets it through the root."""
    local = t.folder / 'fetched'
    local.unlink(missing_ok=True)
    walk(t, s, 'get %s %s' % (path, local), ok=ok)
    return local.read_text()


@case(freehold_only=True)
def smbclient_walks_to_a_second_server_and_to_samba(t):
    s = root(t, ('second', r'\\%s\data' % SECOND), (r'way\samba', r'\\%s\data\deep' % THIRD))
    beside(t, s, 'freehold', SECOND)
    beside(t, s, 'samba', THIRD, settings='    interfaces = %s/8\n' % THIRD)
    wait_for_links(s, 'second', 'way/samba')
    t.contains(walk(t, s, 'ls'), 'second', 'way')
    t.equal(fetch(t, s, r'second\where'), 'on %s\n' % SECOND, 'through a folder of the root')
    t.equal(fetch(t, s, r'second\deep\where'), 'on %s\n' % SECOND, 'deeper')
    t.equal(fetch(t, s, r'way\samba\where'), 'on %s\n' % THIRD, 'through a deeper folder, to Samba')
    t.contains(walk(t, s, r'cd way\samba', 'ls'), 'where')


@case(freehold_only=True)
def the_next_access_goes_to_the_other_target(t):
    s = root(t, ('both', r'\\%s\data' % SECOND, r'\\%s\data' % THIRD))
    s.run('dfs', 'target', 'set', r'files\both', r'\\%s\data' % SECOND, '--class', 'global-high')
    second = beside(t, s, 'freehold', SECOND)
    beside(t, s, 'freehold', THIRD)
    t.equal(fetch(t, s, r'both\where'), 'on %s\n' % SECOND, 'the preferred target')
    second.kill()
    t.equal(fetch(t, s, r'both\where', ok=None), 'on %s\n' % THIRD, 'the other one, once the first is gone')


@case(freehold_only=True)
def the_kernel_mounts_the_root_and_follows_folders(t):
    """Nested ones too: a folder of a namespace that leads to a folder of another. The guest sees one address only."""
    s = t.own_server()
    for name in ('files', 'inner', 'data'):
        s.add_share(name)
        s.open_root(name)
    for name in ('files', 'inner'):
        s.run('dfs', 'namespace', 'add', name)
    s.run('dfs', 'folder', 'add', r'files\plain', '--target', r'\\%s\data' % FIRST)
    s.run('dfs', 'folder', 'add', r'files\way\inner', '--target', r'\\%s\inner' % FIRST)
    s.run('dfs', 'folder', 'add', r'inner\last', '--target', r'\\%s\data\below' % FIRST)
    wait_for_links(s, 'plain', 'way/inner')
    local = t.folder / 'local'
    local.write_text('here\n')
    t.smbclient('data', ['mkdir below', 'put %s where' % local, r'put %s below\where' % local], server=s)
    share = type(t.share())('files', s.volume / 'files')
    out = t.kernel(share, 'ls . way; cat plain/where plain/below/where way/inner/last/where && echo new > plain/made '
                          '&& cat way/../plain/made', server=s)
    t.equal(out.split(), ['.:', 'plain', 'way', 'way:', 'inner', 'here', 'here', 'here', 'new'], 'what the guest saw')
    t.equal((s.volume / 'data' / 'made').read_text(), 'new\n', 'written through the folder')
