"""Folders of DFS namespaces as directories in their root's share: who is told of them, and what a start finds."""
import json
import pathlib
import re
import subprocess
import time

from rig import server as servers
from rig.harness import Failed, case

import case_dfs
import case_dfs_admin

HERE = pathlib.Path(__file__).parent
TARGET = r'\\127.0.0.9\data'     # nobody is there


def until(what, condition):
    end = time.monotonic() + 30
    while not condition():
        if time.monotonic() > end:
            raise Failed(what)
        time.sleep(0.1)


@case(freehold_only=True)
def a_start_makes_and_removes_what_has_changed_and_nothing_else(t):
    s = case_dfs.root(t, ('kept', TARGET), (r'deep\er\old', TARGET))
    files = s.volume / 'files'
    case_dfs.wait_for_links(s, 'kept', 'deep/er/old')
    kept = (files / 'kept').stat()
    s.stop()
    case_dfs_admin.offline(t, s, 'folder', 'remove', r'files\deep\er\old', '--force')
    case_dfs_admin.offline(t, s, 'folder', 'add', r'files\other\new', '--target', TARGET)
    s.start()
    case_dfs.wait_for_links(s, 'kept', 'other/new')
    until('what was removed while the server was down is still there', lambda: not (files / 'deep').exists())
    after = (files / 'kept').stat()
    t.equal((after.st_ino, after.st_ctime_ns), (kept.st_ino, kept.st_ctime_ns), 'the folder that has not changed')
    # Killed in the middle of its life, with a folder that somebody has taken away and changed meanwhile.
    s.kill()
    (files / 'other' / 'new').rmdir()
    s.start()
    s.run('dfs', 'folder', 'set', r'files\other\new', '--ttl', '77')
    case_dfs.wait_for_links(s, 'other/new')


@case(freehold_only=True)
def who_watches_the_root_is_told_of_folders(t):
    s = case_dfs.root(t)
    python = servers.TARGET / 'peers' / 'venv' / 'bin' / 'python'
    for change in (('add', r'files\new', '--target', TARGET), ('remove', r'files\new', '--force')):
        watcher = subprocess.Popen([str(python), str(HERE / 'peer_watcher.py'), s.host, str(s.port), 'files', t.user.name,
                                    t.user.password, '', 'FILE_NOTIFY_CHANGE_DIR_NAME'], text=True, stdout=subprocess.PIPE)
        try:
            t.equal(watcher.stdout.readline().strip(), 'ready', 'the watch')
            s.run('dfs', 'folder', *change)
            t.equal(watcher.stdout.readline().strip(), 'new', 'the folder that was told of after %s' % change[0])
            t.equal(watcher.wait(30), 0, 'the watcher')
        finally:
            watcher.kill()
            watcher.wait()


@case(freehold_only=True)
def a_client_cannot_take_a_folder_away(t):
    s = case_dfs.root(t, (r'way\link', TARGET))
    case_dfs.wait_for_links(s, 'way/link')
    # smbclient looks for the target of the folder itself; the directory above it is this server's.
    for command in (r'rmdir way\link', r'rename way\link way\other', 'rename way other', r'deltree way'):
        t.smbclient('files', [command], server=s, ok=None)
        t.true((s.volume / 'files' / 'way' / 'link').is_dir(), 'the folder is there after %s' % command)
    # What is no way to a folder is renamed as ever.
    t.smbclient('files', ['mkdir free', 'rename free gone'], server=s)
    t.true((s.volume / 'files' / 'gone').is_dir(), 'another directory is renamed')


@case(freehold_only=True)
def users_see_the_folders_that_they_may_read(t):
    """Access-based enumeration by each folder's descriptor, switched by the namespace, in the listings of connections from then on."""
    s = case_dfs.root(t, ('open', TARGET), ('board', TARGET))
    case_dfs.wait_for_links(s, 'open', 'board')
    other = s.add_user('bert', 'Passw0rd-bert')
    own = next(x['Sid'] for x in json.loads(s.run('user', 'list', '-o', 'json').stdout) if x['Name'] == t.user.name)
    s.run('dfs', 'folder', 'set', 'files/board', '--access', 'D:P(A;;FA;;;BA)(A;;FR;;;%s)' % own)
    shown = json.loads(s.run('dfs', 'folder', 'show', 'files/board', '-o', 'json').stdout)
    t.contains(json.dumps(shown), own)

    def seen(user):
        out = t.smbclient('files', ['ls'], server=s, user=user)
        return [name for name in ('open', 'board') if re.search(r'^ +%s +' % name, out, re.M)]

    t.equal((seen(t.user), seen(other)), (['open', 'board'], ['open', 'board']), 'what both see where all is listed')
    s.run('dfs', 'namespace', 'set', 'files', '--access-based-enumeration', 'true')
    until('all is listed still', lambda: seen(other) == ['open'])
    t.equal(seen(t.user), ['open', 'board'], 'what is seen by who may read both')
    s.run('dfs', 'folder', 'set', 'files/board', '--access', '')
    until('the folder is not as its parent again', lambda: seen(other) == ['open', 'board'])
