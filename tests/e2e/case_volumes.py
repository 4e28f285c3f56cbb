"""What an administrator can choose for a volume: previous versions and 8.3 names, as smbclient sees them."""
import re

from rig.harness import case

OLD, NEW = '@GMT-2026.11.20-08.00.00', '@GMT-2026.11.21-08.00.00'


@case(freehold_only=True)
def previous_versions(t):
    """Files as they were: listed, read by smbclient, never changed; also after a restart."""
    past = t.folder / 'past'
    past.mkdir()
    s = t.own_server(settings='snapshots = "%s"\n' % past)
    share = t.share(s)
    for number, token in enumerate((OLD, NEW)):
        (t.folder / 'local').write_text('version %d\n' % number)
        t.smbclient(share, ['put local report.txt', 'put local "stream holder.txt"',
                            'put local "stream holder.txt:s"'], server=s)
        # any image of the volume's root will do; on btrfs it would be a snapshot
        t.run('cp', '-a', s.volume, past / token)
    (t.folder / 'local').write_text('present\n')
    t.smbclient(share, ['put local report.txt', 'put local only-now.txt'], server=s)
    for _ in range(2):
        tokens = re.findall(r'@GMT-[0-9.-]+', t.smbclient(share, ['allinfo report.txt'], server=s))
        t.equal(tokens[:2], [NEW, OLD], 'snapshots, the newest first')
        for number, token in enumerate((OLD, NEW)):
            t.smbclient(share, ['get %s\\report.txt got' % token, 'get "%s\\stream holder.txt:s" got2' % token], server=s)
            for name in ('got', 'got2'):
                t.equal((t.folder / name).read_text(), 'version %d\n' % number, token)
        listed = t.smbclient(share, ['ls %s\\*' % OLD], server=s)
        t.contains(listed, 'report.txt', 'stream holder.txt')
        t.true('only-now.txt' not in listed, 'a file of the present is listed in the past')
        for command, status in (('put local %s\\new.txt' % OLD, 'NT_STATUS_MEDIA_WRITE_PROTECTED'),
                                ('get @GMT-2020.01.01-00.00.00\\report.txt x', 'NT_STATUS_OBJECT_NAME_NOT_FOUND')):
            t.contains(t.smbclient(share, [command], server=s, ok=False), status)
        t.smbclient(share, ['get report.txt got'], server=s)
        t.equal((t.folder / 'got').read_text(), 'present\n', 'the present')
        s.restart()


@case(freehold_only=True)
def short_names(t):
    """8.3 names: told, found, the same after a restart."""
    s = t.own_server(settings='short_names = true\n')
    share = t.share(s)
    (t.folder / 'local').write_text('content\n')
    long = 'A rather long name.html'
    t.smbclient(share, ['put local "%s"' % long], server=s)
    (share.path / 'made on the server.text').write_text('content\n')
    seen = set()
    for _ in range(2):
        told = t.smbclient(share, ['altname "%s"' % long, 'altname "made on the server.text"'], server=s)
        names = re.findall(r'[A-Z0-9]{6}~[A-Z0-9]\.[A-Z]{3}', told)
        t.equal(len(names), 2, 'short names in %r' % told)
        seen.add(tuple(names))
        for name in names:
            t.smbclient(share, ['get %s got' % name.lower()], server=s)
            t.equal((t.folder / 'got').read_text(), 'content\n', name)
        t.contains(t.smbclient(share, ['ls %s' % names[0]], server=s), long)
        s.restart()
    t.equal(len(seen), 1, 'sets of short names')
