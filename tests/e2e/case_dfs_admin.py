"""DFS namespaces as an administrator makes them: by the command line and by Samba's tools on the netdfs pipe."""
import json

from rig import server as servers
from rig.harness import case


def rpc(t, s, *commands, user=None, ok=True):
    """rpcclient with these commands, by the server's administrator unless somebody else is named."""
    return t.samba('rpcclient', s.host, '-c', ';'.join(commands), user=user or s.admin, server=s, ok=ok).stdout


def rows(s, *words):
    return json.loads(s.run('dfs', *words, '-o', 'json').stdout)


def offline(t, s, *words, ok=True):
    """A command on the state of a server that does not run; its output with what went wrong."""
    return t.run(servers.freehold_binary(), 'dfs', *words, '--config', s.config, ok=ok).stdout


def refused(t, s, *words):
    done = s.run('dfs', *words, check=False)
    t.equal(done.returncode, 1, 'status of dfs %s' % ' '.join(words))
    return done.stderr


@case(freehold_only=True)
def namespaces_folders_and_targets_from_the_command_line(t):
    s = t.own_server()
    t.contains(refused(t, s, 'namespace', 'add', 'files'), 'no share')
    s.run('dfs', 'namespace', 'add', 'files', '--volume', 'data', '--path', 'dfs/files', '--target-failback', 'true')
    t.contains(s.run('share', 'list').stdout, 'files')
    s.run('dfs', 'folder', 'add', 'files/teams/red', '--target', '//fs1/red', '--target', '\\\\fs2\\data\\red', '--ttl', '60')
    s.run('dfs', 'target', 'set', 'files\\teams\\red', '//fs2/data/red', '--class', 'global-low', '--rank', '3')
    what_if = s.run('dfs', 'folder', 'add', 'files/other', '--target', '//fs1/x', '--what-if').stdout
    t.contains(what_if, 'What if')
    folders = rows(s, 'folder', 'list')
    t.equal([(f['TimeToLiveSec'], f['TargetPaths']) for f in folders], [(60, ['\\\\fs1\\red', '\\\\fs2\\data\\red'])], 'folders')
    targets = rows(s, 'target', 'list', 'files')
    t.equal([(x['ReferralPriorityClass'], x['ReferralPriorityRank']) for x in targets],
            [('sitecost-normal', 0), ('global-low', 3)], 'targets')
    for words, wanted in (
            (('folder', 'add', 'files/teams/red/below', '--target', '//fs1/x'), 'below the folder'),
            (('folder', 'add', 'files/teams', '--target', '//fs1/x'), 'below it'),
            (('folder', 'add', 'files/x', '--target', 'fs1'), 'TargetPath'),
            (('folder', 'set', 'files/teams/red', '--ttl', '0'), 'TtlSeconds'),
            (('folder', 'remove', 'files/none', '--force'), 'none'),
            (('namespace', 'add', 'FILES', '--volume', 'data'), 'exists already')):
        t.contains(refused(t, s, *words), wanted)
    t.contains(s.run('share', 'remove', 'files', '--force', check=False).stderr, 'namespace remove')
    found = json.loads(s.run('dfs', 'resolve', 'files\\teams\\red\\plans\\1.txt', '--client', '10.0.0.7', '-o', 'json').stdout)
    t.equal([x['LeadsTo'] for x in found['Targets']],
            ['\\\\fs1\\red\\plans\\1.txt', '\\\\fs2\\data\\red\\plans\\1.txt'], 'where a client goes')
    s.restart()
    t.equal(rows(s, 'folder', 'list'), folders, 'folders after a restart')
    s.stop()
    t.equal(json.loads(offline(t, s, 'folder', 'list', '-o', 'json')), folders, 'folders of a server that does not run')
    offline(t, s, 'target', 'remove', 'files/teams/red', '//fs1/red', '--force')
    last = offline(t, s, 'target', 'remove', 'files/teams/red', '//fs2/data/red', '--force', ok=False)
    t.contains(last, 'last target')
    offline(t, s, 'namespace', 'remove', 'files', '--force')
    t.equal(json.loads(offline(t, s, 'namespace', 'list', '-o', 'json')), [], 'namespaces')


@case(freehold_only=True)
def rpcclient_manages_links(t):
    """dfsversion, dfsadd, dfsgetinfo, dfsenum, dfsenumex, dfsremove of rpcclient, and who may use them."""
    s = t.own_server()
    s.run('dfs', 'namespace', 'add', 'files', '--volume', 'data', '--path', 'dfs')
    # SHI1005_FLAGS_DFS and SHI1005_FLAGS_DFS_ROOT: the share is a root.
    t.contains(rpc(t, s, 'netsharegetinfo files 1005'), 'flags: 0x3')
    t.contains(rpc(t, s, 'dfsversion'), 'dfs is present (6)')
    link = '\\\\\\\\%s\\\\files\\\\teams\\\\red' % s.host
    rpc(t, s, 'dfsadd %s fs1 red a-comment' % link, 'dfsadd %s fs2 red -' % link)
    t.equal(rows(s, 'folder', 'list')[0]['TargetPaths'], ['\\\\fs1\\red', '\\\\fs2\\red'], 'targets')
    t.equal(rows(s, 'folder', 'list')[0]['Description'], 'a-comment', 'comment')
    t.contains(rpc(t, s, 'dfsadd %s fs1 red -' % link, ok=None), 'WERR_FILE_EXISTS')
    out = rpc(t, s, 'dfsgetinfo %s fs1 red 3' % link)
    t.contains(out, '\\files\\teams\\red', 'a-comment', 'num_stores: 2', 'server: fs1', 'share: red', 'server: fs2')
    for level in '1', '2':
        t.contains(rpc(t, s, 'dfsgetinfo %s fs1 red %s' % (link, level)), '\\files\\teams\\red')
    # what rpcclient takes in and has no way to print: with an error it would say that instead
    for level in '4', '5', '6', '100':
        t.contains(rpc(t, s, 'dfsgetinfo %s fs1 red %s' % (link, level)), 'unsupported info level ' + level)
    root = '\\\\\\\\%s\\\\files' % s.host
    for level in '1', '2', '3', '4', '300':
        for command in 'dfsenum ' + level, 'dfsenumex %s %s' % (root, level):
            t.contains(rpc(t, s, command), 'unsupported info level ' + level if level in ('4', '300') else '\\files\\teams\\red')
    for level in '5', '6', '8', '9':
        for command in 'dfsenum ' + level, 'dfsenumex %s %s' % (root, level):
            t.contains(rpc(t, s, command), 'Unknown info level ' + level)
    for command in 'dfsenum 3', 'dfsenumex \\\\\\\\%s\\\\files 3' % s.host:
        t.contains(rpc(t, s, command), '\\files\\teams\\red', 'server: fs2')
    t.contains(rpc(t, s, 'dfsgetinfo \\\\\\\\%s\\\\files\\\\none x x 1' % s.host, ok=None), 'WERR_NOT_FOUND')
    t.contains(rpc(t, s, 'dfsremove %s fs1 red' % link, user=t.user, ok=None), 'WERR_ACCESS_DENIED')
    t.contains(rpc(t, s, 'dfsadd %s fs3 red -' % link, user=t.user, ok=None), 'WERR_ACCESS_DENIED')
    t.contains(rpc(t, s, 'dfsgetinfo %s fs1 red 1' % link, user=t.user), '\\files\\teams\\red')
    rpc(t, s, 'dfsremove %s fs1 red' % link)
    t.equal(rows(s, 'folder', 'list')[0]['TargetPaths'], ['\\\\fs2\\red'], 'targets after one is removed')
    rpc(t, s, 'dfsremove %s fs2 red' % link)
    t.equal(rows(s, 'folder', 'list'), [], 'the last target takes the link with it')


@case(freehold_only=True)
def impacket_manages_links(t):
    s = t.own_server()
    s.run('dfs', 'namespace', 'add', 'files', '--volume', 'data', '--path', 'dfs')
    t.equal(t.python('peer_netdfs.py', s.host, s.port, 'files', t.user.name, t.user.password, s.admin.name, s.admin.password).strip(), 'done',
            'impacket')
    t.equal(rows(s, 'folder', 'list'), [], 'folders')


@case(freehold_only=True)
def targets_are_asked_whether_they_answer(t):
    s = t.own_server()
    s.run('dfs', 'namespace', 'add', 'files', '--volume', 'data')
    s.run('dfs', 'folder', 'add', 'files/x', '--target', '//no-such-host.invalid/x')
    done = s.run('dfs', 'target', 'test', 'files', '-o', 'json', check=False)
    t.equal(done.returncode, 1, 'status of a test with a target that does not answer')
    found = json.loads(done.stdout)
    t.equal([(x['TargetPath'], x['Answers']) for x in found], [('\\\\no-such-host.invalid\\x', False)], 'answers')
    t.contains(found[0]['Message'], 'no-such-host.invalid')
    s.stop()
    t.contains(offline(t, s, 'target', 'test', ok=False), 'running server')


@case(freehold_only=True)
def every_verb_that_changes_can_only_say_so_and_is_recorded(t):
    """--what-if changes nothing; a change is in the audit log with who made it and what of, refused ones too."""
    s = t.own_server()
    changes = (
        (('namespace', 'add', 'files', '--volume', 'data', '--path', 'dfs'), 'DfsAddNamespace', 'files'),
        (('namespace', 'set', 'files', '--ttl', '60'), 'DfsSetNamespace', 'files'),
        (('folder', 'add', 'files/a', '--target', '//fs1/a'), 'DfsAddFolder', 'files/a'),
        (('folder', 'set', 'files/a', '--description', 'said twice'), 'DfsSetFolder', 'files/a'),
        (('folder', 'move', 'files/a', 'files/b'), 'DfsMoveFolder', 'files/a'),
        (('target', 'add', 'files/b', '//fs2/b'), 'DfsAddTarget', 'files/b'),
        (('target', 'set', 'files/b', '//fs2/b', '--rank', '3'), 'DfsSetTarget', 'files/b'),
        (('target', 'remove', 'files/b', '//fs2/b'), 'DfsRemoveTarget', 'files/b'),
        (('folder', 'remove', 'files/b'), 'DfsRemoveFolder', 'files/b'),
        (('namespace', 'remove', 'files'), 'DfsRemoveNamespace', 'files'),
    )

    def state():
        return [s.run('dfs', noun, 'list', '-o', 'json').stdout for noun in ('namespace', 'folder', 'target')]

    for words, _, _ in changes:
        before = state()
        t.contains(s.run('dfs', *words, '--what-if').stdout, 'What if: ')
        t.equal(state(), before, 'the state after dfs %s --what-if' % ' '.join(words))
        s.run('dfs', *words, *(['--force'] if 'remove' in words else []))
        t.true(state() != before, 'the state after dfs %s' % ' '.join(words))
    refused(t, s, 'folder', 'add', 'none/a', '--target', '//fs1/a')
    out = s.run('audit', 'search', '--config', str(s.config), '-o', 'jsonl').stdout
    found = [row for row in map(json.loads, out.splitlines()) if row.get('Operation', '').startswith('Dfs')]
    t.equal([(r['Operation'], r['ObjectName'], r['Keywords']) for r in found],
            [(operation, thing, 'Audit Success') for _, operation, thing in changes] + [('DfsAddFolder', 'none/a', 'Audit Failure')],
            'what is recorded')
    t.equal({(r['Service'], r['SubjectUserName']) for r in found}, {('local', found[0]['SubjectUserName'])}, 'who')
    t.true(found[0]['SubjectUserName'], 'nobody is named')
    t.contains(json.dumps(found[3]), 'said twice')
