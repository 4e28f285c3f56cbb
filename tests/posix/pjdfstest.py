#!/usr/bin/env python3
"""Runs a checkout of pjdfstest (github.com/pjd/pjdfstest) on the file system of the present folder, by hand; needs root and a C compiler.

    pjdfstest.py CHECKOUT [PREFIX...]      every file of tests, or those whose name begins so: `rename/`, `chmod/00`

On a share: `kernel-cifs/run.sh ... -- 'python3 /run/host/.../pjdfstest.py /run/host/CHECKOUT'`, as an administrator, with
KCIFS_OPTS=modefromsid,idsfromsid,mfsymlinks,sfu. Prints the assertions that failed and a count for each file of tests.

What Linux 6.1 cannot do on such a mount, and so fails: bound sockets; paths of PATH_MAX bytes; modes and owners of FIFOs and
devices made with `sfu`; losing the set-user-id bit by another user's write; counts of links and times in the second after a
change; a rename over a directory with entries (EACCES, not ENOTEMPTY). On a POSIX mount it forgets owners when it looks at a
file again, and makes no FIFOs and devices.

Linux 6.19 with posix,modefromsid,idsfromsid: 1,174 of 8,770 assertions failed. It sends no mode and no owner for symbolic links,
FIFOs, devices and sockets (new ones get 7777), and so lets other users rename and remove them by the wrong owner; these are nearly
all. Besides: paths of PATH_MAX bytes; losing the set-user-id bit by another user's write; counts of links and times in the second
after a change; subfolders are no links of their folder.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HAVE = ['#define HAVE_%s 1\n' % name for name in (
    'SYS_SYSMACROS_H', 'FACCESSAT', 'FCHMODAT', 'FCHOWNAT', 'FSTATAT', 'LINKAT', 'MKDIRAT', 'MKFIFOAT', 'MKNODAT', 'OPENAT', 'READLINKAT',
    'RENAMEAT', 'SYMLINKAT', 'UTIMENSAT', 'STRUCT_STAT_ST_ATIM', 'STRUCT_STAT_ST_CTIM', 'STRUCT_STAT_ST_MTIM')]


def build(checkout, folder):
    """A copy of the tests, with the program that they call beside them."""
    shutil.copytree(checkout / 'tests', folder / 'tests')
    (folder / 'config.h').write_text('#define _GNU_SOURCE 1\n' + ''.join(HAVE))
    subprocess.run(['cc', '-O1', '-w', '-I', folder, '-o', folder / 'pjdfstest', checkout / 'pjdfstest.c'], check=True)


def verdicts(output):
    """(number, passed, line) of each assertion; what is marked TODO does not count."""
    for line in output.splitlines():
        found = re.match(r'(not )?ok (\d+)', line)
        if found and '# TODO' not in line:
            yield int(found[2]), not found[1], line


def main():
    checkout, prefixes = pathlib.Path(sys.argv[1]).resolve(), tuple(sys.argv[2:])
    os.umask(0)
    total = bad = 0
    with tempfile.TemporaryDirectory(dir='/tmp') as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        build(checkout, folder)
        for test in sorted((folder / 'tests').glob('*/*.t')):
            title = '%s/%s' % (test.parent.name, test.stem)
            if not title.startswith(prefixes or ('',)):
                continue
            place = pathlib.Path('pjd-' + title.replace('/', '-'))
            place.mkdir()
            done = subprocess.run(['bash', test], cwd=place, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, errors='replace', timeout=1800)
            shutil.rmtree(place, ignore_errors=True)
            found = list(verdicts(done.stdout))
            wrong = [line for _, good, line in found if not good]
            total, bad = total + len(found), bad + len(wrong)
            print('%s: %d of %d failed' % (title, len(wrong), len(found)), *(line[:200] for line in wrong), sep='\n    ', flush=True)
    print('%d assertions, %d failed' % (total, bad))
    return 1 if bad or not total else 0


if __name__ == '__main__':
    sys.exit(main())
