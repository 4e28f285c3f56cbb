"""Two mounts of one share by the Linux kernel's client, each a client of its own (`nosharesock`): their caches agree."""
import pathlib
import re

from case_kernel import for_every_mount

PEER = pathlib.Path(__file__).resolve().with_name('peer_coherence.py')
SECOND = '/tmp/second'


def on_both(t, share, version, mount, command):
    """Runs a command with the share mounted twice. actimeo=0: sizes are asked for, not remembered for a second."""
    options = ','.join(filter(None, [mount, 'actimeo=0']))
    return t.kernel(share, 'cmount %s nosharesock,%s && { %s; }; s=$?; cumount %s; exit $s' % (
        SECOND, options, command, SECOND), version, options)


def peer(t, share, version, mount, what, rounds):
    (t.folder / 'peer.py').write_text(PEER.read_text())
    return on_both(t, share, version, mount, 'python3 /run/host%s/peer.py %s "$PWD" %s %d' % (
        t.folder, what, SECOND, rounds))


@for_every_mount()
def what_one_writes_the_other_reads(t, version, mount):
    """Files grow and shrink. closetimeo=0: without it Linux 6.1 forgets that it still has a file open for writing (its program
    closed it, opened and closed it again under a lease without writing), so that no break closes that handle, and believes no
    smaller size while it has one. With Samba the same happens."""
    mount = ','.join(filter(None, [mount, 'closetimeo=0']))
    t.contains(peer(t, t.share(), version, mount, 'turns', 150), 'turns agreed 150')


@for_every_mount()
def what_one_adds_the_other_reads(t, version, mount):
    """Files grow only, and the client keeps them open for a second after its program closed them, as it does by default."""
    t.contains(peer(t, t.share(), version, mount, 'growth', 150), 'turns agreed 150')


@for_every_mount()
def what_one_makes_the_other_lists(t, version, mount):
    out = peer(t, t.share(), version, mount, 'lists', 80)
    t.contains(out, 'lists agreed 80')
    # from 3.0 on the client has a lease on the folder: a listing that nobody changes is not asked for again
    asked = int(re.search(r'asked (\d+)', out).group(1))
    leased = version != '2.1'
    t.true(asked <= 2 if leased else asked >= 20, '20 listings while nothing changed: %d requests' % asked)


@for_every_mount()
def both_count_under_a_lock(t, version, mount):
    t.contains(peer(t, t.share(), version, mount, 'counter', 100), 'counter agreed 200')


@for_every_mount()
def fio_verifies_what_the_other_side_wrote(t, version, mount):
    """Each side in turn rewrites the file with another seed; the other verifies, with what it has cached of the time before."""
    job = ('fio --name=v --filename={0}/data --size=16m --bsrange=4k-64k --ioengine=psync --verify=crc32c --verify_fatal=1 '
           '--fallocate=none --randseed={1} --output-format=terse')
    steps = []
    for seed, (writer, reader) in enumerate([('.', SECOND), (SECOND, '.'), ('.', SECOND)], 1):
        steps.append(job.format(writer, seed) + ' --rw=randwrite --do_verify=0 --end_fsync=1')
        steps += [job.format(side, seed) + ' --rw=randwrite --verify_only=1' for side in (reader, writer)]
    out = on_both(t, t.share(), version, mount, ' && '.join(steps) + ' && echo verified')
    t.contains(out, 'verified')
