"""Runs inside of the guest of tests/kernel-cifs: two mounts of one share must agree.

    peer_coherence.py turns|growth|lists|counter A B ROUNDS

A and B are folders of the two mounts. What a client holds under a lease it may go on reading until the break has reached it,
and nobody waits for that: a reader may be behind for a moment, but never for good.
"""
import fcntl
import os
import random
import re
import sys
import threading
import time

PATIENCE_SECONDS = 5


def eventually(what, look, wanted):
    """Looks until it is right; 1 when it was not at once."""
    if look() == wanted:
        return 0
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        time.sleep(0.01)
        if look() == wanted:
            return 1
    raise SystemExit('%s: still %.80r, not %.80r' % (what, look(), wanted))


def read(path):
    with open(path, 'rb') as f:
        return f.read()


def turns(a, b, rounds, shrink=True):
    """Files that are written through one mount at random places are read right through both; with `shrink` cut off, too."""
    r = random.Random(7)
    model, late = {}, 0
    for i in range(rounds):
        writer, reader = r.choice([(a, b), (b, a)])
        name = 'f%d' % r.randrange(4)
        data = model.get(name, b'')
        what = r.randrange(5)
        if what == 0:
            data = r.randbytes(r.choice([n for n in (0, 1, 4096, 70000) if shrink or n >= len(data)] or [len(data)]))
            with open('%s/%s' % (writer, name), 'wb') as f:
                f.write(data)
        elif what == 1 and name in model and shrink:
            data = data[:r.randrange(len(data) + 1)]
            os.truncate('%s/%s' % (writer, name), len(data))
        else:
            at = r.randrange(len(data) + 1)
            piece = r.randbytes(r.choice([1, 100, 5000]))
            with open('%s/%s' % (writer, name), 'r+b' if name in model else 'wb') as f:
                f.seek(at)
                f.write(piece)
            data = data[:at] + piece + data[at + len(piece):]
        model[name] = data
        late += eventually('%d: %s' % (i, name), lambda: read('%s/%s' % (reader, name)), data)
        late += eventually('%d: size of %s' % (i, name), lambda: os.stat('%s/%s' % (reader, name)).st_size, len(data))
        other, side = r.choice(sorted(model)), r.choice([a, b])
        late += eventually('%d: %s' % (i, other), lambda: read('%s/%s' % (side, other)), model[other])
    print('turns agreed', rounds, 'late', late)


def growth(a, b, rounds):
    """As turns, with files that never become shorter."""
    turns(a, b, rounds, shrink=False)


def queries():
    """QUERY_DIRECTORY requests that this kernel has sent."""
    return sum(int(n) for n in re.findall(r'QueryDirectories: (\d+)', open('/proc/fs/cifs/Stats').read()))


def lists(a, b, rounds):
    """What is listed through one mount is what was made, renamed and removed through the other."""
    r = random.Random(8)
    os.mkdir(a + '/d')
    os.mkdir(a + '/e')
    names, late = {'d': set(), 'e': set()}, 0
    for i in range(rounds):
        writer, reader = r.choice([(a, b), (b, a)])
        folder = r.choice(['d', 'e'])
        there = names[folder]
        what = r.randrange(4)
        if what < 2 or not there:
            name = 'n%d' % i
            if what == 0:
                os.mkdir('%s/%s/%s' % (writer, folder, name))
            else:
                open('%s/%s/%s' % (writer, folder, name), 'w').close()
            there.add(name)
        elif what == 2:
            name = r.choice(sorted(there))
            to = r.choice(['d', 'e'])
            os.rename('%s/%s/%s' % (writer, folder, name), '%s/%s/r%d' % (writer, to, i))
            there.discard(name)
            names[to].add('r%d' % i)
        else:
            name = r.choice(sorted(there))
            path = '%s/%s/%s' % (writer, folder, name)
            os.rmdir(path) if os.path.isdir(path) else os.unlink(path)
            there.discard(name)
        for f in ('d', 'e'):
            for side in (reader, writer):
                late += eventually('%d: list of %s' % (i, f), lambda: set(os.listdir('%s/%s' % (side, f))), names[f])
    # Nothing changes any more: a client with a lease on the folder has its listing.
    os.listdir(a + '/d')
    before = queries()
    for _ in range(20):
        assert set(os.listdir(a + '/d')) == names['d']
    print('lists agreed', rounds, 'late', late, 'asked', queries() - before)


def counter(a, b, rounds):
    """A number that both mounts raise under a byte-range lock loses nothing."""
    with open(a + '/counter', 'w') as f:
        f.write('0')

    def raise_it(path):
        for _ in range(rounds):
            with open(path, 'r+') as f:
                fcntl.lockf(f, fcntl.LOCK_EX, 1, 1000)
                number = int(f.read())
                f.seek(0)
                f.write(str(number + 1))
                f.flush()
                fcntl.lockf(f, fcntl.LOCK_UN, 1, 1000)

    both = [threading.Thread(target=raise_it, args=(side + '/counter',)) for side in (a, b)]
    for t in both:
        t.start()
    for t in both:
        t.join()
    for side in (a, b):
        eventually('counter', lambda: read(side + '/counter'), b'%d' % (2 * rounds))
    print('counter agreed', 2 * rounds)


if __name__ == '__main__':
    {'turns': turns, 'growth': growth, 'lists': lists, 'counter': counter}[sys.argv[1]](sys.argv[2], sys.argv[3], int(sys.argv[4]))
