"""State as a file declares it: export, apply, and what both leave alone."""
import json
import shutil
import time

from rig.harness import case

RIGHTS = ('read', 'change', 'full')


def furnish(t, s):
    """Groups, settings and 30 shares of all kinds."""
    s.add_user('bob', 'B0b-Passw0rd')
    s.run('group', 'add', 'staff', '--comment', 'All of us')
    for member in ('bob', t.user.name, '*S-1-5-21-7-8-9-1103'):
        s.run('group', 'add-member', 'staff', member)
    for n in range(30):
        name = 'share%02d' % n
        s.run('share', 'add', name, '--volume', 'data', '--path', 'tree/%d' % (n % 7), '--description', 'Nr. %d "ü"' % n,
              '--max-users', str(n % 3), '--caching', ('manual', 'none', 'documents', 'programs')[n % 4],
              *(['--encrypt'] if n % 2 else []), *(['--continuously-available', '--ca-timeout', '90'] if n % 5 == 0 else []))
        s.run('share', 'grant', name, ('bob', 'staff', t.user.name)[n % 3], RIGHTS[n % 3])
        if n % 6 == 0:
            s.run('share', 'block', name, 'Guests')
        if n % 10 == 9:
            s.run('share', 'set', name, '--access', 'O:SYG:BAD:P(A;;0x1200ff;;;WD)')
    s.run('server', 'set', '--reject-unencrypted-access', 'false')
    s.run('quota', 'mode', 'data', 'enforce')
    s.run('quota', 'default', 'data', '--limit', '20GB', '--warning', '15GB')
    s.run('quota', 'set', 'bob', '--limit', '5GB', '--warning', 'none')
    s.run('quota', 'group', 'set', 'staff', '--limit', 'none', '--warning', '1GB')
    s.run('quota', 'template', 'add', 'Home', '--size', '10GB', '--threshold', '80,100', '--description', 'Häuser')
    s.run('quota', 'folder', 'add', 'share00:/', '--template', 'Home')
    s.run('quota', 'folder', 'add', 'share01:/', '--size', '1GB', '--soft-limit', 'true')
    s.run('quota', 'auto', 'add', 'share02:/', '--template', 'Home')


def export(s, form='toml'):
    return s.run('export', '-o', form).stdout


@case(freehold_only=True)
def an_export_makes_the_same_state_after_it_was_wiped(t):
    s = t.own_server()
    furnish(t, s)
    text, document = export(s), export(s, 'json')
    t.equal(len(json.loads(document)['Shares']), 30, 'shares of the export')
    t.contains(text, 'State = "Enforce"', 'Häuser', 'Limit = 5368709120')
    (t.folder / 'state.toml').write_text(text)
    (t.folder / 'state.json').write_text(document)
    s.stop()
    shutil.rmtree(s.state)
    s.state.mkdir(mode=0o700)
    s.users.clear()
    s.start()
    s.add_user(t.user.name, t.user.password)
    s.add_user('bob', 'B0b-Passw0rd')
    t.true('share05' not in export(s), 'the state is wiped')
    done = s.run('apply', str(t.folder / 'state.toml'), '--what-if')
    t.contains(done.stdout, 'share05', 'staff')
    t.true('share05' not in export(s), 'what-if changes nothing')
    done = s.run('apply', str(t.folder / 'state.toml'), '-o', 'json')
    t.true(all(row['Done'] for row in json.loads(done.stdout)), 'what was done: %s' % done.stdout)
    t.equal(export(s), text, 'the export after apply')
    t.equal(export(s, 'json'), document, 'the export after apply, as JSON')
    for form in ('toml', 'json'):
        done = s.run('apply', str(t.folder / ('state.' + form)), '--prune', '-o', 'json')
        t.equal((json.loads(done.stdout), done.stderr), ([], 'Nothing changes: the state is as declared.\n'), 'applied twice')
    done = s.run('apply', '-', '-o', 'json', stdin=document)
    t.equal(json.loads(done.stdout), [], 'applied from standard input')
    t.smbclient('share02', ['put /etc/hostname x'], server=s)


@case(freehold_only=True)
def an_export_without_the_server_is_the_same(t):
    s = t.own_server()
    furnish(t, s)
    text = export(s)
    s.stop()
    done = t.run(s.binary, 'export', '--config', s.config)
    t.equal(done.stdout, text, 'the export of a server that does not run')
    (t.folder / 'state.toml').write_text('Shares = []\n')
    t.run(s.binary, 'apply', t.folder / 'state.toml', '--prune', '--config', s.config)
    s.start()
    t.equal(json.loads(s.run('share', 'list', '-o', 'json').stdout), [], 'shares after pruning')


@case(freehold_only=True)
def mistakes_have_their_line_and_nothing_is_changed(t):
    s = t.own_server()
    furnish(t, s)
    before = export(s)
    file = t.folder / 'wrong.toml'
    for text, *wanted in (
            ('[Server]\nEncryptDat = true\n', 'line 2', 'EncryptDat'),
            ('[[Shares]]\nName = "new"\nVolume = "data"\nPath = "fresh"\n\n[[Shares]]\nName = "x"\nVolume = "data"\n'
             'FullAccess = [\n  "nobody-here",\n]\n', 'wrong.toml:10: ', 'nobody-here'),
            ('[[Shares]]\nName = "a|b"\nVolume = "data"\n', 'wrong.toml:1: ', 'share name'),
            ('[[Shares]]\nName = "a"\nVolume = "other"\n', 'wrong.toml:3: ', 'other', 'data'),
            ('[[Groups]]\nName = "Administrators"\nMembers = []\n[[Shares]]\nName = "share01"\nVolume = "data"\n',
             'last enabled administrator')):
        file.write_text(text)
        done = s.run('apply', str(file), '--prune', check=False)
        t.equal(done.returncode, 1, 'status for %r' % text)
        t.contains(done.stderr, *wanted)
        t.equal(export(s), before, 'the state after %r' % text)
    t.true(not (s.volume / 'fresh').exists(), 'no folder was made')
    (t.folder / 'state.yaml').write_text('')
    t.contains(s.run('apply', str(t.folder / 'state.yaml'), check=False).stderr, '.toml')


@case(freehold_only=True)
def what_is_not_declared_is_shown_and_pruned(t):
    s = t.own_server()
    furnish(t, s)
    file = t.folder / 'one.toml'
    file.write_text('[[Shares]]\nName = "share00"\nVolume = "data"\nPath = "tree/0"\nReadAccess = ["Everyone"]\n')
    done = s.run('apply', str(file), '-o', 'json')
    removals = [row for row in json.loads(done.stdout) if row['Action'] == 'Remove']
    t.equal((len(removals), any(row['Done'] for row in removals)), (29, False), 'removals')
    t.contains(done.stderr, '29 not declared', '--prune')
    t.equal(len(json.loads(s.run('share', 'list', '-o', 'json').stdout)), 30, 'shares without --prune')
    (s.volume / 'tree' / '3' / 'kept.txt').write_text('kept')
    s.run('apply', str(file), '--prune')
    t.equal([row['Name'] for row in json.loads(s.run('share', 'list', '-o', 'json').stdout)], ['share00'], 'shares after --prune')
    t.true((s.volume / 'tree' / '3' / 'kept.txt').exists(), 'the files stay')
    t.contains(s.run('group', 'list').stdout, 'staff')


def furnish_namespaces(s):
    """Two namespaces, one of a share that is there, with folders of all kinds."""
    s.run('share', 'add', 'Team', '--volume', 'data', '--path', 'team')
    s.run('dfs', 'namespace', 'add', 'files', '--volume', 'data', '--path', 'dfs', '--description', 'All "files"', '--ttl', '77')
    s.run('dfs', 'namespace', 'add', 'Team', '--access-based-enumeration', 'true', '--target-failback', 'true')
    for n in range(12):
        s.run('dfs', 'folder', 'add', 'files/teams/t%d' % n, '--target', '//fs1/t%d' % n, '--target', '//fs2/data/t%d' % n,
              *(['--ttl', '60', '--description', 'Häuser'] if n % 2 else []), *(['--class', 'global-low', '--rank', '3'] if n % 3 else []))
    s.run('dfs', 'target', 'set', 'files/teams/t1', '//fs1/t1', '--state', 'offline')


@case(freehold_only=True)
def namespaces_are_the_same_after_the_state_was_wiped(t):
    s = t.own_server()
    furnish_namespaces(s)
    text, document = export(s), export(s, 'json')
    t.equal([(row['Name'], len(row.get('Folders', []))) for row in json.loads(document)['DfsNamespaces']], [('files', 12), ('Team', 0)],
            'namespaces of the export')
    listed = [s.run('dfs', noun, 'list', '-o', 'json').stdout for noun in ('namespace', 'folder', 'target')]
    file = t.folder / 'state.toml'
    file.write_text(text)
    s.stop()
    shutil.rmtree(s.state)
    s.state.mkdir(mode=0o700)
    s.users.clear()
    s.start()
    s.add_user(t.user.name, t.user.password)
    done = s.run('apply', str(file), '--what-if')
    t.contains(done.stdout, 'DfsNamespace', 'files\\teams\\t11', '\\\\fs2\\data\\t11')
    t.equal(s.run('dfs', 'namespace', 'list', '-o', 'json').stdout.strip(), '[]', 'what-if changes nothing')
    s.run('apply', str(file))
    t.equal((export(s), export(s, 'json')), (text, document), 'the export after apply')
    done = s.run('apply', str(file), '--prune', '-o', 'json')
    t.equal((json.loads(done.stdout), done.stderr), ([], 'Nothing changes: the state is as declared.\n'), 'applied twice')
    for noun, before in zip(('namespace', 'folder', 'target'), listed):
        after = json.loads(s.run('dfs', noun, 'list', '-o', 'json').stdout)
        t.equal([{**row, 'Guid': ''} for row in after], [{**row, 'Guid': ''} for row in json.loads(before)], noun)
    # Clients see the folders, a moment after the command.
    until = time.monotonic() + 30
    while not (s.volume / 'dfs' / 'teams' / 't11').is_dir() and time.monotonic() < until:
        time.sleep(0.1)
    t.contains(t.smbclient('files', ['cd teams', 'ls'], server=s), 't11')
    file.write_text('DfsNamespaces = []\n')
    s.run('apply', str(file))
    t.equal(export(s), text, 'without --prune nothing goes')
    s.run('apply', str(file), '--prune')
    t.equal(s.run('dfs', 'namespace', 'list', '-o', 'json').stdout.strip(), '[]', 'namespaces after pruning')
    t.contains(s.run('share', 'list').stdout, 'files')


@case(freehold_only=True)
def mistakes_of_namespaces_have_their_line(t):
    s = t.own_server()
    furnish_namespaces(s)
    before = export(s)
    file = t.folder / 'wrong.toml'
    for text, *wanted in (
            ('[[DfsNamespaces]]\nName = "new"\n', 'wrong.toml:2: ', 'no share'),
            ('[[DfsNamespaces]]\nName = "files"\nTtl = 3\n', 'line 3', 'Ttl'),
            ('[[DfsNamespaces]]\nName = "files"\nTimeToLiveSec = 0\n', 'wrong.toml:3: ', 'TimeToLiveSec'),
            ('[[DfsNamespaces]]\nName = "files"\nFolders = [\n  { Path = "a", Targets = [{ TargetPath = "fs1" }] },\n]\n',
             'wrong.toml:4: ', 'Folders[0].Targets[0].TargetPath'),
            ('[[DfsNamespaces]]\nName = "files"\nFolders = [\n  { Path = "teams", Targets = [{ TargetPath = "//fs1/x" }] },\n]\n',
             'wrong.toml:4: ', 'below it')):
        file.write_text(text)
        done = s.run('apply', str(file), check=False)
        t.equal(done.returncode, 1, 'status for %r' % text)
        t.contains(done.stderr, *wanted)
        t.equal(export(s), before, 'the state after %r' % text)
