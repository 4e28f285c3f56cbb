"""Samba's smbclient and smbcacls: what a person does with a share by hand."""
import hashlib
import os
import re
import unicodedata

from rig.harness import case

DIALECTS = ('SMB2_02', 'SMB2_10', 'SMB3_00', 'SMB3_02', 'SMB3_11')


def checksum(path):
    with open(path, 'rb') as f:
        return hashlib.file_digest(f, 'sha256').hexdigest()


def random_file(path, megabytes):
    block = bytearray(os.urandom(1 << 20))
    with open(path, 'wb') as f:
        for i in range(megabytes):
            block[:8] = i.to_bytes(8, 'little')      # no two blocks alike
            f.write(block)


def round_trip(t, *arguments, megabytes):
    """Puts and gets a file; the bytes on the server's disk are the same too."""
    share = t.share()
    random_file(t.folder / 'there', megabytes)
    t.smbclient(share, ['lcd %s' % t.folder, 'put there big.bin', 'get big.bin back'], *arguments, timeout=900)
    t.equal(checksum(t.folder / 'back'), checksum(t.folder / 'there'), 'checksum after put and get')
    t.equal(checksum(share.path / 'big.bin'), checksum(t.folder / 'there'), "checksum on the server's disk")


@case()
def lists_shares(t):
    share = t.share()
    out = t.samba('smbclient', '-L', '//%s' % t.server.host).stdout
    t.contains(out, share.name, 'IPC$', 'Disk')


@case(seconds=1200)
def large_file_signed(t):
    round_trip(t, '--client-protection=sign', megabytes=3072 if t.large else 300)


@case(seconds=1200)
def large_file_encrypted(t):
    round_trip(t, '--client-protection=encrypt', megabytes=3072 if t.large else 300)


@case()
def every_dialect_signed(t):
    for dialect in DIALECTS:
        share = t.share()
        random_file(t.folder / 'there', 9)
        t.smbclient(share, ['lcd %s' % t.folder, 'put there a.bin', 'get a.bin back', 'ls', 'rm a.bin'],
                    '-m', dialect, '--client-protection=sign', '--option=client min protocol=%s' % dialect)
        t.equal(checksum(t.folder / 'back'), checksum(t.folder / 'there'), 'checksum with %s' % dialect)
        t.equal(os.listdir(share.path), [], 'left over with %s' % dialect)


@case()
def every_dialect_of_3_encrypted(t):
    for dialect in DIALECTS[2:]:
        for cipher in ('aes-128-gcm', 'aes-128-ccm', 'aes-256-gcm', 'aes-256-ccm'):
            if dialect != 'SMB3_11' and cipher != 'aes-128-ccm':
                continue
            share = t.share()
            random_file(t.folder / 'there', 5)
            t.smbclient(share, ['lcd %s' % t.folder, 'put there a.bin', 'get a.bin back'], '-m', dialect,
                        '--client-protection=encrypt', '--option=client min protocol=%s' % dialect,
                        '--option=client smb3 encryption algorithms=%s' % cipher)
            t.equal(checksum(t.folder / 'back'), checksum(t.folder / 'there'), '%s with %s' % (dialect, cipher))


@case()
def every_signing_algorithm(t):
    for algorithm in ('aes-128-gmac', 'aes-128-cmac', 'hmac-sha256'):
        share = t.share()
        random_file(t.folder / 'there', 5)
        t.smbclient(share, ['lcd %s' % t.folder, 'put there a.bin', 'get a.bin back'], '--client-protection=sign',
                    '--option=client smb3 signing algorithms=%s' % algorithm)
        t.equal(checksum(t.folder / 'back'), checksum(t.folder / 'there'), 'signed with %s' % algorithm)


@case()
def encryption_cannot_be_had_below_3(t):
    share = t.share()
    out = t.smbclient(share, ['ls'], '-m', 'SMB2_10', '--client-protection=encrypt', ok=False)
    t.true('NT_STATUS_' in out or 'failing connect' in out, out)


@case()
def share_that_demands_encryption(t):
    share = t.share(encrypt=True)
    t.contains(t.smbclient(share, ['ls'], '-m', 'SMB2_10', ok=None), 'NT_STATUS_ACCESS_DENIED')
    t.smbclient(share, ['mkdir a', 'ls'], '--client-protection=encrypt')
    t.true((share.path / 'a').is_dir(), 'mkdir over an encrypted session did nothing')


def unicode_names(count):
    """Different names of letters from many scripts, none of them differing in case only."""
    scripts = ['Bericht für Köln', 'Отчёт', '報告書', 'تقرير', 'दस्तावेज़', '문서', 'ελληνικά', '😀 smile', 'naïve façade', 'x' * 180]
    for i in range(count):
        yield unicodedata.normalize('NFC', '%s %05d.txt' % (scripts[i % len(scripts)], i))


@case(seconds=900)
def folder_of_5000_unicode_names(t):
    share = t.share()
    source, back = t.folder / 'source' / 'many', t.folder / 'back'
    source.mkdir(parents=True)
    back.mkdir()
    for i, name in enumerate(unicode_names(5000)):
        (source / name).write_text('file %d\n' % i)
    t.smbclient(share, ['lcd %s' % source.parent, 'prompt', 'recurse', 'mput many'], timeout=900)
    wanted = {n: (source / n).read_text() for n in os.listdir(source)}
    on_disk = {n: (share.path / 'many' / n).read_text() for n in os.listdir(share.path / 'many')}
    t.equal(len(on_disk), 5000, "files on the server's disk")
    t.true(on_disk == wanted, "names or contents on the server's disk differ")
    listed = t.smbclient(share, ['cd many', 'ls'])
    t.equal(sum(1 for n in wanted if n in listed), 5000, 'names in the listing')
    t.smbclient(share, ['lcd %s' % back, 'prompt', 'recurse', 'mget many'], timeout=900)
    t.true({n: (back / 'many' / n).read_text() for n in os.listdir(back / 'many')} == wanted, 'mget brought something else')
    t.smbclient(share, ['prompt', 'deltree many'], timeout=900)
    t.equal(os.listdir(share.path), [], 'left after deltree')


@case()
def rename_and_delete(t):
    share = t.share()
    (t.folder / 'a').write_text('one')
    (t.folder / 'b').write_text('two')
    t.smbclient(share, ['lcd %s' % t.folder, 'put a One.txt', 'put b two.txt', 'mkdir Folder', 'mkdir Folder/inner',
                        'rename one.TXT Folder/Moved.txt', 'rename Folder Renamed'])
    t.equal((share.path / 'Renamed' / 'Moved.txt').read_text(), 'one', 'file after both renames')
    t.equal(sorted(os.listdir(share.path)), ['Renamed', 'two.txt'], 'names in the root')
    t.contains(t.smbclient(share, ['rename two.txt Renamed/Moved.txt'], ok=None), 'NT_STATUS_OBJECT_NAME_COLLISION')
    t.smbclient(share, ['rename two.txt Renamed/Moved.txt -f'])
    t.equal((share.path / 'Renamed' / 'Moved.txt').read_text(), 'two', 'file after the forced rename')
    t.contains(t.smbclient(share, ['rmdir Renamed'], ok=None), 'NT_STATUS_DIRECTORY_NOT_EMPTY')
    t.smbclient(share, ['rename Renamed/Moved.txt Renamed/MOVED.TXT', 'del Renamed/moved.txt', 'rmdir Renamed/inner', 'rmdir Renamed'])
    t.equal(os.listdir(share.path), [], 'left in the root')


@case()
def a_change_of_case_alone_renames(t):
    share = t.share()
    (t.folder / 'a').write_text('one')
    t.smbclient(share, ['lcd %s' % t.folder, 'put a name.txt', 'rename name.txt NAME.txt'])
    t.equal(os.listdir(share.path), ['NAME.txt'], 'names')


@case()
def names_are_found_without_case(t):
    share = t.share()
    (t.folder / 'a').write_text('one')
    t.smbclient(share, ['lcd %s' % t.folder, 'mkdir Äpfel', 'put a Äpfel/Grün.txt', 'get äPFEL/GRÜN.TXT back',
                        'put a äpfel/grün.TXT'])
    t.equal((t.folder / 'back').read_text(), 'one', 'content')
    t.equal(os.listdir(share.path / 'Äpfel'), ['Grün.txt'], 'names')


@case()
def all_info_and_attributes(t):
    share = t.share()
    (t.folder / 'a').write_bytes(b'x' * 12345)
    t.smbclient(share, ['lcd %s' % t.folder, 'put a a.txt', 'setmode a.txt +rh'])
    info = t.smbclient(share, ['allinfo a.txt'])
    t.contains(info, 'create_time:', 'access_time:', 'write_time:', 'change_time:', 'attributes: RHA', '::$DATA', '12345')
    t.contains(t.smbclient(share, ['del a.txt'], ok=None), 'NT_STATUS_CANNOT_DELETE')
    t.smbclient(share, ['setmode a.txt -rh', 'utimes a.txt "2001:02:03-04:05:06" -1 "2011:12:13-14:15:16" -1'])
    info = t.smbclient(share, ['allinfo a.txt'])
    t.contains(info, '2001', '2011')
    t.smbclient(share, ['del a.txt'])


@case()
def streams(t):
    share = t.share()
    # the reference keeps streams in attributes of ext4, which end at 4 KiB
    small, large = os.urandom(100), os.urandom(3 << 20 if t.server.kind == 'freehold' else 2000)
    (t.folder / 'main').write_text('main content')
    (t.folder / 'small').write_bytes(small)
    (t.folder / 'large').write_bytes(large)
    t.smbclient(share, ['lcd %s' % t.folder, 'put main doc.txt', 'put small doc.txt:small', 'put large doc.txt:large',
                        'get doc.txt:SMALL small.back', 'get doc.txt:large:$DATA large.back', 'get doc.txt main.back'])
    t.equal((t.folder / 'small.back').read_bytes(), small, 'small stream')
    t.true((t.folder / 'large.back').read_bytes() == large, 'the large stream came back different')
    t.equal((t.folder / 'main.back').read_text(), 'main content', 'unnamed stream')
    info = t.smbclient(share, ['allinfo doc.txt'])
    t.contains(info, ':small:$DATA', ':large:$DATA', '::$DATA')
    t.smbclient(share, ['rename doc.txt moved.txt', 'get moved.txt:large again'])
    t.true((t.folder / 'again').read_bytes() == large, 'the large stream did not move with its file')
    t.smbclient(share, ['del moved.txt'])
    t.contains(t.smbclient(share, ['allinfo moved.txt:large'], ok=None), 'NT_STATUS_OBJECT_NAME_NOT_FOUND')


@case()
def show_acls(t):
    share = t.share()
    (t.folder / 'a').write_text('one')
    out = t.smbclient(share, ['lcd %s' % t.folder, 'put a a.txt', 'showacls', 'ls a.txt'])
    t.contains(out, 'FILENAME:a.txt', 'Owner SID:', 'type: ACCESS ALLOWED')


@case()
def acl_round_trip(t):
    """smbcacls sets a descriptor and reads the same back; the user it denies is denied."""
    share = t.share()
    other = t.server.add_user('bob', 'B0b-Passw0rd')
    (t.folder / 'a').write_text('one')
    t.smbclient(share, ['lcd %s' % t.folder, 'put a a.txt'])
    target = ['//%s/%s' % (t.server.host, share.name), 'a.txt']
    sids = {}
    for account in (t.user, other):
        out = t.samba('rpcclient', t.server.host, '-c', 'lookupnames %s' % account.name).stdout
        t.contains(out, 'S-1-5-21-')
        sids[account.name] = out.split()[1]
    acl = 'ACL:%s:ALLOWED/0x0/FULL,ACL:S-1-1-0:ALLOWED/0x0/READ' % sids[t.user.name]
    t.samba('smbcacls', *target, '-S', acl)
    out = t.samba('smbcacls', '--numeric', *target).stdout
    t.contains(out, 'ACL:%s:0/0x0/0x001f01ff' % sids[t.user.name], 'ACL:S-1-1-0:0/0x0/0x001200a9')
    t.equal(out.count('ACL:'), 2, 'number of entries')
    t.smbclient(share, ['get a.txt %s' % (t.folder / 'b')], user=other)
    t.contains(t.smbclient(share, ['lcd %s' % t.folder, 'put a a.txt'], user=other, ok=None), 'NT_STATUS_ACCESS_DENIED')
    t.samba('smbcacls', *target, '-a', 'ACL:%s:DENIED/0x0/READ' % sids[other.name])
    t.contains(t.smbclient(share, ['get a.txt %s' % (t.folder / 'c')], user=other, ok=None), 'NT_STATUS_ACCESS_DENIED')
    t.samba('smbcacls', *target, '-D', 'ACL:%s:DENIED/0x0/READ' % sids[other.name])
    t.smbclient(share, ['get a.txt %s' % (t.folder / 'c')], user=other)


@case()
def acls_are_inherited(t):
    share = t.share()
    t.smbclient(share, ['mkdir top'])
    top = ['//%s/%s' % (t.server.host, share.name), 'top']
    t.samba('smbcacls', *top, '-a', 'ACL:S-1-5-32-546:ALLOWED/OI|CI/READ')
    (t.folder / 'a').write_text('one')
    t.smbclient(share, ['lcd %s' % t.folder, 'mkdir top/sub', 'put a top/sub/a.txt'])
    # marked as inherited (I) where the folder's descriptor has been through automatic inheritance
    for name, flags in (('top/sub', r'OI\|CI(\|I)?'), ('top/sub/a.txt', r'(I|0x0)')):
        out = t.samba('smbcacls', top[0], name).stdout
        t.true(re.search(r'Guests:ALLOWED/%s/READ' % flags, out), '%s has no inherited entry:\n%s' % (name, out))


@case()
def wrong_password_and_unknown_names(t):
    share = t.share()
    for user in ('%s%%wrong' % t.user.name, 'nobody-here%x', '%'):
        t.contains(t.smbclient(share, ['ls'], user=user, ok=None), 'NT_STATUS_')
    t.contains(t.smbclient('no-such-share', ['ls'], ok=None), 'NT_STATUS_BAD_NETWORK_NAME')
    t.contains(t.smbclient(share, ['get nothing'], ok=None), 'NT_STATUS_OBJECT_NAME_NOT_FOUND')
    t.contains(t.smbclient(share, ['get no/thing'], ok=None), 'NT_STATUS_OBJECT_PATH_NOT_FOUND')


@case()
def smb1_is_refused(t):
    share = t.share()
    out = t.smbclient(share, ['ls'], '--option=client min protocol=NT1', '-m', 'NT1', ok=False)
    t.true('NT_STATUS_' in out or 'protocol negotiation failed' in out, out)
