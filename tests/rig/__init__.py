"""What the peer suites share: the server under test (server.py) and the runner of test functions (harness.py)."""
