#!/usr/bin/env python3
"""The PowerShell module, without a PowerShell: every file read by a grammar, every call made to a real server.

    tests/powershell/run.py                      every test
    tests/powershell/run.py grammar calls.shares those whose name begins so

The tests are in case_*.py, a function each. tests/install-peers makes the Python environment that they need.
"""
import argparse
import importlib
import os
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]
from rig import harness, server as servers  # noqa: E402

PYTHON = servers.TARGET / 'peers' / 'venv' / 'bin' / 'python'


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('names', nargs='*', help='beginnings of test names')
    options = ap.parse_args()
    try:
        import tree_sitter_powershell  # noqa: F401
    except ImportError:
        if pathlib.Path(sys.executable) == PYTHON or not PYTHON.exists():
            sys.exit('tree-sitter-powershell is missing: run tests/install-peers')
        os.execv(PYTHON, [str(PYTHON), *sys.argv])
    import suite
    for found in sorted(HERE.glob('case_*.py')):
        importlib.import_module(found.stem)
    cases = [c for c in harness.CASES if not options.names or any(c.name.startswith(n) for n in options.names)]
    if not cases:
        sys.exit('no test matches')
    return 1 if suite.Suite('freehold', 2).run(cases) else 0


if __name__ == '__main__':
    sys.exit(main())
