"""Where single tests run: volumes, shares and servers of their own, beside the eight plain shares.

A place is a share with something special about it (a file system that compresses, snapshots, an option of the volume).
PLACES says which tests want which; the first line that matches counts. AGAIN has tests that run a second time somewhere
else: their names get `@PLACE` behind them, in tables and in expected-failures.txt.

Images are files on a loop device, mounted below the server's folder and unmounted at the end. That needs root.
"""
import fnmatch
import itertools
import os
import pathlib
import subprocess
import time

from rig import server

HERE = pathlib.Path(__file__).resolve().parent
# Each smbtorture that blocks a channel does so in chains of its own, whose names begin so and go on with a number.
CHAIN = 'ST%05d' % (os.getpid() % 100_000)
CHAINS = itertools.count()

# Place of a test: (place, patterns).
PLACES = (
    ('plain', ('smb2.ioctl.compress_notsup_*',)),
    ('short', ('smb2.getinfo.complex', 'smb2.getinfo.getinfo_access', 'smb2.dir.one', 'smb2.mangle',
               'smb2.name-mangling.*')),
    ('snapshots', ('smb2.twrp.*', 'smb2.ioctl.shadow_copy')),
    ('bare', ('smb2.create_no_streams.*', 'smb2.change_notify_disabled.*', 'smb2.dosmode')),
    ('marks', ('smb2.acls_non_canonical.*',)),
    ('btrfs', ('smb2.ioctl.compress_*', 'smb2.ioctl.sparse_compressed', 'smb2.ioctl.dup_extents_*')),
    # Samba gives no level II where it asks the kernel for oplocks
    ('exclusive', ('smb2.kernel-oplocks.kernel_oplocks[57]',)),
    ('local', ('smb2.kernel-oplocks.*', 'smb2.samba3misc.localposixlock1')),
    ('late', ('smb2.timestamps.delayed-*',)),
    ('signing', ('smb2.session-require-signing.*',)),
    ('available', ('smb2.replay.replay5', 'smb2.durable-v2-open.persistent-*', 'smb2.persistent-open*')),
)

# Tests that run at another place as well.
AGAIN = (
    ('xfs', ('smb2.ioctl.dup_extents_*', 'smb2.ioctl.copy_chunk_*', 'smb2.ioctl.sparse_*')),
    ('local', ('smb2.lock.*',)),
    ('exclusive', ('smb2.kernel-oplocks.kernel_oplocks[12346]', 'smb2.oplock.exclusive1')),
    ('plain', ('smb2.timestamps.delayed-*',)),
    ('late', ('smb2.timestamps.[!d]*',)),
)

SNAPSHOT = '@GMT-2015.10.31-19.40.30'
IPTABLES = 'torture:iptables_command='
# Options of smbtorture for single tests.
OPTIONS = (
    (('smb2.lease.*', 'smb2.multichannel.*', 'smb2.replay.*', 'smb2.oplock.batch22b'),
     ['torture:use_iptables=yes', IPTABLES]),
    (('smb2.twrp.*',), ['torture:twrp_file=foo', 'torture:twrp_stream=bar', 'torture:twrp_stream_size=3',
                        'torture:twrp_snapshot=' + SNAPSHOT]),
    # SYNCHRONIZE alone can be asked for since Windows 7; for other targets this test knows Samba's answer only
    (('smb2.create.gentest',), ['torture:win7=yes']),
    # Windows answers a compound's reads and writes at once, Samba those that come last later
    (('smb2.compound_async.write_write', 'smb2.compound_async.read_read'), ['torture:smbd=no']),
    # a name that the volume keeps to itself
    (('smb2.ea.acl_xattr',), ['torture:acl_xattr_name=FREEHOLD']),
)


def place_of(name):
    """The place of a test; a name with `@` says it itself."""
    if '@' in name:
        return name.partition('@')[2]
    return next((place for place, patterns in PLACES if any(fnmatch.fnmatchcase(name, p) for p in patterns)), 'plain')


def options_of(name):
    """smbtorture's options for a test, without --option."""
    name = name.partition('@')[0]
    wanted = [o for patterns, options in OPTIONS if any(fnmatch.fnmatchcase(name, p) for p in patterns)
              for o in options]
    own_chains = '%s %s%03d' % (HERE / 'iptables-own-chains', CHAIN, next(CHAINS) % 1000)
    return [o + own_chains if o == IPTABLES else o for o in wanted]


def again(names):
    """The tests that run at another place as well, by their names with `@`."""
    return ['%s@%s' % (n, place) for place, patterns in AGAIN for n in names
            if any(fnmatch.fnmatchcase(n, p) for p in patterns)]


def remove_chains():
    """Takes out what tests that were killed left in the packet filter."""
    rules = [line.split() for line in run('/usr/sbin/iptables', '-w', '-S').splitlines()]
    for rule in rules:
        if rule[0] == '-A' and any(word.startswith(CHAIN) for word in rule):
            run('/usr/sbin/iptables', '-w', '-D', *rule[1:])
    for rule in rules:
        if rule[0] == '-N' and rule[1].startswith(CHAIN):
            run('/usr/sbin/iptables', '-w', '-X', rule[1])


class Image:
    """A file system in a file, mounted while it is used."""

    MAKE = {'xfs': ['mkfs.xfs', '-q', '-m', 'reflink=1'], 'btrfs': ['mkfs.btrfs', '-q', '-m', 'single']}
    BYTES = {'xfs': 320 << 20, 'btrfs': 256 << 20}

    def __init__(self, kind, folder):
        self.file = folder / ('%s.img' % kind)
        self.mounted = folder / kind
        with open(self.file, 'wb') as f:
            f.truncate(self.BYTES[kind])
        run(*self.MAKE[kind], self.file)
        self.mounted.mkdir()
        run('mount', '-o', 'loop', self.file, self.mounted)

    def close(self):
        # the last handle of a stopped server may take a moment
        for attempt in range(20):
            if subprocess.run(['umount', self.mounted], stderr=subprocess.DEVNULL).returncode == 0:
                break
            time.sleep(0.25)
        else:
            run('umount', '-l', self.mounted)
        self.file.unlink()


def run(*command):
    done = subprocess.run([str(c) for c in command], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        raise server.RigError('%s: status %d: %s' % (' '.join(map(str, command)), done.returncode, done.stdout.strip()))
    return done.stdout


class Places:
    """Makes what the places need: first `settings` for the main server, then, once that runs, the shares.

    `shares` maps a place to a list of (server, share); a test may run on any of them."""

    def __init__(self, kind, folder, wanted):
        self.kind, self.folder, self.wanted = kind, pathlib.Path(folder), set(wanted)
        self.images, self.servers, self.shares = {}, [], {}
        self.volumes = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for s in self.servers:
            s.close()
        if os.geteuid() == 0:
            remove_chains()
        for image in self.images.values():
            image.close()

    def settings(self):
        """Volumes for freehold.toml."""
        if self.kind != 'freehold':
            return ''
        if os.geteuid() != 0 and self.wanted - {'plain'}:
            raise server.RigError('the file systems for single tests can only be mounted by root')
        text = ''
        for kind in ('xfs', 'btrfs'):
            if kind in self.wanted or (kind == 'btrfs' and 'snapshots' in self.wanted):
                self.images[kind] = image = Image(kind, self.folder)
                text += self.volume(kind, image.mounted / 'volume')
        if 'short' in self.wanted:
            text += self.volume('short', self.folder / 'short', 'short_names = true')
        if 'bare' in self.wanted:
            text += self.volume('bare', self.folder / 'bare', 'named_streams = false\nchange_notify = false\n'
                                                              'hidden_names = [".*", "hidefile"]')
        if 'marks' in self.wanted:
            text += self.volume('marks', self.folder / 'marks', 'keep_auto_inherited = true')
        if 'local' in self.wanted:
            text += self.volume('local', self.folder / 'local', 'local_programs = "leases"')
        if 'exclusive' in self.wanted:
            text += self.volume('exclusive', self.folder / 'exclusive', 'local_programs = "leases"\noplocks = "exclusive"')
        if 'late' in self.wanted:
            text += self.volume('late', self.folder / 'late', 'write_times = "delayed"')
        if 'snapshots' in self.wanted:
            image = self.images['btrfs'].mounted
            run('btrfs', 'subvolume', 'create', image / 'now')
            (image / 'past').mkdir()
            text += self.volume('snapshots', image / 'now', 'snapshots = "%s"' % (image / 'past'))
        return text

    def volume(self, name, path, options=''):
        path.mkdir(mode=0o700, exist_ok=True)
        self.volumes[name] = path
        return '[volumes.%s]\npath = "%s"\n%s\n' % (name, path, options)

    def start(self, target):
        """Makes the shares on the running main server."""
        self.shares['plain'] = [(target, 't%d' % (i + 1)) for i in range(8)]
        for _, s in self.shares['plain']:
            target.add_share(s)
            target.open_root(s)
        target.add_share('hideunread', access_based=True)     # the name smb2.acls.ACCESSBASED asks for
        target.open_root('hideunread')
        target.add_share('noperm')                            # the name smb2.ioctl.bug14788.* ask for
        target.close_root('noperm')
        if self.kind != 'freehold':
            self.shares.update((place, self.shares['plain']) for place in self.wanted)
            return
        # the name smb2.lease.dynamic_share asks for: another folder at every connect
        target.add_share('scratch')
        target.open_root('scratch')
        target.run('share', 'add', 'dynamic_share', '--volume', 'data', '--path', 'scratch/{time}',
                   '--access', 'D:(A;;FA;;;WD)')
        for name, root in self.volumes.items():
            target.add_share(name, volume=name, root=root)
            # `marks` is about what is inherited from a new volume's root
            if name != 'marks':
                target.open_root(name)
            self.shares[name] = [(target, name)]
        if 'available' in self.wanted:
            target.add_share('available', options=['--continuously-available'])
            target.open_root('available')
            # the names that smb2.persistent-open.*_fo* ask for: the same folder
            for name in ('fo', 'ca_fo', 'ca_fo_max_rwh'):
                target.run('share', 'add', name, '--volume', 'data', '--path', 'available',
                           '--access', 'D:(A;;FA;;;WD)',
                           *(['--continuously-available'] if name != 'fo' else []))
            self.shares['available'] = [(target, 'available')]
        if 'snapshots' in self.wanted:
            self.take_snapshot(target)
        if 'signing' in self.wanted:
            self.signing()

    def take_snapshot(self, target):
        """What smb2.twrp wants to find now and in the past: a file with a stream, a file in a folder."""
        for name, content in (('content', b'content\n'), ('stream', b'baz'), ('empty', b'')):
            (self.folder / name).write_bytes(content)
        commands = ('put content foo', 'put stream foo:bar', 'mkdir subdir', 'put empty subdir\\hardlink')
        run('smbclient', '-s', '/dev/null', '-p', target.port, '-U', 'user1%Passw0rd1', '-D', '/',
            '//%s/snapshots' % target.host, '-c', 'lcd %s; %s' % (self.folder, '; '.join(commands)))
        image = self.images['btrfs'].mounted
        # the folder of the share is below the volume's root
        run('btrfs', 'subvolume', 'snapshot', '-r', image / 'now', image / 'past' / SNAPSHOT)

    def signing(self):
        """A server with the default settings, which insists on signatures."""
        own = server.make(self.kind)
        self.servers.append(own)
        own.start()
        own.add_user('user1', 'Passw0rd1')
        own.add_user('user2', 'Passw0rd2')
        own.add_share('signing')
        own.open_root('signing')
        self.shares['signing'] = [(own, 'signing')]
