#!/usr/bin/env python3
"""A member of Active Directory: two real domain controllers, a member server, and clients, in network namespaces.

    tests/ad/run.py                      every case, against Freehold
    tests/ad/run.py logons groups.nested   those whose name begins so
    tests/ad/run.py --server samba       against smbd as a member, to prove a case itself

The cases are in case_*.py, a function each; README.md says how the network is made. Needs root, and what
tests/install-peers installs.
"""
import argparse
import importlib
import pathlib
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]
import hosts  # noqa: E402
from rig import harness  # noqa: E402


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('names', nargs='*', help='beginnings of test names')
    ap.add_argument('--server', choices=('freehold', 'samba'), default='freehold')
    ap.add_argument('--jobs', '-j', type=int, default=3)
    ap.add_argument('--keep', action='store_true', help="keep the folders")
    ap.add_argument('--list', action='store_true')
    options = ap.parse_args()
    import suite
    for module in sorted(HERE.glob('case_*.py')):
        importlib.import_module(module.stem)
    cases = [c for c in harness.CASES
             if (not options.names or any(c.name.startswith(n) for n in options.names))
             and not (c.freehold_only and options.server != 'freehold')]
    if not cases:
        sys.exit('no test matches')
    if options.list:
        print('\n'.join(c.name for c in cases))
        return 0
    if any(c.name.startswith('library.') for c in cases):
        import case_library
        case_library.build()
    folder = hosts.enter()
    begin = time.monotonic()
    bed = suite.Bed(folder)
    print('ad: a domain controller answers after %.1f s' % (time.monotonic() - begin), flush=True)
    return 1 if suite.Suite(bed, options.server, options.jobs, keep=options.keep).run(cases) else 0


if __name__ == '__main__':
    sys.exit(main())
