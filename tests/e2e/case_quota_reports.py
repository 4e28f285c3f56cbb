"""What quota reports say by type and by age, as clients make, change, rename and remove files; and quotas that follow their folder."""
import os
import signal
import time

from case_quota_admin import FULL, KB, Desk, quota, wait_for
from rig.harness import case

DAY = 86400


def report(s, by):
    return {r['Name']: (r['Files'], r['DiskSpaceUsed']) for r in quota(s, 'report', 'data', '--by', by) if r['Files']}


@case(freehold_only=True)
def reports_by_type_and_age_follow_what_clients_do(t):
    d = Desk(t)
    s = d.server
    for name, kilobytes in (('a.docx', 10), ('b.XLSX', 20), ('c.jpg', 30), ('d', 40)):
        t.equal(d.put(name, kilobytes), 'ok', name)
    t.equal(report(s, 'type'), {'Office Files': (2, 30 * KB), 'Image Files': (1, 30 * KB), 'Other Files': (1, 40 * KB)}, 'types')
    t.equal(report(s, 'age'), {'up to 7 days': (4, 100 * KB)}, 'ages')
    owner = [r for r in quota(s, 'report', 'data') if r['Name'].endswith('worker')][0]
    t.equal(owner['DiskSpaceUsed'], 100 * KB, 'the owner has as much')
    rows = quota(s, 'report', 'data', '--by', 'type', '--top', '1')
    t.equal([(r['Name'], r['Percent'], r['Limit'], r['Status']) for r in rows], [('Other Files', 40.0, None, 'OK')], 'the most of all')
    t.equal(len(quota(s, 'report', 'data', '--by', 'age')), 8, 'every age has a row')
    d.do('rename c.jpg c.tmp', 'del d', 'mkdir folder.docx')
    t.equal(report(s, 'type'), {'Office Files': (2, 30 * KB), 'Temporary Files': (1, 30 * KB)}, 'types after a rename and a removal')
    d.do('utimes a.docx -1 -1 2022:01:01-00:00:00 -1')
    t.equal(report(s, 'age'), {'up to 7 days': (2, 50 * KB), '2 to 5 years': (1, 10 * KB)}, 'ages after a time was set')
    t.equal(d.put('a.docx', 15), 'ok', 'written again')
    t.equal(report(s, 'age'), {'up to 7 days': (3, 65 * KB)}, 'what is written to is young again')
    text = s.run('quota', 'report', 'data', '--by', 'type').stdout
    t.contains(text, 'Office Files', 'Temporary Files')


@case(freehold_only=True)
def reports_are_exact_after_a_kill_without_a_count(t):
    d = Desk(t)
    s = d.server
    t.equal(d.put('a.docx', 10), 'ok', 'a file')
    before = report(s, 'type')
    os.kill(s.process.pid, signal.SIGKILL)
    s.process.wait()
    s.start()
    t.equal(report(s, 'type'), before, 'types right after the start')
    # A file that comes in behind the server is found by a recount, as usage is.
    (s.volume / d.share.name / 'behind.zip').write_bytes(b'x' * KB)
    s.run('quota', 'recount', 'data', check=False)
    t.equal(report(s, 'type'), dict(before, **{'Compressed Files': (1, KB)}), 'types after a recount')


@case(freehold_only=True)
def a_quota_follows_its_folder_to_another_parent(t):
    d = Desk(t)
    s, name = d.server, d.share.name
    quota(s, 'mode', 'data', 'enforce')
    d.do('mkdir teams', 'mkdir teams\\red', 'mkdir teams\\red\\inner', 'mkdir old')
    quota(s, 'folder', 'add', name + ':/teams/red', '--size', '100KB', '--description', 'Red')
    quota(s, 'folder', 'add', name + ':/teams/red/inner', '--size', '30KB')
    t.equal(d.put('teams/red/a', 60), 'ok', 'below')

    def paths():
        return sorted(r['Path'][len(name) + 1:] for r in quota(s, 'folder', 'list'))

    d.do('rename teams\\red old\\crimson')
    wait_for('both quotas go along', lambda: paths() == ['old/crimson', 'old/crimson/inner'])
    row = quota(s, 'folder', 'list', name + ':/old/crimson')[0]
    t.equal((row['Size'], row['Description'], row['Usage']), (100 * KB, 'Red', 60 * KB), 'it is the same quota')
    t.equal(d.put('old/crimson/b', 60), FULL, 'and holds there')
    d.do('rename old elsewhere')
    wait_for('quotas below a renamed folder go along', lambda: paths() == ['elsewhere/crimson', 'elsewhere/crimson/inner'])
    t.equal(d.put('elsewhere/crimson/inner/c', 40), FULL, 'the inner one, too')


@case(freehold_only=True, alone=True)
def new_subfolders_have_their_quota_at_once(t):
    """Each within two seconds, and the most of them well before the next look at the disk, which is every two seconds."""
    d = Desk(t)
    s, name = d.server, d.share.name
    quota(s, 'template', 'add', 'Home', '--size', '50KB')
    d.do('mkdir homes', 'mkdir tree', 'mkdir tree\\moved')
    quota(s, 'auto', 'add', name + ':/homes', '--template', 'Home')
    waits = []
    for n in range(12):
        d.do('mkdir homes\\u%d' % n if n else 'rename tree\\moved homes\\u0')
        began = time.monotonic()
        wait_for('u%d has a quota' % n, lambda n=n: any(r['Path'].endswith('/u%d' % n) for r in quota(s, 'folder', 'list')), seconds=30)
        waits.append(time.monotonic() - began)
    t.true(sorted(waits)[6] < 1, 'the waits were %s' % ['%.2f' % w for w in waits])
