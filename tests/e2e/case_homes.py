"""Shares whose folder depends on who connects, as smbclient, smbcacls and the Linux kernel's client see them."""
import json
import re

from case_quota_admin import wait_for
from rig.harness import Share, case


def home_server(t, **options):
    """A server with the users anna and bert, whose folders are below `users`."""
    s = t.own_server(**options)
    users = [s.add_user('anna', 'Passw0rd-anna'), s.add_user('bert', 'Passw0rd-bert')]
    s.run('share', 'add', 'home', '--volume', 'data', '--path', 'users/{user}', '--access', 'D:(A;;FA;;;WD)')
    return s, users


@case(freehold_only=True)
def each_user_has_an_own_folder(t):
    """Made at the first connect, in any spelling of the name, the user's alone, there after a restart."""
    s, users = home_server(t)
    users_folder = s.volume / 'users'
    t.equal([p.name for p in users_folder.iterdir()], [], 'folders before anybody has connected')
    s.run('share', 'set', 'home', '--audit', 'all')
    for user in users:
        (t.folder / 'local').write_text(user.name + '\n')
        t.smbclient('home', ['put local file.txt'], server=s, user=user)
    connects = s.run('audit', 'search', '--config', str(s.config), '-o', 'jsonl', '--event', '5140').stdout.splitlines()
    t.equal([json.loads(line)['ShareLocalPath'] for line in connects], ['data:\\users\\anna', 'data:\\users\\bert'], 'recorded')
    s.run('share', 'set', 'home', '--audit', 'none')
    for _ in range(2):
        t.equal(sorted(p.name for p in users_folder.iterdir()), ['anna', 'bert'], 'folders')
        for user in users:
            shouted = '%s%%%s' % (user.name.upper(), user.password)
            t.smbclient('home', ['get file.txt got'], server=s, user=shouted)
            t.equal((t.folder / 'got').read_text(), user.name + '\n', 'the file of %s' % user.name)
        s.restart()


@case(freehold_only=True)
def the_folder_is_the_users_alone(t):
    """Its descriptor: owner, three entries, nothing from above. Another user does not get in by another share."""
    s, (anna, bert) = home_server(t)
    s.run('share', 'add', 'all', '--volume', 'data', '--path', 'users', '--access', 'D:(A;;FA;;;WD)')
    (t.folder / 'local').write_text('private\n')
    t.smbclient('home', ['put local file.txt'], server=s, user=anna)
    acl = t.samba('smbcacls', '//%s/home' % s.host, '/', server=s, user=anna).stdout
    t.contains(acl, 'CONTROL:SR|PD|DI|DP', 'anna:ALLOWED/OI|CI/FULL', 'BUILTIN\\Administrators:ALLOWED/OI|CI/FULL',
               'NT AUTHORITY\\SYSTEM:ALLOWED/OI|CI/FULL')
    t.true(re.search(r'^OWNER:.*\\anna$', acl, re.M), 'owner of\n' + acl)
    t.equal(acl.count('ACL:'), 3, 'entries of\n' + acl)
    t.contains(t.smbclient('all', ['get anna\\file.txt got'], server=s, user=bert, ok=False), 'NT_STATUS_ACCESS_DENIED')
    t.smbclient('all', ['get anna\\file.txt got'], server=s, user=anna)
    t.equal((t.folder / 'got').read_text(), 'private\n', 'by the other share')


@case(freehold_only=True)
def what_is_no_folder_is_no_share(t):
    """A file of the user's name, a link out of the volume: BAD_NETWORK_NAME, and nothing is made."""
    s, (anna, bert) = home_server(t)
    outside = t.folder / 'outside'
    outside.mkdir()
    (s.volume / 'users' / 'anna').write_text('a file\n')
    (s.volume / 'users' / 'bert').symlink_to(outside)
    for user in (anna, bert):
        refused = t.smbclient('home', ['put local file.txt'], server=s, user=user, ok=False)
        t.contains(refused, 'NT_STATUS_BAD_NETWORK_NAME')
    t.equal(list(outside.iterdir()), [], 'made through the link')


@case(freehold_only=True)
def what_is_not_allowed_is_refused(t):
    """Unknown variables, continuous availability, the root of a namespace; tools that need one folder."""
    s, _ = home_server(t)
    for words, wanted in (
            (['share', 'set', 'home', '--path', 'users/{usr}'], '{usr} is no variable'),
            (['share', 'set', 'home', '--continuously-available', 'true'], 'cannot be continuously available'),
            (['dfs', 'namespace', 'add', 'home'], 'has variables'),
            (['explain', 'anna', 'home:/file.txt'], 'has no folder in the share home yet'),
            (['acl', 'show', 'home:/'], 'leads to another folder for each'),
            (['acl', 'show', 'home:/'], '--as USER'),
            (['acl', 'show', 'home:/', '--as', 'nobody'], 'nobody'),
            (['quota', 'folder', 'add', 'home:/', '--size', '1MB'], 'leads to another folder for each')):
        done = s.run(*words, check=False)
        t.equal(done.returncode, 1, ' '.join(words) + ': ' + done.stderr)
        t.contains(done.stderr, wanted)
    t.contains(s.run('share', 'list', '-o', 'json').stdout, '"users/{user}"')


@case(freehold_only=True)
def each_home_gets_its_quota(t):
    """A quota for new subfolders of the folder that the homes are in counts from the first connect on."""
    s, (anna, _) = home_server(t)
    s.run('quota', 'mode', 'data', 'enforce')
    s.run('quota', 'template', 'add', 'homes', '--size', '1MB')
    s.run('quota', 'auto', 'add', str(s.volume / 'users'), '--template', 'homes')
    for name, size in (('small', 100_000), ('big', 2_000_000)):
        (t.folder / name).write_bytes(b'x' * size)
    t.smbclient('home', ['put small'], server=s, user=anna)
    # made by the server's thread for quotas, which the connect does not wait for
    wait_for('the home has its quota', lambda: 'users/anna' in s.run('quota', 'folder', 'list', '-o', 'json').stdout)
    t.contains(t.smbclient('home', ['put big'], server=s, user=anna, ok=False), 'NT_STATUS_DISK_FULL')


@case(freehold_only=True)
def kernel_mount_of_a_home(t):
    """The Linux kernel's client works in the folder of its user."""
    s, _ = home_server(t)
    t.kernel(Share('home', s.volume), 'echo content > a && mkdir d && mv a d/b && cat d/b && sync', '3.1.1', '', server=s)
    t.equal((s.volume / 'users' / t.user.name / 'd' / 'b').read_text(), 'content\n', 'on the server')


@case(freehold_only=True)
def administrators_say_whose_folder(t):
    """`explain` looks at the user's own folder, `acl ... --as USER` at the one of who is named; what is said is what happens."""
    s, users = home_server(t)
    anna, bert = users
    for user in users:
        (t.folder / 'local').write_text(user.name + '\n')
        t.smbclient('home', ['put local file.txt'], server=s, user=user)

    def explain(user, path, *words, allowed=True):
        done = s.run('explain', user, path, *words, '-o', 'json', check=False)
        t.equal(done.returncode, 0 if allowed else 3, 'status of explain %s %s: %s' % (user, path, done.stderr))
        return json.loads(done.stdout)

    for user in users:
        for path in ('home:/file.txt', '\\\\server\\home\\file.txt', '//server/home/FILE.TXT', str(s.volume / 'users' / user.name / 'file.txt')):
            said = explain(user.name, path, 'M')
            t.equal((said['Path'], said['Share']['Name']), ('home:/file.txt', 'home'), 'the file of %s by %s' % (user.name, path))
            t.equal(said['Rights'][0]['Entry']['InheritedFrom'], 'home:/', 'where the entry comes from')
    # the other one's, by the volume: not allowed, and not through the share
    said = explain('bert', str(s.volume / 'users' / 'anna' / 'file.txt'), 'R', allowed=False)
    t.equal(said['Share'], None, 'the share to the folder of another')
    # what is not there yet could be made by whom it is for
    t.equal(explain('anna', 'home:/new.txt', 'W', allowed=False)['Status'], 'STATUS_OBJECT_NAME_NOT_FOUND', 'a new file')

    shown = {user.name: s.run('acl', 'show', 'home:/file.txt', '--as', user.name).stdout for user in users}
    for user in users:
        t.contains(shown[user.name], '\\%s:(I)(F)' % user.name)
    s.run('acl', 'deny', 'home:/file.txt', 'anna:R', '--as', 'anna')
    records = s.run('audit', 'search', '--config', str(s.config), '-o', 'jsonl', '--event', '4673').stdout
    t.contains(records, 'home:/file.txt (as anna)')
    t.contains(t.smbclient('home', ['get file.txt got'], server=s, user=anna, ok=None), 'NT_STATUS_ACCESS_DENIED')
    t.equal(explain('anna', 'home:/file.txt', 'R', allowed=False)['Status'], 'STATUS_ACCESS_DENIED', 'after the denial')
    t.smbclient('home', ['get file.txt got'], server=s, user=bert)
    t.equal(s.run('acl', 'show', 'home:/file.txt', '--as', 'bert').stdout, shown['bert'], 'the list of the other')
    # saved of one, put back onto another's
    saved = t.folder / 'saved'
    s.run('acl', 'save', 'home:/file.txt', '--as', 'bert', '--file', saved)
    s.run('acl', 'restore', 'home:/', '--as', 'anna', '--file', saved, '--substitute', 'bert', 'anna')
    t.equal(s.run('acl', 'show', 'home:/file.txt', '--as', 'anna').stdout, shown['anna'], 'the list after it was put back')
    t.smbclient('home', ['get file.txt got'], server=s, user=anna)
    # what the connection decides cannot be told; the file itself can be looked at, through the share
    s.run('share', 'set', 'home', '--path', 'users/{user}/{client}')
    said = explain('anna', str(s.volume / 'users' / 'anna' / 'file.txt'), 'R', '--share', 'home')
    t.equal((said['Path'], said['Share']['Name']), ('data:/users/anna/file.txt', 'home'), 'by its path on the machine')
    for words in (['explain', 'anna', 'home:/'], ['acl', 'show', 'home:/', '--as', 'anna']):
        done = s.run(*words, check=False)
        t.equal(done.returncode, 1, 'status of %s' % words)
        t.contains(done.stderr, 'depends on {client}')
