#!/usr/bin/env python3
"""Administration over HTTPS: curl, a schema fuzzer and bare sockets against a server of our own.

    tests/api/run.py                 every test
    tests/api/run.py logons fuzz     those whose name begins so

The tests are in case_*.py, a function each. tests/install-peers installs curl and schemathesis.
"""
import argparse
import importlib
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]
from rig import harness  # noqa: E402
from suite import ApiSuite  # noqa: E402


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('names', nargs='*', help='beginnings of test names')
    ap.add_argument('--jobs', '-j', type=int, default=2)
    ap.add_argument('--keep', action='store_true', help="keep the server's folder")
    options = ap.parse_args()
    for module in sorted(HERE.glob('case_*.py')):
        importlib.import_module(module.stem)
    cases = [c for c in harness.CASES if not options.names or any(c.name.startswith(n) for n in options.names)]
    if not cases:
        sys.exit('no test matches')
    return 1 if ApiSuite('freehold', options.jobs, False, options.keep).run(cases) else 0


if __name__ == '__main__':
    sys.exit(main())
