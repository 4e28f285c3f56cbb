"""Namespaces that the directory keeps: two servers, one namespace, and the entries as the directory shows them."""
import base64
import re
import threading
import time

from controllers import BASE, frozen
from rig.harness import Failed, case

CONTAINER = 'CN=Dfs-Configuration,CN=System,' + BASE
DELEGATING = threading.Lock()
# [MS-DFSNM] 2.3.4.2 and 2.3.4.3: what every entry has.
NAMESPACE = ('msDFS-SchemaMajorVersion', 'msDFS-SchemaMinorVersion', 'msDFS-NamespaceIdentityGUIDv2', 'msDFS-GenerationGUIDv2',
             'msDFS-LastModifiedv2', 'msDFS-Ttlv2', 'msDFS-TargetListv2', 'msDFS-Propertiesv2')
LINK = ('msDFS-NamespaceIdentityGUIDv2', 'msDFS-LinkIdentityGUIDv2', 'msDFS-GenerationGUIDv2', 'msDFS-LinkPathv2',
        'msDFS-LastModifiedv2', 'msDFS-Ttlv2', 'msDFS-TargetListv2', 'msDFS-Propertiesv2')
# The form that [MS-DFSNM] 8 gives the list of targets.
LIST = re.compile(r'<\?xml version="1\.0"\?><targets majorVersion="2" minorVersion="0" totalStringLengthInBytes="\d+" '
                  r'targetCount="(\d+)" xmlns="http://schemas\.microsoft\.com/dfs/2007/03">'
                  r'(<target priorityClass="\w+" priorityRank="\d+" state="\w+">[^<>]+</target>)+</targets>')


def entries(t, query, base_name=''):
    """Entries of the directory whose name has `base_name`: (name, attributes with the first value as text or bytes)."""
    found = []
    for block in t.bed.dc1.search(query).split('\n\n'):
        values = {}
        for line in block.splitlines():
            name, colon, value = line.partition(': ')
            if name.endswith(':'):
                values.setdefault(name[:-1], base64.b64decode(value))
            elif colon:
                values.setdefault(name, value)
        if 'dn' in values and base_name.lower() in str(values['dn']).lower():
            found.append(values)
    return found


def delegate(t, *servers):
    """Lets these servers change namespaces, as `freehold dfs` says that it is done. One at a time: samba-tool reads the list,
    adds the entry and writes the list."""
    for s in servers:
        sid = t.bed.dc1.tool('computer', 'show', s.name, '--attributes=objectSid')
        sid = re.search(r'S-1-5-21-[-0-9]+', sid).group(0)
        with DELEGATING:
            t.bed.dc1.tool('dsacl', 'set', '--objectdn=' + CONTAINER, '--sddl=(A;CI;GA;;;%s)' % sid)


def member(t, *shares):
    s = t.own_server()
    for name in shares:
        s.add_share(name)
        s.open_root(name)
    return s


def until(t, what, condition, seconds):
    """How long it takes until the condition holds."""
    began = time.monotonic()
    while True:
        if condition():
            return time.monotonic() - began
        if time.monotonic() - began > seconds:
            raise Failed('%s: not within %d s' % (what, seconds))
        time.sleep(0.1)


def folders(s, namespace):
    return {row['Path'].partition('\\' + namespace + '\\')[2]: row for row in s.as_json('dfs', 'folder', 'list', namespace)}


def refused(s, *words):
    done = s.run(*words, check=False)
    if done.returncode != 1:
        raise Failed('%s: status %d, %s%s' % (' '.join(words), done.returncode, done.stdout, done.stderr))
    return done.stderr


def fetch(t, s, share, path, user):
    local = t.folder / 'fetched'
    local.unlink(missing_ok=True)
    t.samba('smbclient', '//%s/%s' % (s.host, share), '-c', 'get %s %s' % (path, local), user=user, timeout=120)
    return local.read_text()


def put(t, s, share, name, text):
    local = t.folder / 'local'
    local.write_text(text)
    t.samba('smbclient', '//%s/%s' % (s.host, share), '-c', 'put %s %s' % (local, name), user=t.domain_user('alice'))


def remove_all(*servers_and_name):
    *all_servers, name = servers_and_name
    for s in all_servers:
        s.run('dfs', 'namespace', 'remove', name, '--force')


@case(freehold_only=True)
def one_namespace_on_two_servers(t):
    one, two = member(t, 'files', 'data'), member(t, 'files')
    add = ('dfs', 'namespace', 'add', 'files', '--domain')
    t.contains(refused(one, *add), 'FS', 'may not change the namespaces', 'dsacl', CONTAINER)
    t.equal(entries(t, '(msDFS-SchemaMajorVersion=2)', 'CN=files,'), [], 'what is left of a refusal')
    # as somebody who may
    who = ('--user', t.administrator.name.rpartition('\\')[2], '--password-file', '-')
    one.run(*add, *who, stdin=t.administrator.password + '\n')
    t.equal(len(entries(t, '(objectClass=msDFS-Namespacev2)', 'CN=files,CN=files,' + CONTAINER)), 1, 'made by an administrator')
    t.contains(refused(one, 'dfs', 'folder', 'add', r'files\x', '--target', r'\\x\y'), 'may not change the namespaces')
    one.run('dfs', 'namespace', 'remove', 'files', '--force', *who, stdin=t.administrator.password + '\n')
    t.equal(entries(t, '(msDFS-SchemaMajorVersion=2)', 'CN=files,'), [], 'what is left of it')
    delegate(t, one, two)
    one.run(*add, '--description', 'All files', '--target-failback', 'true')
    two.run(*add)
    t.contains(refused(two, *add), 'exists')
    rows = [s.as_json('dfs', 'namespace', 'show', 'files') for s in (one, two)]
    until(t, 'the second root target', lambda: len(one.as_json('dfs', 'namespace', 'show', 'files')['TargetPaths']) == 2, 10)
    rows[0] = one.as_json('dfs', 'namespace', 'show', 'files')
    t.equal(rows[0], rows[1], 'the namespace at both servers')
    t.equal((rows[0]['Path'], rows[0]['Type'], rows[0]['Description']), (r'\\corp.example\files', 'Domain V2', 'All files'), 'the namespace')
    t.equal(sorted(rows[0]['TargetPaths']), sorted(r'\\%s\files' % s.host for s in (one, two)), 'who holds the root')

    put(t, one, 'data', 'where', 'on the first\n')
    one.run('dfs', 'folder', 'add', r'files\way\data', '--target', r'\\%s\data' % one.host, '--description', 'a & b')
    seconds = until(t, 'the folder at the other server', lambda: r'way\data' in folders(two, 'files'), 10)
    print('    a folder added on one server was there on the other after %.1f s' % seconds, flush=True)
    t.equal(folders(two, 'files'), folders(one, 'files'), 'the folders')
    for s in (one, two):
        until(t, 'the folder in the share', lambda: (s.volume / 'files' / 'way' / 'data').is_dir(), 30)
        t.equal(fetch(t, s, 'files', r'way\data\where', t.domain_user('alice')), 'on the first\n', 'from ' + s.name)
        listed = t.samba('rpcclient', s.host, '-c', 'dfsenum 3', user=s.local_admin).stdout
        t.contains(listed, r'corp.example\files\way\data')

    # the entries against the specification
    root, = entries(t, '(objectClass=msDFS-Namespacev2)', 'CN=files,CN=files,' + CONTAINER)
    t.equal([name for name in NAMESPACE if name not in root], [], 'attributes that the namespace misses')
    t.equal((root['msDFS-SchemaMajorVersion'], root['msDFS-SchemaMinorVersion'], root['msDFS-Commentv2']), ('2', '0', 'All files'), 'the namespace')
    link, = entries(t, '(objectClass=msDFS-Linkv2)', ',CN=files,CN=files,' + CONTAINER)
    t.equal([name for name in LINK if name not in link], [], 'attributes that the link misses')
    t.equal((link['msDFS-LinkPathv2'], link['msDFS-Commentv2'], link['msDFS-Ttlv2']), ('way/data', 'a & b', '1800'), 'the link')
    t.equal(link['msDFS-NamespaceIdentityGUIDv2'], root['msDFS-NamespaceIdentityGUIDv2'], 'whose link it is')
    for entry, count in ((root, '2'), (link, '1')):
        document = entry['msDFS-TargetListv2']
        t.equal(document[:2], b'\xff\xfe', 'the byte order mark')
        form = LIST.fullmatch(document[2:].decode('utf-16-le'))
        t.true(form, 'a list of targets: %r' % document)
        t.equal(form.group(1), count, 'how many targets')
        t.true(re.fullmatch(r'\d{14}\.0Z', entry['msDFS-LastModifiedv2']), entry['msDFS-LastModifiedv2'])

    two.run('dfs', 'folder', 'remove', r'files\way\data', '--force')
    until(t, 'the removal at the other server', lambda: not folders(one, 'files'), 10)
    # this controller has no dynamic entries, in which a link's identity would stay: the namespace says that something is gone
    after, = entries(t, '(objectClass=msDFS-Namespacev2)', 'CN=files,CN=files,' + CONTAINER)
    t.true(after['msDFS-GenerationGUIDv2'] != root['msDFS-GenerationGUIDv2'], 'the namespace says nothing of the removal')
    t.equal(entries(t, '(objectClass=msDFS-Linkv2)', ',CN=files,CN=files,' + CONTAINER), [], 'links')

    one.run('dfs', 'namespace', 'remove', 'files', '--force')
    t.equal([row['Name'] for row in one.as_json('dfs', 'namespace', 'list')], [], 'at the server that went')
    until(t, 'the root target that went', lambda: two.as_json('dfs', 'namespace', 'show', 'files')['TargetPaths'] == [r'\\%s\files' % two.host], 10)
    two.run('dfs', 'namespace', 'remove', 'files', '--force')
    t.equal(entries(t, '(objectClass=*)', 'CN=files,' + CONTAINER), [], 'what is left of the namespace')


@case(freehold_only=True)
def changes_of_both_at_once(t):
    """Nothing is lost, and who would undo what the other did at the same moment is told."""
    one, two = member(t, 'both'), member(t, 'both')
    delegate(t, one, two)
    one.run('dfs', 'namespace', 'add', 'both', '--domain')
    two.run('dfs', 'namespace', 'add', 'both', '--domain')
    one.run('dfs', 'folder', 'add', r'both\shared', '--target', r'\\first\data')
    until(t, 'the folder at the other server', lambda: 'shared' in folders(two, 'both'), 10)
    failures, told = [], []

    def changes(s, side):
        for n in range(12):
            for words in (('folder', 'add', r'both\of-%s-%d' % (side, n), '--target', r'\\x\data'),
                          ('target', 'add', r'both\shared', r'\\%s%d\data' % (side, n)),
                          # the same name by both: one of them is told
                          ('folder', 'add', r'both\same-%d' % n, '--target', r'\\%s\data' % side),
                          # below the other's
                          ('folder', 'add', r'both\nested-%d' % n + ('' if side == 'a' else r'\below'), '--target', r'\\x\data'),
                          ('folder', 'set', r'both\shared', '--description', '%s %d' % (side, n))):
                done = s.run('dfs', *words, check=False)
                if done.returncode:
                    (told if any(w in words[2] for w in ('same', 'nested')) or '--description' in words else failures).append((words, done.stderr))

    threads = [threading.Thread(target=changes, args=(s, side)) for s, side in ((one, 'a'), (two, 'b'))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    t.equal(failures, [], 'changes that conflict with nothing')
    until(t, 'both the same', lambda: folders(one, 'both') == folders(two, 'both'), 10)
    there = folders(one, 'both')
    for side in 'ab':
        t.equal([n for n in range(12) if 'of-%s-%d' % (side, n) not in there], [], 'folders of %s that are lost' % side)
        t.equal([n for n in range(12) if r'\\%s%d\data' % (side, n) not in there['shared']['TargetPaths']], [], 'targets of %s that are lost' % side)
    t.equal(len(there['shared']['TargetPaths']), 25, 'targets of the folder that both changed')
    for n in range(12):
        t.true('same-%d' % n in there, 'same-%d is nobody\'s' % n)
        t.equal(len(there['same-%d' % n]['TargetPaths']), 1, 'targets of same-%d' % n)
        nested = [name for name in there if name.startswith('nested-%d' % n) and name in ('nested-%d' % n, r'nested-%d\below' % n)]
        t.equal(len(nested), 1, 'which of the nested ones is there: %s' % nested)
    same = [message for words, message in told if 'same' in words[2]]
    t.equal(len(same), 12, 'who came second was told: %s' % told)
    t.equal([m for m in same if 'exists' not in m and 'already' not in m], [], 'what he was told')
    comments = [message for words, message in told if '--description' in words]
    t.equal([m for m in comments if 'at the same time' not in m], [], 'what is said of a conflict')
    print('    of 24 descriptions %d met the other server\'s' % len(comments), flush=True)
    links = entries(t, '(objectClass=msDFS-Linkv2)', ',CN=both,CN=both,' + CONTAINER)
    t.equal(sorted(link['msDFS-LinkPathv2'].replace('/', '\\') for link in links), sorted(there), 'the entries')
    remove_all(one, two, 'both')


@case(freehold_only=True)
def an_entry_made_by_hand_is_served(t):
    """As a Windows server writes it, with what this server does not know; that survives a change."""
    s = member(t, 'hand', 'data')
    delegate(t, s)
    put(t, s, 'data', 'where', 'by hand\n')

    def targets(*uncs, more=''):
        text = ('<?xml version="1.0" encoding="utf-16"?>\r\n<targets majorVersion="2" minorVersion="0" targetCount="%d" '
                'totalStringLengthInBytes="100" xmlns="http://schemas.microsoft.com/dfs/2007/03">' % len(uncs))
        text += ''.join('<target state="online" priorityClass="siteCostNormal" priorityRank="0"%s>%s</target>' % (more, unc) for unc in uncs)
        return base64.b64encode(b'\xff\xfe' + (text + '</targets>').encode('utf-16-le')).decode()

    identity = base64.b64encode(bytes(range(16))).decode()
    common = 'msDFS-GenerationGUIDv2:: %s\nmsDFS-LastModifiedv2: 20261128040000.0Z\nmsDFS-Ttlv2: 300\nmsDFS-NamespaceIdentityGUIDv2:: %s\n' % (
        identity, identity)
    t.bed.dc1.modify('''dn: CN=hand,{c}
changetype: add
objectClass: msDFS-NamespaceAnchor
msDFS-SchemaMajorVersion: 2

dn: CN=hand,CN=hand,{c}
changetype: add
objectClass: msDFS-Namespacev2
msDFS-SchemaMajorVersion: 2
msDFS-SchemaMinorVersion: 0
{common}msDFS-Propertiesv2: State=Okay
msDFS-Propertiesv2: ReferralSiteCosting=on
msDFS-TargetListv2:: {root}

dn: CN=link-00010203-0405-0607-0809-0a0b0c0d0e0f,CN=hand,CN=hand,{c}
changetype: add
objectClass: msDFS-Linkv2
{common}msDFS-LinkIdentityGUIDv2:: {identity}
msDFS-LinkPathv2: made/by hand
msDFS-Propertiesv2: State=Online
msDFS-Propertiesv2: Colour=red
msDFS-TargetListv2:: {link}
'''.format(c=CONTAINER, common=common, identity=identity, root=targets('\\\\%s\\hand' % s.name),
           link=targets('\\\\%s\\data' % s.host, more=' weight="7"')))
    seconds = until(t, 'the namespace', lambda: s.as_json('dfs', 'namespace', 'list'), 60)
    print('    a namespace that names this server was served after %.1f s' % seconds, flush=True)
    row = s.as_json('dfs', 'namespace', 'show', 'hand')
    t.equal((row['Properties'], row['TargetPaths']), (['Site Costing'], [r'\\%s\hand' % s.name]), 'the namespace')
    until(t, 'the folder', lambda: (s.volume / 'hand' / 'made' / 'by hand').is_dir(), 30)
    t.equal(fetch(t, s, 'hand', r'"made\by hand\where"', t.domain_user('alice')), 'by hand\n', 'through the folder')
    s.run('dfs', 'target', 'add', r'hand\made\by hand', r'\\other\data', '--rank', '3')
    link, = entries(t, '(objectClass=msDFS-Linkv2)', ',CN=hand,CN=hand,' + CONTAINER)
    text = link['msDFS-TargetListv2'][2:].decode('utf-16-le')
    t.contains(text, 'weight="7">', r'priorityRank="3" state="online">\\other\data<')
    t.contains(t.bed.dc1.search('(msDFS-LinkPathv2=made/by hand)', 'msDFS-Propertiesv2'), 'Colour=red')
    # what goes without a trace is seen when the namespace says that something has changed, and in any case later
    t.bed.dc1.modify('''dn: CN=link-00010203-0405-0607-0809-0a0b0c0d0e0f,CN=hand,CN=hand,{c}
changetype: delete

dn: CN=hand,CN=hand,{c}
changetype: modify
replace: msDFS-LastModifiedv2
msDFS-LastModifiedv2: 20261128050000.0Z
'''.format(c=CONTAINER))
    until(t, 'the removal', lambda: not folders(s, 'hand'), 10)
    s.run('dfs', 'namespace', 'remove', 'hand', '--force')


@case(freehold_only=True)
def a_controller_leads_clients_to_the_servers(t):
    """A client that knows the domain's name alone: Samba's controllers send it on by a share of the namespace's name."""
    s = member(t, 'led', 'data')
    delegate(t, s)
    s.run('dfs', 'namespace', 'add', 'led', '--domain')
    s.run('dfs', 'folder', 'add', r'led\data', '--target', r'\\%s\data' % s.host)
    put(t, s, 'data', 'where', 'led here\n')
    until(t, 'the folder', lambda: (s.volume / 'led' / 'data').is_dir(), 30)
    for dc in (t.bed.dc1, t.bed.dc2):
        dc.lead('led', s.host)
    local = t.folder / 'led'
    out = t.samba('smbclient', '//corp.example/led', '-c', 'ls; get data\\where %s' % local, user=t.domain_user('alice'), timeout=120).stdout
    t.contains(out, 'data')
    t.equal(local.read_text(), 'led here\n', 'through the domain, the root and a folder')
    remove_all(s, 'led')


@case(alone=True, freehold_only=True)
def no_controller_answers(t):
    """The namespace is served as it was, after a restart too; a change is refused with what to do, and made when one is back."""
    s = member(t, 'alone', 'data')
    delegate(t, s)
    s.run('dfs', 'namespace', 'add', 'alone', '--domain')
    s.run('dfs', 'folder', 'add', r'alone\data', '--target', r'\\%s\data' % s.host)
    put(t, s, 'data', 'where', 'here\n')
    with frozen(t.bed.dc1, t.bed.dc2):
        for when in ('at once', 'after a restart'):
            until(t, 'the folder', lambda: (s.volume / 'alone' / 'data').is_dir(), 30)
            t.equal(fetch(t, s, 'alone', r'data\where', s.local_admin), 'here\n', when)
            t.equal(list(folders(s, 'alone')), ['data'], when)
            if when == 'at once':
                s.restart()
        began = time.monotonic()
        t.true(len(refused(s, 'dfs', 'folder', 'add', r'alone\more', '--target', r'\\x\y')) > 30, 'a reason')
        print('    a change without a controller was refused after %.1f s' % (time.monotonic() - began), flush=True)
        t.equal(list(folders(s, 'alone')), ['data'], 'after the refusal')
    until(t, 'a change', lambda: s.run('dfs', 'folder', 'add', r'alone\more', '--target', r'\\x\y', check=False).returncode == 0, 60)
    t.equal(sorted(folders(s, 'alone')), ['data', 'more'], 'the folders')
    remove_all(s, 'alone')
