"""Access-control lists: `freehold acl`, inheritance through whole trees while clients work in them, what smbcacls sees of it."""
import json
import pathlib
import subprocess
import sys
import time

from rig import server as servers
from rig.harness import Failed, case

HERE = pathlib.Path(__file__).resolve().parent
FULL_TO_ADMINISTRATORS = 'D:AI(A;OICI;FA;;;BA)(A;OICI;FA;;;AU)'


def sddl_of(s, path):
    return s.run('acl', 'show', path, '--sddl').stdout.split(' ', 1)[1].strip()


def dacl(sddl):
    """The DACL of SDDL as (flags, entries)."""
    text = sddl[sddl.index('D:') + 2:].split('S:')[0]
    flags, _, rest = text.partition('(')
    return flags, ('(' + rest)[1:-1].split(')(') if rest else []


def owner_of(sddl):
    """The owner in SDDL."""
    return sddl[2:sddl.index('G:')]


def inherited(entries, is_directory, owner):
    """What a folder with these entries gives an object of this owner: written from [MS-DTYP] 2.5.3.4 anew, for entries without
    generic rights and objects' types."""
    result = []
    for entry in entries:
        kind, flags, mask, _, _, sid = entry.split(';')
        flags = {flags[at:at + 2] for at in range(0, len(flags), 2)}
        here = owner if sid == 'CO' else sid
        if not is_directory:
            if 'OI' in flags:
                result.append(';'.join((kind, 'ID', mask, '', '', here)))
        elif sid == 'CO' and 'CI' in flags:
            result.append(';'.join((kind, 'ID', mask, '', '', here)))
            if 'NP' not in flags:
                kept = ''.join(f for f in ('OI', 'CI') if f in flags)
                result.append(';'.join((kind, kept + 'IOID', mask, '', '', sid)))
        elif 'CI' in flags or ('OI' in flags and 'NP' not in flags):
            kept = [] if 'NP' in flags else [f for f in ('OI', 'CI') if f in flags]
            if 'CI' not in flags:
                kept.append('IO')
            result.append(';'.join((kind, ''.join(kept) + 'ID', mask, '', '', sid)))
    return result


def check_tree(t, s, path, count_at_least=1):
    """Reads the tree and holds every object against what its folder gives; returns how many there are."""
    seen = {}
    out = s.run('acl', 'show', path, '--recurse', '-o', 'jsonl', timeout=600).stdout
    wrong = []
    for line in out.splitlines():
        row = json.loads(line)
        name = row['Path'].split(':', 1)[1].strip('/')
        flags, entries = dacl(row['Sddl'])
        if seen:
            parent = seen[name.rpartition('/')[0]]
            own = [e for e in entries if 'ID' not in e.split(';')[1]]
            wanted = own + inherited(parent, row['Type'] == 'Directory', owner_of(row['Sddl']))
            if 'P' not in flags and entries != wanted:
                wrong.append('%s has %s, not %s' % (name, entries, wanted))
        seen[name] = entries
    t.true(not wrong, '%d of %d are wrong: %s' % (len(wrong), len(seen), wrong[:3]))
    t.true(len(seen) >= count_at_least, 'only %d objects' % len(seen))
    return len(seen) - 1


def plant(share, folders, files):
    """Files from Linux: until they get descriptors of their own they have what they inherit, and nothing needs to be changed."""
    for folder in range(folders):
        path = share.path / ('d%03d' % folder) / 'sub'
        path.mkdir(parents=True)
        for file in range(files):
            (path.parent / ('f%04d' % file)).touch()
            (path / ('g%04d' % file)).touch()
    return folders * (2 + 2 * files)


def plant_with_descriptors(s, share, folders, files):
    """The same, each with a descriptor of its own, as files have that clients made."""
    count = plant(share, folders, files)
    root = share.name + ':/'
    s.run('acl', 'set', root, FULL_TO_ADMINISTRATORS, timeout=1200)
    s.run('acl', 'set', root, '--owner', 'BUILTIN\\Users', '--recurse', timeout=1200)
    return count


def jobs(s):
    return json.loads(s.run('acl', 'jobs', '-o', 'json').stdout)


def wait_for(t, s, job, seconds=600):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        row = next(j for j in jobs(s) if j['Id'] == job)
        if row['Status'] in ('done', 'failed'):
            return row
        time.sleep(0.1)
    raise Failed('job %s has not ended: %s' % (job, row))


@case(freehold_only=True)
def verbs_do_what_icacls_does(t):
    s = t.own_server()
    share = t.share(server=s)
    s.run('user', 'add', 'bob', '--password-stdin', stdin='B0b-Passw0rd\n')
    root = share.name + ':/'
    s.run('acl', 'set', root, FULL_TO_ADMINISTRATORS, '/Q')
    t.smbclient(share, ['mkdir x', 'put /etc/hostname x\\f'], server=s)
    at, file = root + 'x', root + 'x/f'
    out = s.run('acl', 'grant', at, 'bob:(OI)(CI)M', '*S-1-1-0:(OI)RX').stdout
    t.contains(out, 'Successfully processed 2 files; Failed processing 0 files')
    shown = s.run('acl', 'show', at).stdout
    t.contains(shown, 'FREEHOLDTEST\\bob:(OI)(CI)(M)', 'Everyone:(OI)(RX)', 'BUILTIN\\Administrators:(I)(OI)(CI)(F)')
    t.contains(s.run('acl', 'show', file).stdout, 'FREEHOLDTEST\\bob:(I)(M)', 'Everyone:(I)(RX)')
    # a path of this machine and a UNC path name the same
    t.equal(sddl_of(s, str(share.path / 'x')), sddl_of(s, at), 'SDDL by path')
    t.equal(sddl_of(s, '\\\\server\\%s\\X' % share.name), sddl_of(s, at), 'SDDL by UNC path in another case')
    # what bob may do is what it says
    t.smbclient(share, ['get x\\f -'], server=s, user='bob%B0b-Passw0rd')
    s.run('acl', 'deny', at, 'bob:(OI)(CI)N')
    t.contains(t.smbclient(share, ['get x\\f -'], server=s, user='bob%B0b-Passw0rd', ok=None), 'NT_STATUS_ACCESS_DENIED')
    t.contains(s.run('acl', 'show', at).stdout, 'FREEHOLDTEST\\bob:(OI)(CI)(N)')
    s.run('acl', 'revoke', at, 'bob', '--denied')
    t.smbclient(share, ['get x\\f -'], server=s, user='bob%B0b-Passw0rd')
    s.run('acl', 'grant', at, 'bob:(OI)(CI)R', '--replace')
    t.contains(s.run('acl', 'show', file).stdout, 'bob:(I)(R)')
    # inheritance off with a copy, without one, on again
    s.run('acl', 'inherit', file, 'd')
    t.contains(sddl_of(s, file), 'D:PAI(A;;')
    s.run('acl', 'revoke', at, 'bob')
    t.contains(s.run('acl', 'show', file).stdout, 'bob:(R)')
    s.run('acl', 'inherit', file, 'remove')
    s.run('acl', 'reset', file)
    t.equal(dacl(sddl_of(s, file))[1], inherited(dacl(sddl_of(s, at))[1], False, owner_of(sddl_of(s, file))), 'entries after a reset')
    # owner, label, SACL
    s.run('acl', 'set', file, '--owner', 'bob')
    s.run('acl', 'set', file, '--integrity', 'H')
    s.run('acl', 'set', at, 'S:AI(AU;OICISAFA;FA;;;WD)')
    t.contains(s.run('acl', 'show', file).stdout, 'Mandatory Label\\High Mandatory Level:(NW)')
    row = json.loads(s.run('acl', 'show', file, '-o', 'json').stdout)[0]
    t.equal(row['Owner'], 'FREEHOLDTEST\\bob', 'owner')
    t.contains(row['Sddl'], 'S:AI(ML;;NW;;;HI)(AU;IDSAFA;FA;;;WD)')
    # both changes of the folder's lists are in the audit log once its SACL asks for that
    s.run('acl', 'grant', at, 'Guests:R')
    for event in ('4907', '4670'):
        found = json.loads(s.run('audit', 'search', '--event', event, '-o', 'json', '--config', s.config).stdout)
        t.true(any(e['ObjectName'].endswith('x') and e['SubjectUserName'] == 'SYSTEM' for e in found), '%s: %s' % (event, found))
    # nothing is done with --what-if
    before = sddl_of(s, at)
    t.contains(s.run('acl', 'grant', at, 'bob:F', '--what-if').stdout, 'What if', 'bob:(F)')
    t.equal(sddl_of(s, at), before, 'SDDL after --what-if')
    # everything below as well
    s.run('acl', 'grant', root, 'bob:F', '/T', '/C')
    t.contains(s.run('acl', 'show', file).stdout, 'bob:(F)')
    t.true(json.loads(s.run('acl', 'jobs', '-o', 'json').stdout), 'no job was listed')
    for words in (('show', 'nosuch:/'), ('show', root + 'missing'), ('grant', at, 'nobody:F'), ('grant', at, 'bob:Q'),
                  ('grant', at, 'bob'), ('set', at, 'nonsense'), ('set', at), ('inherit', '/etc', 'e'),
                  ('reset', str(s.volume)), ('reset', at, '--recurse')):
        done = s.run('acl', *words, check=False)
        t.equal(done.returncode, 1, 'status of acl %s' % ' '.join(words))
        t.true(done.stderr.strip() != '', 'no reason on stderr for %s' % ' '.join(words))
    t.equal(s.run('acl', 'grant', at, check=False).returncode, 2, 'status of a wrong usage')
    s.stop()
    done = subprocess.run([s.binary, 'acl', 'show', at, '--config', s.config], stderr=subprocess.PIPE, text=True)
    t.equal(done.returncode, 1, 'status while the server does not run')
    t.contains(done.stderr, 'running server')


@case(freehold_only=True)
def smbcacls_and_freehold_see_the_same(t):
    s = t.own_server()
    share = t.share(server=s)
    root = share.name + ':/'
    s.run('acl', 'set', root, FULL_TO_ADMINISTRATORS)
    t.smbclient(share, ['mkdir x', 'mkdir x\\y'], server=s)

    def smbcacls(path, *words):
        return t.samba('smbcacls', '//%s/%s' % (s.host, share.name), path, *words, server=s, user=s.admin).stdout

    s.run('acl', 'grant', root + 'x', '%s:(OI)(CI)(RX,W)' % t.user.name, 'Guests:(CI)(IO)R')
    s.run('acl', 'deny', root + 'x', 'Guests:W')
    out = smbcacls('x')
    t.contains(out, 'CONTROL:SR|DI|DP', 'OWNER:', '%s:ALLOWED/OI|CI/RWX' % t.user.name,
               'Guests:ALLOWED/CI|IO/R', 'Guests:DENIED/0x0/0x00000116', 'Administrators:ALLOWED/OI|CI|I/FULL')
    t.contains(smbcacls('x\\y'), '%s:ALLOWED/OI|CI|I/RWX' % t.user.name)
    smbcacls('x', '-a', 'ACL:S-1-5-11:ALLOWED/OI|CI/CHANGE')
    t.contains(s.run('acl', 'show', root + 'x').stdout, 'NT AUTHORITY\\Authenticated Users:(OI)(CI)(M,DC)')
    # smbcacls writes no flag of automatic inheritance and hands nothing down; the next change here does
    s.run('acl', 'revoke', root + 'x', 'Guests')
    t.contains(s.run('acl', 'show', root + 'x/y').stdout, 'NT AUTHORITY\\Authenticated Users:(I)(OI)(CI)(M,DC)')
    t.true('Guests' not in smbcacls('x'), 'the entries of Guests are there still')


@case(freehold_only=True)
def watchers_hear_of_it_and_restarts_keep_it(t):
    s = t.own_server()
    share = t.share(server=s)
    root = share.name + ':/'
    s.run('acl', 'set', root, FULL_TO_ADMINISTRATORS)
    t.smbclient(share, ['mkdir x', 'mkdir x\\y'], server=s)
    watcher = subprocess.Popen([str(servers.TARGET / 'peers' / 'venv' / 'bin' / 'python'), str(HERE / 'peer_watcher.py'), s.host, str(s.port),
                                share.name, s.admin.name, s.admin.password, 'x'], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    t.finally_(lambda: (watcher.kill(), watcher.wait()))
    line = watcher.stdout.readline()
    t.true(line == 'ready\n', 'the watcher says %s' % line)
    s.run('acl', 'grant', root + 'x/y', 'Guests:R')
    t.equal(watcher.communicate(timeout=30)[0], 'y\n', 'what the watcher heard')
    s.run('acl', 'grant', root + 'x', 'Guests:(OI)(CI)R')
    before = [sddl_of(s, root + p) for p in ('', 'x', 'x/y')]
    s.kill()
    s.start()
    t.equal([sddl_of(s, root + p) for p in ('', 'x', 'x/y')], before, 'SDDL after a restart')


@case(freehold_only=True, seconds=900)
def a_saved_tree_is_restored_elsewhere(t):
    """10,000 files in icacls' form and in JSON, put back onto another tree of the same names: equal."""
    s = t.own_server()
    one, two = t.share(server=s), t.share(server=s)
    count = 0
    for share in (one, two):
        (share.path / 'tree').mkdir()
        tree = type(share)(share.name, share.path / 'tree')
        count = plant(tree, 20, 250)
    t.true(count >= 10000, 'only %d' % count)
    s.run('acl', 'set', one.name + ':/', FULL_TO_ADMINISTRATORS, timeout=600)
    s.run('acl', 'set', two.name + ':/', 'D:AI(A;OICI;FA;;;SY)', timeout=600)
    at = one.name + ':/tree'
    for n in range(0, 20, 3):
        s.run('acl', 'grant', '%s/d%03d' % (at, n), '*S-1-5-32-545:(OI)(CI)RX')
        s.run('acl', 'inherit', '%s/d%03d/sub' % (at, n), 'disable')
        s.run('acl', 'set', '%s/d%03d/f0001' % (at, n), 'O:BGS:(AU;SA;FA;;;WD)')

    def rows(share):
        out = s.run('acl', 'show', share.name + ':/tree', '--recurse', '-o', 'jsonl', timeout=600).stdout
        return {row['Path'].split(':', 1)[1]: row['Sddl'] for row in map(json.loads, out.splitlines())}

    def dacls(share):
        return {path: dacl(sddl) for path, sddl in rows(share).items()}

    for form in ('icacls', 'json'):
        file = t.folder / ('saved.' + form)
        t.contains(s.run('acl', 'save', at, '--file', file, '--recurse', '-o', form, timeout=600).stdout,
                   'Successfully processed %d files' % (count + 1))
        s.run('acl', 'reset', two.name + ':/tree', '--recurse', '--force', timeout=600)
        t.true(dacls(one) != dacls(two), 'the trees are equal before anything was restored')
        out = s.run('acl', 'restore', two.name + ':/', '--file', file, timeout=600).stdout
        t.contains(out, 'Successfully processed %d files; Failed processing 0 files' % (count + 1))
        if form == 'icacls':
            text = file.read_bytes()
            t.true(text.startswith(b'\xff\xfet\0r\0e\0e\0\r\0\n\0D\0:\0'), 'the file begins with %r' % text[:40])
            t.equal(dacls(two), dacls(one), 'DACLs')
        else:
            t.equal(rows(two), rows(one), 'descriptors')
    s.run('acl', 'restore', two.name + ':/', '--file', t.folder / 'saved.icacls', '--what-if')
    (t.folder / 'bad').write_text('neither form')
    t.equal(s.run('acl', 'restore', two.name + ':/', '--file', t.folder / 'bad', check=False).returncode, 1, 'status for a bad file')


class Workers:
    """Clients that make, write, rename and delete in the tree until they are told to stop."""

    def __init__(self, t, s, share, count=2):
        self.processes = []
        for n in range(count):
            self.processes.append(subprocess.Popen(
                [str(servers.TARGET / 'peers' / 'venv' / 'bin' / 'python'), str(HERE / 'peer_tree_worker.py'), s.host, str(s.port),
                 share.name, s.admin.name, s.admin.password, str(n)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True))
        t.finally_(self.kill)

    def ready(self, t):
        for p in self.processes:
            line = p.stdout.readline()
            t.true(line.startswith('ready'), 'a worker says %s' % (line + (p.stdout.read() if p.poll() is not None else '')))

    def stop(self, t):
        done = 0
        for p in self.processes:
            out = p.communicate('stop\n', timeout=120)[0]
            t.true(p.returncode == 0, 'a worker failed: %s' % out)
            done += int(out.split()[-1])
        return done

    def kill(self):
        for p in self.processes:
            if p.poll() is None:
                p.kill()
                p.wait()


def tree_size(t):
    """Folders and files of each."""
    return (50, 1000) if t.large else (25, 100)


@case(freehold_only=True, seconds=1800)
def inheritance_changes_while_clients_work(t):
    """5,000 files (100,000 with --large): a change of the root's list reaches every one, also those that clients make, move and
    rename meanwhile, as an independent reading finds."""
    s = t.own_server()
    share = t.share(server=s)
    count = plant_with_descriptors(s, share, *tree_size(t))
    root = share.name + ':/'
    workers = Workers(t, s, share)
    workers.ready(t)
    figures = []
    for change in (('grant', root, 'Guests:(OI)(CI)R'), ('revoke', root, 'Guests'), ('grant', root, 'Users:(OI)(CI)RX'),
                   ('deny', root, 'Guests:(OI)(CI)W')):
        begun = time.monotonic()
        s.run('acl', *change, timeout=1200)
        took = time.monotonic() - begun
        row = jobs(s)[-1]
        t.equal(row['Status'], 'done', 'status of the job')
        t.equal(row['Failed'], 0, 'objects that could not be changed')
        t.true(row['Changed'] >= count, 'only %d of %d were changed' % (row['Changed'], count))
        figures.append('%s: %d objects in %.1f s, %.0f/s' % (change[0], row['Visited'], took, row['Visited'] / took))
    # two changes of the same folder, the second while the first goes down: the last one stays
    s.run('acl', 'grant', root, 'Guests:(OI)(CI)F', '--no-wait')
    s.run('acl', 'grant', root, 'Guests:(OI)(CI)RX', '--replace', timeout=1200)
    operations = workers.stop(t)
    t.true(operations > 100, 'the clients did only %d operations' % operations)
    found = check_tree(t, s, root, count)
    for row in jobs(s):
        t.equal(row['Status'], 'done', 'status of job %d' % row['Id'])
    print('    acl: %d objects, %d operations of clients meanwhile; %s' % (found, operations, '; '.join(figures)), file=sys.stderr)


@case(freehold_only=True, seconds=1800)
def a_killed_server_goes_on(t):
    """kill -9 in the middle of a change of inheritance, three times: it goes on where it was and reaches everything."""
    s = t.own_server()
    share = t.share(server=s)
    folders, files = tree_size(t)
    count = plant_with_descriptors(s, share, folders, files)
    root = share.name + ':/'
    kills = 0
    # on a busy machine a job may be done before it is looked at again: then there is another change
    for right in ('R', 'RX', 'M', 'F', 'W'):
        s.run('acl', 'grant', root, 'Guests:(OI)(CI)' + right, '--replace', '--no-wait')
        job = jobs(s)[-1]['Id']
        for share_done in (0.2, 0.5, 0.8):
            while True:
                row = next(j for j in jobs(s) if j['Id'] == job)
                if row['Status'] in ('done', 'failed') or row['Visited'] >= count * share_done:
                    break
                time.sleep(0.005)
            if row['Status'] in ('done', 'failed'):
                break
            s.kill()
            kills += 1
            s.start()
        if kills:
            break
    t.true(kills > 0, 'each job was done before the server could be killed')
    row = wait_for(t, s, job, 1200)
    t.equal((row['Status'], row['Failed']), ('done', 0), 'the end of the job')
    t.equal(check_tree(t, s, root, count), count, 'objects in the tree')
    t.contains(s.run('acl', 'show', root + 'd%03d/sub/g%04d' % (folders - 1, files - 1)).stdout, 'Guests:(I)(%s)' % right)
    t.contains(s.log.read_text(), 'goes on')


@case(freehold_only=True)
def access_based_enumeration_and_share_access_count_together(t):
    """A listing leaves out what a user may not read, as soon as the share is set so; the share's own list narrows what files grant."""
    s = t.own_server()
    share = t.share(server=s)
    root = share.name + ':/'
    user = t.user.name
    s.run('acl', 'set', root, 'D:PAI(A;OICI;FA;;;BA)(A;OICI;0x1200a9;;;AU)')
    t.smbclient(share, ['mkdir open', 'mkdir closed', 'mkdir denied'], server=s, user=s.admin)
    s.run('acl', 'inherit', root + 'closed', 'disable')
    s.run('acl', 'revoke', root + 'closed', 'Authenticated Users')
    s.run('acl', 'deny', root + 'denied', user + ':R')

    def listed(as_user=None):
        out = t.smbclient(share, ['ls'], server=s, **({'user': as_user} if as_user else {}))
        return sorted(line.split()[0] for line in out.splitlines() if ' D ' in line and not line.strip().startswith('.'))

    t.equal(listed(), ['closed', 'denied', 'open'], 'names without access-based enumeration')
    s.run('share', 'set', share.name, '--access-based-enumeration', 'true')
    t.equal(listed(), ['open'], 'names with it')
    t.equal(listed(s.admin), ['closed', 'denied', 'open'], "an administrator's names")
    s.run('acl', 'grant', root + 'closed', user + ':RX')
    t.equal(listed(), ['closed', 'open'], 'names after a grant')
    s.run('share', 'set', share.name, '--access-based-enumeration', 'false')
    t.equal(listed(), ['closed', 'denied', 'open'], 'names without it again')
    # the share's list and the file's list together: the lesser of the two
    s.run('acl', 'grant', root + 'open', user + ':(OI)(CI)F')
    t.smbclient(share, ['mkdir open\\made'], server=s)
    s.run('share', 'set', share.name, '--access', 'D:(A;;FA;;;BA)(A;;0x1200a9;;;AU)')
    t.contains(t.smbclient(share, ['mkdir open\\more'], server=s, ok=None), 'NT_STATUS_ACCESS_DENIED')
    t.smbclient(share, ['ls open\\*'], server=s)
    s.run('share', 'grant', share.name, user, 'change')
    t.smbclient(share, ['mkdir open\\more'], server=s)
    t.contains(t.smbclient(share, ['mkdir closed\\no'], server=s, ok=None), 'NT_STATUS_ACCESS_DENIED')
    s.run('share', 'block', share.name, user)
    t.contains(t.smbclient(share, ['ls'], server=s, ok=None), 'NT_STATUS_ACCESS_DENIED')


@case(freehold_only=True)
def files_of_icacls_are_taken(t):
    """What icacls /save writes on Windows: with and without a byte-order mark, short names of accounts, conditions, accounts of another
    server that /substitute replaces; and what is written here is such a file."""
    s = t.own_server()
    share = t.share(server=s)
    root = share.name + ':/'
    s.run('acl', 'set', root, FULL_TO_ADMINISTRATORS)
    t.smbclient(share, ['mkdir plans', 'mkdir plans\\2027', 'put /etc/hostname plans\\2027\\B\u00fcdget.txt'], server=s)
    s.run('user', 'add', 'anna', '--password-stdin', stdin='Ann4-Passw0rd\n')
    accounts = json.loads(s.run('user', 'list', '-o', 'json').stdout)
    anna = next(u['Sid'] for u in accounts if u['Name'] == 'anna')
    machine = anna.rpartition('-')[0]
    foreign = 'S-1-5-21-3623811015-3361044348-30300820-1105'
    lines = ['plans', 'D:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;0x1301bf;;;DU)(A;OICIIO;SDGXGWGR;;;CO)',
             'plans\\2027', 'D:AI(D;;DCLCRPDTSDCRWDWO;;;LG)(A;OICI;0x1200a9;;;%s)(A;OICIID;FA;;;SY)' % foreign,
             'plans\\2027\\B\u00fcdget.txt', 'D:AI(XA;;FR;;;WD;(@User.Dept=="Sales" && Member_of {SID(BU)}))(A;ID;FA;;;BA)']
    for mark in (b'\xff\xfe', b''):
        file = t.folder / 'from-windows.acl'
        file.write_bytes(mark + '\r\n'.join(lines + ['']).encode('utf-16-le'))
        s.run('acl', 'reset', root + 'plans', '/T', '--force')
        t.contains(s.run('acl', 'restore', root, '--file', file, '/substitute', foreign, 'anna').stdout,
                   'Successfully processed 3 files; Failed processing 0 files')
        wanted = [line.replace('DU)', machine + '-513)').replace('LG)', machine + '-501)').replace(foreign, anna)
                  .replace('DCLCRPDTSDCRWDWO', '0xd0156').replace('SDGXGWGR', '0xe0010000')
                  .replace('Dept=="', 'Dept == "') for line in lines[1::2]]
        for path, sddl in zip(lines[::2], wanted):
            got = sddl_of(s, root + path.replace('\\', '/'))
            t.equal(normal(got[got.index('D:'):]), normal(sddl), 'DACL of %s' % path)
        # and back: a file of the same form that says the same
        out = t.folder / 'saved.acl'
        s.run('acl', 'save', root + 'plans', '--file', out, '/T', '/Q')
        data = out.read_bytes()
        t.true(data.startswith(b'\xff\xfe') and data.endswith('\r\n'.encode('utf-16-le')), 'the form of %r' % data[:60])
        written = data[2:].decode('utf-16-le').split('\r\n')
        t.equal(written[::2], ['plans', 'plans\\2027', 'plans\\2027\\B\u00fcdget.txt', ''], 'names')
        t.equal([normal(line) for line in written[1::2]], [normal(line) for line in wanted], 'descriptors')
    # a mistake names the line, and nothing is changed
    before = sddl_of(s, root + 'plans')
    for wrong, line in ((['plans', 'D:(A;;QQ;;;BA)'], 'line 2'), (['plans'], 'ends behind a name')):
        file.write_bytes('\r\n'.join(wrong + ['']).encode('utf-16-le'))
        done = s.run('acl', 'restore', root, '--file', file, check=False)
        t.equal(done.returncode, 1, 'status')
        t.contains(done.stderr, line)
    t.equal(sddl_of(s, root + 'plans'), before, 'the list after mistakes')
    done = s.run('acl', 'restore', root, '--file', out, '--substitute', 'nobody', 'anna', check=False)
    t.equal(done.returncode, 1, 'status for an unknown account')
    t.contains(done.stderr, 'nobody')


def normal(sddl):
    """The DACL as flags and entries, masks as numbers: names of rights can be written in more than one way."""
    names = {'FA': 0x1F01FF, 'FR': 0x120089, 'FW': 0x120116, 'FX': 0x1200A0}
    bits = {'CC': 1, 'DC': 2, 'LC': 4, 'SW': 8, 'RP': 16, 'WP': 32, 'DT': 64, 'LO': 128, 'CR': 256, 'SD': 1 << 16, 'RC': 1 << 17,
            'WD': 1 << 18, 'WO': 1 << 19, 'GA': 1 << 28, 'GX': 1 << 29, 'GW': 1 << 30, 'GR': 1 << 31}
    flags, entries = dacl(sddl)
    said = []
    for entry in entries:
        kind, on, mask, *rest = entry.split(';')
        if mask in names:
            number = names[mask]
        elif mask.startswith('0x'):
            number = int(mask, 16)
        else:
            number = sum(bits[mask[at:at + 2]] for at in range(0, len(mask), 2))
        said.append((kind, on, number, rest))
    return flags, said
