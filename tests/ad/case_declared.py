"""State as a file declares it, with accounts of the domain: export, wipe, apply; what the directory does not know."""
import json
import shutil

from rig.harness import case


def export(s, form='toml'):
    return s.run('export', '-o', form, timeout=60).stdout


def furnish(s):
    """Shares, groups of the server and quotas that name users and groups of the domain, nested and not ASCII ones among them."""
    s.run('group', 'add', 'local-team', '--comment', 'Ours')
    for member in ('CORP\\alice', 'CORP\\engineering'):
        s.run('group', 'add-member', 'local-team', member)
    for n, (account, right) in enumerate((('CORP\\alice', 'full'), ('CORP\\engineering', 'change'), ('CORP\\zoë', 'read'),
                                          ('CORP\\fs-readers', 'read'), ('local-team', 'change'))):
        name = 'share%d' % n
        s.run('share', 'add', name, '--volume', 'data', '--path', 'tree/%d' % n)
        s.run('share', 'grant', name, account, right)
        s.run('share', 'block', name, 'CORP\\mallory')
    s.run('quota', 'mode', 'data', 'enforce')
    s.run('quota', 'default', 'data', '--limit', '1GB', '--warning', '900MB')
    for account, limit in (('CORP\\bob', '5GB'), ('CORP\\zoë', 'none'), ('worker0@corp.example', '300MB')):
        s.run('quota', 'set', account, '--volume', 'data', '--limit', limit, '--warning', 'none')
    for group, limit in (('CORP\\tier1', '2GB'), ('CORP\\Domain Users', '100MB'), ('local-team', '7GB')):
        s.run('quota', 'group', 'set', group, '--volume', 'data', '--limit', limit, timeout=60)


@case(freehold_only=True)
def an_export_with_accounts_of_the_domain_makes_the_same_state(t):
    s = t.own_server()
    furnish(s)
    text, document = export(s), export(s, 'json')
    t.contains(text, 'CORP\\alice', 'CORP\\zoë', 'CORP\\tier1', 'CORP\\Domain Users', 'S-1-5-21-1111111111-')
    t.true('worker0' in text and '@' not in text, 'one spelling of a name: %s' % text)
    (t.folder / 'state.toml').write_text(text)
    (t.folder / 'state.json').write_text(document)
    # Everything goes but the volume's files; the membership is made anew.
    s.stop()
    shutil.rmtree(s.state)
    s.state.mkdir(mode=0o700)
    s.users.clear()
    s.start()
    s.join()
    t.bed.replicated(s.name + '$')
    t.true('alice' not in export(s), 'the state is wiped')
    done = s.run('apply', str(t.folder / 'state.toml'), '--what-if', timeout=60)
    t.contains(done.stdout, 'CORP\\bob', 'CORP\\tier1', 'share2')
    t.true('alice' not in export(s), 'what-if changes nothing')
    done = s.run('apply', str(t.folder / 'state.toml'), '-o', 'json', timeout=60)
    rows = json.loads(done.stdout)
    t.true(rows and all(row['Done'] for row in rows), 'what was done: %s' % done.stdout)
    t.equal(export(s), text, 'the export after apply')
    t.equal(export(s, 'json'), document, 'the export after apply, as JSON')
    for form in ('toml', 'json'):
        done = s.run('apply', str(t.folder / ('state.' + form)), '--prune', '-o', 'json', timeout=60)
        t.equal((json.loads(done.stdout), done.stderr), ([], 'Nothing changes: the state is as declared.\n'), 'applied twice')
    # What was applied is in force: the rule of a nested group, an own entry, a share's access.
    row = json.loads(s.run('quota', 'list', 'data', '--user', 'CORP\\otto', '-o', 'json').stdout)[0]
    t.equal((row['Group'], row['Limit']), ('CORP\\tier1', 2 << 30), 'otto')
    row = json.loads(s.run('quota', 'list', 'data', '--user', 'CORP\\bob', '-o', 'json').stdout)[0]
    t.equal((row['Source'], row['Limit']), ('Own', 5 << 30), 'bob')
    s.open_root('share0')
    t.equal(t.logon(t.domain_user('alice'), server=s, share='share0'), 'ok', 'alice')
    t.equal(t.logon(t.domain_user('mallory'), server=s, share='share0'), 'NT_STATUS_ACCESS_DENIED', 'mallory')


@case(freehold_only=True)
def what_the_directory_does_not_know_is_refused_with_its_line(t):
    s = t.own_server()
    furnish(s)
    before = export(s)
    file = t.folder / 'wrong.toml'
    quotas = '[[Quotas]]\nVolume = "data"\n'
    for text, line, name in (
            (quotas + '[[Quotas.Users]]\nAccount = "CORP\\\\bob"\nLimit = "1GB"\n[[Quotas.Users]]\nAccount = "CORP\\\\nobody-there"\n'
             'Limit = "1GB"\n', 7, 'nobody-there'),
            (quotas + '[[Quotas.Groups]]\nAccount = "CORP\\\\no-group"\nLimit = "1GB"\n', 4, 'no-group'),
            ('[[Shares]]\nName = "new"\nVolume = "data"\nPath = "fresh"\nFullAccess = [\n  "CORP\\\\alice",\n  "CORP\\\\nobody-there",\n]\n', 7,
             'nobody-there'),
            ('[[Groups]]\nName = "local-team"\nMembers = [\n  "CORP\\\\bob",\n  "nobody-there@corp.example",\n]\n', 5, 'nobody-there'),
            (quotas + '[[Quotas.Users]]\nAccount = "CORP\\\\bob"\nSid = "S-1-5-21-1111111111-2222222222-3333333333-999999"\n'
             'Limit = "1GB"\n', 4, 'correct the SID')):
        file.write_text(text)
        done = s.run('apply', str(file), check=False, timeout=60)
        t.equal(done.returncode, 1, 'status for %r' % text)
        t.contains(done.stderr, 'wrong.toml:%d: ' % line, name)
        t.equal(export(s), before, 'the state after %r' % text)
    t.true(not (s.volume / 'fresh').exists(), 'no folder was made')
