#!/usr/bin/env python3
"""End to end: real clients against a server of our own, and what the server does around them.

    tests/e2e/run.py                     every test, against Freehold
    tests/e2e/run.py smbclient kernel.tar   those whose name begins so
    tests/e2e/run.py --server samba      against a private smbd, to prove a test itself
    tests/e2e/run.py --large             with a 3 GiB file instead of 300 MiB

The tests are in case_*.py, a function each. tests/install-peers installs the clients. The kernel's client needs root.
"""
import argparse
import importlib
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]
from rig import harness  # noqa: E402


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('names', nargs='*', help='beginnings of test names')
    ap.add_argument('--server', choices=('freehold', 'samba'), default='freehold')
    ap.add_argument('--jobs', '-j', type=int, default=3)
    ap.add_argument('--large', action='store_true', help='files of several GiB')
    ap.add_argument('--keep', action='store_true', help="keep the server's folder")
    ap.add_argument('--list', action='store_true')
    options = ap.parse_args()
    for module in sorted(HERE.glob('case_*.py')):
        importlib.import_module(module.stem)
    cases = [c for c in harness.CASES
             if (not options.names or any(c.name.startswith(n) for n in options.names))
             and not (c.freehold_only and options.server != 'freehold')
             and (options.large or not c.large)]
    if not cases:
        sys.exit('no test matches')
    if options.list:
        print('\n'.join(c.name for c in cases))
        return 0
    return 1 if harness.Suite(options.server, options.jobs, options.large, options.keep).run(cases) else 0


if __name__ == '__main__':
    sys.exit(main())
