"""The Linux kernel's own client (tests/kernel-cifs): ordinary programs on a mounted share.

The source tree, the repository and what must come out are made on this side; the guest only works on the share.
"""
import hashlib
import os
import random
import subprocess
import tarfile

from rig.harness import case

# vers=, further mount options, and how a test's name ends
MOUNTS = (('3.1.1', '', 'v311'), ('3.1.1', 'seal', 'v311_seal'), ('3.0', '', 'v30'), ('2.1', '', 'v21'))


def for_every_mount(**options):
    """Registers the test once for every kind of mount; it takes (t, version, mount options)."""
    def register(function):
        for version, mount, ending in MOUNTS:
            def one(t, version=version, mount=mount):
                function(t, version, mount)
            one.__module__, one.__name__ = function.__module__, '%s_%s' % (function.__name__, ending)
            case(**options)(one)
        return function
    return register


def source_tree(folder, files=600):
    """A tree as programmers keep them: short names and long ones, deep folders, empty files, no two names alike but
    for case. The same every time."""
    r = random.Random(1)
    folders = [folder]
    folder.mkdir(parents=True)
    for i in range(files // 12):
        parent = r.choice(folders)
        if len(parent.relative_to(folder).parts) < 8:
            new = parent / (r.choice(['src%d', 'Module-%d', '.hidden%d', 'über%d', 'тест%d', 'a folder %d']) % i)
            new.mkdir()
            folders.append(new)
    for i in range(files):
        name = r.choice(['file%d.c', 'Header%d.h', 'README-%d', 'файл%d.txt', 'name with spaces %d', '%d.' + 'long' * 40])
        size = r.choice([0, 1, 100, 4096, 5000, 30000, 65536, 200000])
        (r.choice(folders) / (name % i)).write_bytes(r.randbytes(size))
    (folder / 'large.bin').write_bytes(r.randbytes(9 << 20))


def sums_of_folder(folder):
    res = {}
    for at, _, names in os.walk(folder):
        for n in names:
            path = os.path.join(at, n)
            with open(path, 'rb') as f:
                res[os.path.relpath(path, folder)] = hashlib.file_digest(f, 'sha256').hexdigest()
    return res


def sums_of_tar(path, top):
    with tarfile.open(path) as tar:
        return {os.path.relpath(m.name, top): hashlib.sha256(tar.extractfile(m).read()).hexdigest()
                for m in tar if m.isfile()}


@for_every_mount()
def tar_in_and_out(t, version, mount):
    share = t.share()
    source_tree(t.folder / 'tree')
    t.run('tar', 'cf', 'tree.tar', 'tree')
    # tar's status 1: a folder's times moved on when the client looked again; names and contents are compared below
    t.kernel(share, 'tar xf /run/host%s/tree.tar && sync -f . && { tar cf /run/out/back.tar tree || [ $? = 1 ]; }' % t.folder,
             version, mount, KCIFS_OUT=str(t.folder))
    wanted = sums_of_folder(t.folder / 'tree')
    t.true(sums_of_folder(share.path / 'tree') == wanted, "names or contents on the server's disk differ")
    t.true(sums_of_tar(t.folder / 'back.tar', 'tree') == wanted, 'the tar made from the share differs')
    # a second mount reads with a cold cache
    t.kernel(share, 'tar cf /run/out/cold.tar tree && rm -r tree && [ -z "$(ls -A)" ]', version, mount,
             KCIFS_OUT=str(t.folder))
    t.true(sums_of_tar(t.folder / 'cold.tar', 'tree') == wanted, 'the tar made with a cold cache differs')
    t.equal(os.listdir(share.path), [], 'left after rm -r')


@for_every_mount()
def git_clone_and_fsck(t, version, mount):
    share = t.share()
    source_tree(t.folder / 'work', files=80)
    git = ['git', '-c', 'user.name=A', '-c', 'user.email=a@example.com', '-C', t.folder / 'work']
    t.run(*git, 'init', '-q', '-b', 'main')
    for i in range(3):
        (t.folder / 'work' / 'counter').write_text(str(i))
        t.run(*git, 'add', '-A')
        t.run(*git, 'commit', '-qm', 'commit %d' % i)
    head = t.run(*git, 'rev-parse', 'HEAD').stdout.strip()
    out = t.kernel(share, '''set -e
        git config --global safe.directory '*'
        git clone -q /run/host%s/work/.git repo
        cd repo
        git fsck --full --strict
        git -c core.fileMode=false status --porcelain
        echo more > more && git add more && git -c user.name=A -c user.email=a@example.com commit -qm more
        git gc -q && git fsck --full
        echo head $(git rev-parse HEAD~1)
        ''' % t.folder, version, mount)
    t.contains(out, 'head %s' % head)
    for word in ('missing', 'corrupt', 'dangling', ' M ', 'error'):
        t.true(word not in out, 'git says: %s' % out)
    subprocess.run(['git', '-c', 'safe.directory=*', '-C', share.path / 'repo', 'fsck', '--full'], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=dict(os.environ, GIT_CONFIG_COUNT='1',
                   GIT_CONFIG_KEY_0='safe.directory', GIT_CONFIG_VALUE_0='*'))


@for_every_mount()
def sqlite(t, version, mount):
    share = t.share()
    out = t.kernel(share, '''set -e
        sqlite3 db "create table t(id integer primary key, word text unique)"
        sqlite3 db "with recursive c(x) as (select 1 union all select x+1 from c where x < 20000)
                    insert into t select x, 'word ' || x from c"
        for i in 1 2 3 4 5; do sqlite3 db "delete from t where id % 7 = $i; update t set word = word || '!' where id % 5 = 0"; done
        sqlite3 db "pragma integrity_check; select 'rows', count(*) from t; vacuum; pragma integrity_check"
        ''', version, ','.join(filter(None, [mount, 'nobrl'])))
    t.equal(out.split(), ['ok', 'rows|%d' % sum(1 for i in range(1, 20001) if i % 7 in (0, 6)), 'ok'], 'sqlite3 printed')
    there = t.run('sqlite3', share.path / 'db', 'pragma integrity_check').stdout
    t.equal(there.strip(), 'ok', "integrity_check of the file on the server's disk")


@for_every_mount()
def fio_with_verify(t, version, mount):
    share = t.share()
    out = t.kernel(share, '''fio --name=v --filename=data --size=48m --rw=randwrite --bsrange=1k-256k --ioengine=psync \
        --verify=crc32c --do_verify=1 --verify_fatal=1 --fallocate=none --end_fsync=1 --randrepeat=1 --output-format=terse &&
        fio --name=d --filename=direct --direct=1 --size=24m --rw=randrw --bs=4k --ioengine=psync --verify=sha256 \
        --do_verify=1 --verify_fatal=1 --fallocate=none --output-format=terse &&
        echo verified $(stat -c %s data)''', version, mount)
    t.contains(out, 'verified %d' % (48 << 20))


@for_every_mount()
def links_df_and_mv_over_an_open_file(t, version, mount):
    """closetimeo=0: a handle kept open under one name holds a lease key that this client also uses for the other.

    A rename onto a file that is open is ACCESS_DENIED ([MS-FSA] 2.1.5.15.11), which this client makes EACCES or works
    around; either way no content is lost."""
    share = t.share()
    out = t.kernel(share, '''set -e
        echo first > a; ln a b; echo links $(stat -c %h a) $(stat -c %h b); echo second > b; echo content $(cat a)
        rm a; echo left $(cat b) $(stat -c %h b)
        df -B1 --output=size,avail . | tail -n 1 | sed 's/^/df /'
        echo old > target; echo new > source; mv source target; echo moved $(cat target)
        echo newer > source; exec 3< target
        if mv source target 2> /dev/null; then echo over $(cat target) $(cat <&3); else echo refused $(cat source); fi
        exec 3<&-; [ ! -e source ] || mv source target; echo finally $(cat target)
        exec 3< target; mv target elsewhere; echo open $(cat <&3) $(cat elsewhere); exec 3<&-
        mkdir -p d1/d2; echo x > d1/d2/f; mv d1 e1; echo dir $(cat e1/d2/f)
        echo long > f; truncate -s 3 f; echo truncated $(cat f); truncate -s 1000000 f; echo size $(stat -c %s f)
        exec 4<> gone; rm gone; echo ghost >&4; exec 4>&-; [ ! -e gone ] && echo removed
        setfattr -n user.color -v blue f && getfattr -n user.color --only-values f | sed 's/^/xattr /'
        ''', version, ','.join(filter(None, [mount, 'closetimeo=0'])))
    t.contains(out, 'links 2 2', 'content second', 'left second 1', 'moved new', 'finally newer', 'open newer newer', 'dir x', 'truncated lon', 'size 1000000',
               'removed', 'xattr blue')
    t.true('over newer new' in out or 'refused newer' in out, 'mv over an open file: %s' % out)
    size, avail = (int(w) for w in out.split('df ')[1].split()[:2])
    fs = os.statvfs(share.path)
    t.equal(size, fs.f_blocks * fs.f_frsize, 'size that df sees')
    t.true(abs(avail - fs.f_bavail * fs.f_frsize) < (4 << 30), 'df sees %d bytes free, there are %d' % (
        avail, fs.f_bavail * fs.f_frsize))


@case()
def names_windows_forbids(t):
    """With mapposix the client sends them as private-use characters; they come back as they were."""
    share = t.share()
    names = ['a:b', 'c*d', 'e?f', 'g<h>i', 'j|k', 'quote"d', 'trailing.', 'trailing ']
    out = t.kernel(share, 'python3 - <<"EOF"\nimport os\nnames = %r\nfor n in names:\n    open(n, "w").write(n)\n'
                          'assert sorted(os.listdir(".")) == sorted(names), os.listdir(".")\n'
                          'assert all(open(n).read() == n for n in names)\nprint("all there")\nEOF' % names,
                   options='mapposix')
    t.contains(out, 'all there')


@case()
def two_clients_see_each_other(t):
    """Byte-range locks, appends and listings between two connections."""
    share = t.share()
    script = '''
import fcntl, os
a, b = os.getcwd(), '/tmp/second'
open(a + '/f', 'w').write('one')
assert open(b + '/f').read() == 'one'
with open(b + '/f', 'a') as f: f.write(' two')
assert open(a + '/f').read() == 'one two', open(a + '/f').read()
x, y = open(a + '/f', 'r+b'), open(b + '/f', 'r+b')
fcntl.lockf(x, fcntl.LOCK_EX | fcntl.LOCK_NB, 10, 0)
try:
    fcntl.lockf(y, fcntl.LOCK_EX | fcntl.LOCK_NB, 10, 5)
    raise SystemExit('both got the lock')
except OSError:
    pass
fcntl.lockf(y, fcntl.LOCK_EX | fcntl.LOCK_NB, 10, 20)
fcntl.lockf(x, fcntl.LOCK_UN, 10, 0)
fcntl.lockf(y, fcntl.LOCK_EX | fcntl.LOCK_NB, 10, 0)
x.close(); y.close()
os.mkdir(b + '/made')
for i in range(50):
    open('%s/made/%d' % (b if i % 2 else a, i), 'w').write(str(i))
assert sorted(os.listdir(a + '/made')) == sorted(os.listdir(b + '/made')) == sorted(str(i) for i in range(50))
os.rename(a + '/made/1', b and a + '/made/one')
assert open(b + '/made/one').read() == '1'
print('agreed')
'''
    (t.folder / 'two.py').write_text(script)
    out = t.kernel(share, 'cmount /tmp/second nosharesock,actimeo=0 && python3 /run/host%s/two.py; s=$?; cumount /tmp/second; '
                          'exit $s' % t.folder, options='actimeo=0')
    t.contains(out, 'agreed')


@case()
def work_goes_on_after_the_server_restarts(t):
    """The client reconnects by itself: new files, and a file written before, are there."""
    s = t.own_server()
    share = t.share(server=s)
    flag = t.folder / 'out'
    flag.mkdir()
    import threading
    def restart():
        import time
        for _ in range(600):
            if (flag / 'written').exists():
                s.restart()
                (flag / 'restarted').write_text('')
                return
            time.sleep(0.1)
    helper = threading.Thread(target=restart, daemon=True)
    helper.start()
    out = t.kernel(share, '''set -e
        echo before > a; sync -f .; touch /run/out/written
        for i in $(seq 300); do [ -e /run/out/restarted ] && break; sleep 0.1; done
        for i in $(seq 30); do cat a > /dev/null 2>&1 && break; sleep 1; done
        cat a; echo after > b; sync -f .; cat b''', server=s, KCIFS_OUT=str(flag))
    helper.join()
    t.equal(out.split(), ['before', 'after'], 'what the client read')
