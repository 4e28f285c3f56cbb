#!/usr/bin/env python3
"""Does to a file what chance says, through two mounts of it in turn, and holds every byte read against a model in memory.

    exercise.py FIRST SECOND SEED OPERATIONS    FIRST and SECOND: folders, the same one on two mounts (or on one)

Writes, reads, appends, truncation, memory maps, fallocate in all its modes, copies within the file, flushes, and handles
closed and opened again. On two mounts each operation is one between open and close: a client that has a file open for
writing does not see others make it shorter. Prints what it did; ends with status 1 and the last operations where a byte
is wrong.
"""
import ctypes
import mmap
import os
import random
import sys

LIBC = ctypes.CDLL(None, use_errno=True)
MOST = 3 << 20
UNIT = 4096
KEEP_SIZE, PUNCH_HOLE, COLLAPSE_RANGE, ZERO_RANGE, INSERT_RANGE = 1, 2, 8, 16, 32


class Exercise:
    def __init__(self, folders, seed):
        self.r = random.Random(seed)
        self.paths = [f + '/exercised' for f in folders]
        self.model = bytearray()
        self.last = []
        self.counts = {}
        self.handles = [os.open(p, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o644) for p in self.paths]
        self.apart = folders[0] != folders[1]
        if self.apart:
            for fd in self.handles:
                os.close(fd)

    # --- chance -------------------------------------------------------------------------------------------------------

    def place(self, end, unit=1):
        """A range that begins before `end`, in whole units."""
        at = self.r.randrange(0, max(end, 1)) // unit * unit
        length = self.r.choice([1, 100, UNIT, 3 * UNIT, 64 << 10, 300_000]) * self.r.randrange(1, 4)
        return at, max(min(length, MOST - at) // unit * unit, unit)

    def put(self, at, data):
        if len(self.model) < at:
            self.model.extend(bytes(at - len(self.model)))
        self.model[at:at + len(data)] = data

    # --- operations ---------------------------------------------------------------------------------------------------

    def write(self, fd):
        at, length = self.place(MOST)
        data = self.r.randbytes(length)
        os.pwrite(fd, data, at)
        self.put(at, data)
        return at, length

    def append(self, fd):
        data = self.r.randbytes(self.r.randrange(1, 20_000))
        if len(self.model) + len(data) > MOST:
            return self.truncate(fd)
        at = os.lseek(fd, 0, os.SEEK_END)
        assert at == len(self.model), 'the end is at %d instead of %d' % (at, len(self.model))
        os.write(fd, data)
        self.put(at, data)
        return at, len(data)

    def read(self, fd):
        at, length = self.place(len(self.model))
        self.compare(at, os.pread(fd, length, at), self.model[at:at + length])
        return at, length

    def truncate(self, fd):
        size = self.r.randrange(MOST) if self.r.random() < 0.5 else self.r.randrange(len(self.model) + 1)
        os.ftruncate(fd, size)
        self.model = self.model[:size].ljust(size, b'\0')
        return size, 0

    def mapped(self, fd):
        if not self.model:
            return self.write(fd)
        at, length = self.place(len(self.model))
        length = min(length, len(self.model) - at)
        with mmap.mmap(fd, len(self.model)) as m:
            self.compare(at, m[at:at + length], self.model[at:at + length])
            data = self.r.randbytes(length)
            m[at:at + length] = data
            m.flush()
        self.put(at, data)
        return at, length

    def allocate(self, fd, mode, at, length):
        if LIBC.fallocate(fd, mode, ctypes.c_int64(at), ctypes.c_int64(length)) < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

    def punch(self, fd):
        at, length = self.place(len(self.model))
        self.allocate(fd, PUNCH_HOLE | KEEP_SIZE, at, length)
        end = min(at + length, len(self.model))
        self.model[at:end] = bytes(max(end - at, 0))
        return at, length

    def zero(self, fd):
        at, length = self.place(len(self.model))
        self.allocate(fd, ZERO_RANGE | KEEP_SIZE, at, length)
        end = min(at + length, len(self.model))
        self.model[at:end] = bytes(max(end - at, 0))
        return at, length

    def collapse(self, fd):
        at, length = self.place(len(self.model), UNIT)
        if at + length >= len(self.model):
            return self.read(fd)
        self.allocate(fd, COLLAPSE_RANGE, at, length)
        del self.model[at:at + length]
        return at, length

    def insert(self, fd):
        """Linux 6.1 moves what is behind in pieces of a MiB, the first one first, and so over the next."""
        at, length = self.place(len(self.model), UNIT)
        if not 0 < len(self.model) - at <= 1 << 20 or len(self.model) + length > MOST:
            return self.read(fd)
        self.allocate(fd, INSERT_RANGE, at, length)
        self.model[at:at] = bytes(length)
        return at, length

    def copy(self, fd):
        if not self.model:
            return self.write(fd)
        at, length = self.place(len(self.model))
        length = min(length, len(self.model) - at)
        to = self.r.randrange(MOST - length + 1)
        if abs(at - to) < length:
            return self.read(fd)
        os.fsync(fd)
        done = 0
        while done < length:
            done += os.copy_file_range(fd, fd, length - done, at + done, to + done)
        self.put(to, bytes(self.model[at:at + length]))
        return at, length

    def flush(self, fd):
        os.fsync(fd)
        return 0, 0

    def reopen(self, fd):
        side = self.handles.index(fd)
        os.close(fd)
        self.handles[side] = os.open(self.paths[side], os.O_RDWR)
        return 0, 0

    # --- the whole ----------------------------------------------------------------------------------------------------

    def compare(self, at, got, wanted):
        if got != bytes(wanted):
            first = next((i for i, (a, b) in enumerate(zip(got, wanted)) if a != b), min(len(got), len(wanted)))
            raise AssertionError('%d bytes read at %d, %d wanted; the first wrong one at %d' % (
                len(got), at, len(wanted), at + first))

    def step(self):
        weighed = [(self.write, 6), (self.read, 6), (self.append, 2), (self.truncate, 2), (self.mapped, 2), (self.punch, 1),
                   (self.zero, 1), (self.collapse, 1), (self.insert, 1), (self.copy, 2), (self.flush, 1), (self.reopen, 1)]
        operation = self.r.choices([o for o, _ in weighed], [w for _, w in weighed])[0]
        side = self.r.randrange(len(self.handles))
        if self.apart:
            self.handles[side] = os.open(self.paths[side], os.O_RDWR)
        fd = self.handles[side]
        self.last = self.last[-12:] + ['%s by %d' % (operation.__name__, side)]
        self.last[-1] += ' %d+%d' % operation(fd)
        self.counts[operation.__name__] = self.counts.get(operation.__name__, 0) + 1
        # What this side has changed is for the other side to see once it is flushed.
        os.fsync(self.handles[side])
        if self.apart:
            os.close(self.handles[side])

    def whole(self):
        for path in self.paths:
            with open(path, 'rb') as f:
                self.compare(0, f.read(), self.model)


def main():
    first, second, seed, operations = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    e = Exercise([first, second], seed)
    try:
        for n in range(operations):
            e.step()
            if n % 50 == 49:
                e.whole()
        e.whole()
    except (AssertionError, OSError) as error:
        print('wrong after %s: %s' % (', '.join(e.last), error))
        return 1
    print('%d operations, seed %d: %s' % (operations, seed, ', '.join('%d %s' % (c, n) for n, c in sorted(e.counts.items()))))
    return 0


if __name__ == '__main__':
    sys.exit(main())
